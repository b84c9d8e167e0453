"""SiamAttn's Siamese RPN blocks, and the selection of one region, against their reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references import siamattn as slow
from helpers.references.layers import cosine_window
from helpers.references.networks import SHAPES, random_case
from mvot_plugin.models.siamattn.network import AttnAnswers

TOLERANCE = {"atol": 3e-4, "rtol": 1e-4}
COUNT = 2


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("siamattn", request.param, count=COUNT)


def as_double(maps, n):
    """The map of each level of one target."""
    return [level[n].double().numpy() for level in maps]


def as_float(x):
    return torch.from_numpy(np.asarray(x)).float()


def random_answers(network, count, seed=3):
    """Proposals of any size anywhere, and no maps to refine them from."""
    generator, shape = torch.Generator().manual_seed(seed), network.anchors.shape[:3]
    deltas = 0.4 * torch.randn(count, *shape, 4, generator=generator)
    classes = 2 * torch.randn(count, 2, *shape, generator=generator)
    return AttnAnswers(classes=classes, deltas=deltas, fused=None, early=None)


def test_the_anchors_are_those_of_the_reference(case):
    config, anchors = case.config, case.network.anchors
    for k, row, column in np.ndindex(anchors.shape[:3]):
        expected = slow.anchor(config.ratios[k], row, column, anchors.shape[1:3], config)
        assert anchors[k, row, column].tolist() == pytest.approx(expected, abs=1e-3)
    assert_close(case.network.window, as_float(cosine_window(anchors.shape[1])), **TOLERANCE)


def test_the_paper_s_anchors_have_its_ratios(case):
    assert case.config.ratios == (0.33, 0.5, 1, 2, 3)
    sides = case.network.anchors[:, 0, 0, 2:]
    assert (sides[:, 1] / sides[:, 0]).tolist() == pytest.approx(case.config.ratios)


def test_the_weighted_proposals_are_those_of_the_reference(case):
    exemplars, searches = case.network.attend(case.templates, case.now)
    found = case.network.answer(case.templates, case.now)
    for n in range(COUNT):
        classes, deltas = slow.proposals(case.w, as_double(exemplars, n), as_double(searches, n))
        assert_close(found.classes[n], as_float(classes), **TOLERANCE)
        assert_close(found.deltas[n].permute(0, 3, 1, 2), as_float(deltas), **TOLERANCE)
    assert found.classes.std() > 0.1
    assert found.deltas.std() > 0.1


def test_the_weights_of_the_levels_are_apart_for_classes_and_boxes():
    case = random_case("siamattn", "paper", count=1)
    before = case.network.answer(case.templates, case.now)
    case.network.weights[1] += torch.tensor([1.0, 0.0, -1.0])
    after = case.network.answer(case.templates, case.now)
    assert torch.equal(before.classes, after.classes)
    assert (before.deltas - after.deltas).abs().max() > 0.01


@pytest.mark.parametrize(("window", "damping"), [(0.4, 0.4), (0.0, 1.0), (1.0, 0.0), (0.2, 0.7)])
def test_the_region_is_that_of_the_reference(window, damping):
    network = random_case("siamattn", "preset", count=1).network
    network.config = config = replace(network.config, window=window, size_damping=damping)
    answers, count = random_answers(network, 6), 6
    last = 15 + 40 * torch.rand(count, 2, generator=torch.Generator().manual_seed(5))
    boxes, log_odds = network.select(answers, last)
    for n in range(count):
        classes, deltas = answers.classes[n].double(), answers.deltas[n].permute(0, 3, 1, 2)
        sizes = last[n].tolist()
        region, odds, rate = slow.select(classes.numpy(), deltas.double().numpy(), sizes, config)
        size = [old + rate * (new - old) for old, new in zip(sizes, region[2:], strict=True)]
        assert boxes[n].tolist() == pytest.approx([*region[:2], *size], abs=1e-3)
        assert float(log_odds[n]) == pytest.approx(odds, abs=1e-5)
    logits = (answers.classes[:, 1] - answers.classes[:, 0]).flatten(1)
    assert (log_odds < logits.max(1).values).any()


@pytest.mark.parametrize(
    ("strength", "likelier", "is_wide"), [(0.05, 0.1, False), (0.0, 0.1, True), (0.05, 5.0, True)]
)
def test_a_change_of_shape_is_penalised(strength, likelier, is_wide):
    """A wide region of a slim target is not selected, unless it is much more probable."""
    network = random_case("siamattn", "preset", count=1).network
    network.config = replace(network.config, shape=strength)
    classes = torch.full((1, 2, *network.anchors.shape[:3]), -9.0)
    classes[:, 0], middle = 0.0, classes.shape[-1] // 2
    classes[0, 1, 4, middle, middle] = -1.0
    classes[0, 1, 0, middle, middle] = -1.0 + likelier
    deltas = torch.zeros(1, *network.anchors.shape)
    answers = AttnAnswers(classes=classes, deltas=deltas, fused=None, early=None)
    slim = network.anchors[4, 0, :1, 2:]
    boxes, log_odds = network.select(answers, slim)
    assert bool(boxes[0, 2] > slim[0, 0] + 0.1) == is_wide
    assert float(log_odds) == pytest.approx(-1.0 + (likelier if is_wide else 0))
