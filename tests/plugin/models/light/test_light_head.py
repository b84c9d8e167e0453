"""The light comparison head against a slow reference: one target at a time, cell by cell."""

import pytest
import torch
from torch.nn.functional import conv2d
from torch.testing import assert_close

from helpers.small_light import random_light_network

close = {"atol": 1e-4, "rtol": 1e-4}
BINS, KEPT, WIDTH = 16, 8, 16


@pytest.fixture(scope="module")
def head():
    return random_light_network().head


def random_pair(count, seed=0, bins=BINS):
    """The features of exemplars and of search areas."""
    generator = torch.Generator().manual_seed(seed)
    exemplars = torch.randn(count, KEPT**2, WIDTH, generator=generator)
    return exemplars, torch.randn(count, bins, bins, WIDTH, generator=generator)


def convolve(w, name, x, groups=1):
    """A convolution that keeps the size, batch norm by its formula, ReLU."""
    weight = w[f"{name}.0.weight"]
    x = conv2d(x[None], weight, padding=weight.shape[-1] // 2, groups=groups)[0]
    mean, variance, gain, bias = (
        w[f"{name}.1.{part}"][:, None, None]
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return ((x - mean) / (variance + 1e-5).sqrt() * gain + bias).relu()


def separate(w, name, x):
    """Each channel is filtered on its own; then they are mixed at each cell."""
    return convolve(w, f"{name}.1", convolve(w, f"{name}.0", x, groups=len(x)))


def predict(w, name, x):
    """What a branch says at each cell: (outputs, rows, columns)."""
    maps = separate(w, f"{name}.0", x)
    weight, bias = w[f"{name}.1.weight"][:, :, 0, 0], w[f"{name}.1.bias"]
    return torch.einsum("oc,cyx->oyx", weight, maps) + bias[:, None, None]


def answer_slowly(w, exemplar, area):
    """Log odds (rows, columns), distances (4, rows, columns) and visibility of one target."""
    filters = exemplar @ w["kernel.weight"].t() + w["kernel.bias"]
    rows, columns, _ = area.shape
    compared = torch.empty(len(filters) + WIDTH, rows, columns)
    for y in range(rows):
        for x in range(columns):
            for place, kernel in enumerate(filters):
                compared[place, y, x] = (kernel * area[y, x]).sum()
            compared[len(filters) :, y, x] = area[y, x]
    x = convolve(w, "mix", compared)
    for number in range(2):
        x = separate(w, f"tower.{number}", x)
    logits, distances = predict(w, "classify", x)[0], predict(w, "regress", x)
    share = logits.exp() / logits.exp().sum()
    pooled = torch.einsum("cyx,yx->c", x, share)
    hidden = w["see.0.weight"] @ torch.cat([pooled, logits.max()[None]]) + w["see.0.bias"]
    seen = w["see.2.weight"] @ hidden.relu() + w["see.2.bias"]
    return logits, distances.clamp(max=6).exp(), seen[0]


def test_answers_are_those_of_the_reference(head):
    exemplars, areas = random_pair(2)
    fast, w = head(exemplars, areas), head.state_dict()
    for row in range(2):
        logits, distances, seen = answer_slowly(w, exemplars[row], areas[row])
        assert_close(fast.logits[row], logits, **close)
        assert_close(fast.distances[row], distances, rtol=1e-3, atol=1e-3)
        assert_close(fast.visibility[row], seen, **close)
        assert float(logits.std()) > 0.01
        assert float(distances.std()) > 1
    assert float(fast.visibility.std()) > 1e-4


def test_targets_are_independent(head):
    exemplars, areas = random_pair(3)
    together = head(exemplars, areas)
    for row in range(3):
        alone = head(exemplars[row : row + 1], areas[row : row + 1])
        for part in ("logits", "distances", "visibility"):
            assert_close(getattr(together, part)[row], getattr(alone, part)[0], **close)


def test_another_exemplar_gets_other_answers(head):
    exemplars, areas = random_pair(1)
    one, other = head(exemplars, areas), head(exemplars.flip(1), areas)
    assert float((one.logits - other.logits).abs().max()) > 1e-2


def test_distances_are_limited():
    head = random_light_network().head
    head.regress[-1].bias.fill_(100.0)
    largest = head(*random_pair(1)).distances
    assert_close(largest, torch.full_like(largest, 6.0).exp())


def test_answers_are_in_single_precision():
    head = random_light_network().head.to(torch.bfloat16)
    answers = head(*(part.to(torch.bfloat16) for part in random_pair(1)))
    for part in (answers.logits, answers.distances, answers.visibility):
        assert part.dtype == torch.float32
        assert part.isfinite().all()


@pytest.mark.parametrize("bins", [8, 21])
def test_search_areas_may_have_any_number_of_bins(head, bins):
    answers = head(*random_pair(2, bins=bins))
    assert answers.logits.shape == (2, bins, bins)
    assert answers.distances.shape == (2, 4, bins, bins)
    assert answers.visibility.shape == (2,)
