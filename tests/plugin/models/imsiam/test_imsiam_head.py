"""IMSiam's IoU-aware head (3.3) and its tracking (3.5) against their reference."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references import imsiam as slow
from helpers.references.networks import SHAPES, channels_first, random_case, record_inputs
from mvot_plugin.models.imsiam.network import LevelAnswers

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}
COUNT = 2
PARTS = "classes", "centerness", "distances", "iou"


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("imsiam", request.param, count=COUNT)


def random_answers(network, count, levels, seed=3):
    """Answers of so many levels, which do not agree with each other."""
    generator, bins = torch.Generator().manual_seed(seed), network.config.search_bins
    shape = count, bins, bins
    return [
        LevelAnswers(
            classes=2 * torch.randn(count, 2, bins, bins, generator=generator),
            centerness=2 * torch.randn(shape, generator=generator),
            distances=5 + 60 * torch.rand(count, 4, bins, bins, generator=generator),
            iou=2 * torch.randn(shape, generator=generator),
        )
        for _ in range(levels)
    ]


def of_target(answers, n):
    """The maps of one target of each level, in double precision."""
    return [
        SimpleNamespace(**{name: getattr(a, name)[n].double().numpy() for name in PARTS})
        for a in answers
    ]


def as_float(x):
    return torch.from_numpy(np.asarray(x)).float()


def test_the_maps_of_each_level_are_those_of_the_reference(case):
    answers = case.network.answer(case.templates, case.now)
    assert len(answers) == case.network.levels
    for level, head in enumerate(case.network.heads):
        inputs = record_inputs(head, case.network.answer, case.templates, case.now)
        for n in range(COUNT):
            features = (part[n].double().numpy() for part in inputs)
            expected = slow.head(case.w, level, *features, case.config)
            for name in PARTS:
                found = getattr(answers[level], name)[n]
                assert_close(found, as_float(getattr(expected, name)), atol=1e-3, rtol=1e-4)
        assert all(getattr(answers[level], name).std() > 0.05 for name in PARTS)


def test_distances_are_positive_and_limited():
    case = random_case("imsiam", "preset", count=1)
    for bias, least, most in ((9.0, 18 * math.exp(4.0), None), (-9.0, 0.0, 1.0)):
        case.network.heads[0].distances.bias.fill_(bias)
        (found,) = case.network.answer(case.templates, case.now)
        assert float(found.distances.min()) >= least * (1 - 1e-5)
        assert float(found.distances.max()) <= (most or least * (1 + 1e-5))


def test_the_refined_score_is_that_of_the_reference():
    network = random_case("imsiam", "preset", count=1).network
    (answers,) = random_answers(network, 2, 1)
    for n in range(2):
        (one,) = of_target([answers], n)
        for row, column in np.ndindex(17, 17):
            expected = slow.refined_score(one, row, column)
            assert float(answers.score[n, row, column]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("levels", [1, 3])
@pytest.mark.parametrize(("window", "smoothing"), [(0.4, 0.4), (0.0, 1.0), (1.0, 0.0), (0.8, 0.3)])
def test_the_box_and_its_score_are_those_of_the_reference(window, smoothing, levels):
    network = random_case("imsiam", "preset", count=1).network
    network.config = config = replace(network.config, window=window, smoothing=smoothing)
    answers = random_answers(network, 5, levels)
    last = 20 + 40 * torch.rand(5, 2, generator=torch.Generator().manual_seed(5))
    boxes, log_odds = network.select(answers, last)
    for n in range(5):
        box, score = slow.select(of_target(answers, n), last[n].tolist(), config)
        assert boxes[n].tolist() == pytest.approx(box, abs=1e-3)
        assert float(log_odds[n].sigmoid()) == pytest.approx(score, abs=1e-5)
    if levels == 3:
        first, _ = network.select(answers[:1], last)
        assert (first - boxes).abs().max() > 1 or window == 1


def test_a_better_box_is_chosen_for_its_iou():
    """Of two places that are as likely, and as far from the middle."""
    network = random_case("imsiam", "preset", count=1).network
    classes, iou = torch.zeros(1, 2, 17, 17), torch.zeros(1, 17, 17)
    classes[:, 0, 8, [5, 11]] = 5.0
    distances = torch.ones(1, 4, 17, 17) * torch.tensor([10.0, 20.0, 30.0, 40.0]).view(4, 1, 1)
    for better, worse in ((5, 11), (11, 5)):
        iou[:, 8, better], iou[:, 8, worse] = 1.0, -1.0
        answer = LevelAnswers(classes=classes, centerness=iou * 0, distances=distances, iou=iou)
        boxes, _ = network.select([answer], torch.tensor([[40.0, 60.0]]))
        assert_close(boxes, torch.tensor([[8.0 * (better - 8) + 10, 10.0, 40.0, 60.0]]))


def test_a_certain_target_has_finite_log_odds():
    network = random_case("imsiam", "preset", count=1).network
    one = torch.ones(1, 17, 17)
    for sign in (1, -1):
        classes = torch.stack([one, -one], 1) * sign * 100
        answer = LevelAnswers(
            classes=classes, centerness=one * 100, distances=one.expand(1, 4, 17, 17), iou=one * 100
        )
        _, log_odds = network.select([answer], torch.ones(1, 2))
        assert float(log_odds) == pytest.approx(sign * math.log(1e6), rel=0.05)


def test_a_target_is_tracked_as_by_the_reference(case):
    config, w, levels = case.config, case.w, case.network.levels
    answers = case.network.answer(case.templates, case.now)
    boxes, log_odds = case.network.select(answers, case.sizes)
    for n in range(COUNT):
        before, now = (
            np.split(channels_first(area[n]), levels) for area in (case.before, case.now)
        )
        each = []
        for level in range(levels):
            exemplar = slow.middle(before[level], config.exemplar_bins)
            v = slow.embed_target(w, level, exemplar, case.sizes[n].tolist())
            template = slow.embed_template(w, level, exemplar, config.kept)
            fused = slow.fuse(w, level, v, template, now[level])
            each.append(slow.head(w, level, *slow.matching_features(w, level, fused), config))
        box, score = slow.select(each, case.sizes[n].tolist(), config)
        assert boxes[n].tolist() == pytest.approx(box, abs=1e-2)
        assert float(log_odds[n].sigmoid()) == pytest.approx(score, abs=1e-4)
