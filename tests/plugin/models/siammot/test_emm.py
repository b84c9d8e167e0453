"""The explicit motion model, stage by stage, against its reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references import siammot as slow
from helpers.references.layers import cosine_window, place
from helpers.references.networks import SHAPES, channels_first, random_case, record_inputs
from mvot_plugin.models.siammot.emm import EmmAnswers
from mvot_plugin.ops.tensors.boxes import cxcywh_to_xyxy

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("siammot-emm", request.param, count=3)


def found_response(case, crops=None):
    """r, which the two branches get."""
    crops = case.now if crops is None else crops
    return record_inputs(case.network.visibility, case.network.answer, case.templates, crops)[0]


def expected_response(case, n):
    return slow.response(channels_first(case.now[n]), channels_first(case.templates[0][n]))


def random_answers(case, count, seed=3):
    """Maps whose likeliest places are anywhere, of boxes of any size."""
    generator, places = torch.Generator().manual_seed(seed), len(case.network.places)
    distances = torch.rand(count, 4, places, places, generator=generator)
    distances = 8 * case.config.exemplar_bins * (0.1 + 0.9 * distances)
    visibility = torch.randn(count, places, places, generator=generator)
    return EmmAnswers(visibility=visibility, distances=distances)


def as_float(x):
    return torch.from_numpy(np.asarray(x)).float()


def test_places_and_window_are_those_of_the_score_map(case):
    count = case.config.search_bins - case.config.exemplar_bins + 1
    expected = [place(cell, count) for cell in range(count)]
    assert case.network.places.tolist() == expected
    assert_close(case.network.window, as_float(cosine_window(count)), **TOLERANCE)


def test_the_template_is_in_the_middle_of_the_search_area(case):
    """Of features that say how far right and how far down they are, its mean is 0."""
    bins = case.config.search_bins
    line = as_float([place(cell, bins) for cell in range(bins)])
    ramp = torch.stack([line.expand(bins, bins), line[:, None].expand(bins, bins)], dim=-1)
    (template,) = case.network.enroll(ramp[None], case.sizes[:1])
    assert template.shape == (1, case.config.exemplar_bins, case.config.exemplar_bins, 2)
    assert_close(template.mean((0, 1, 2)), torch.zeros(2), atol=1e-4, rtol=0)
    step = template[0, 1:, :, 1] - template[0, :-1, :, 1]
    assert_close(step, torch.full_like(step, 8.0), atol=1e-4, rtol=0)


def test_a_template_that_has_moved_responds_where_it_is():
    """By one bin to the right and two down, of a target in the middle."""
    case = random_case("siammot-emm", "preset", count=1)
    moved = torch.zeros_like(case.before)
    begin, bins = (case.config.search_bins - case.config.exemplar_bins) // 2, 8
    moved[:, begin + 2 :, begin + 1 :][:, :bins, :bins] = case.templates[0]
    best = int(found_response(case, crops=moved).sum(1).argmax())
    row, column = divmod(best, len(case.network.places))
    assert (case.network.places[column], case.network.places[row]) == (8.0, 16.0)


def test_the_response_is_that_of_the_reference(case):
    found = found_response(case)
    assert found.std() > 0.02
    for n in range(3):
        assert_close(found[n], as_float(expected_response(case, n)), atol=1e-5, rtol=1e-4)


def test_both_maps_are_those_of_the_reference(case):
    found = case.network.answer(case.templates, case.now)
    assert found.visibility.std() > 0.1
    assert found.distances.log().std() > 0.1
    for n in range(3):
        r = expected_response(case, n)
        assert_close(found.visibility[n], as_float(slow.visibility_map(case.w, r)), **TOLERANCE)
        expected = slow.location_map(case.w, r, case.config.exemplar_bins)
        assert_close(found.distances[n], as_float(expected), atol=1e-3, rtol=1e-4)


def test_distances_are_positive_and_limited():
    case = random_case("siammot-emm", "preset", count=1)
    for bias, expected in ((9.0, 32 * np.exp(4.0)), (-9.0, None)):
        case.network.location[6].bias.fill_(bias)
        found = case.network.answer(case.templates, case.now).distances
        assert (found > 0).all()
        assert expected is None or float(found.min()) == pytest.approx(expected, rel=1e-5)
    assert found.max() < 1


def test_the_box_of_each_place_is_that_of_the_reference(case):
    answers = random_answers(case, 2)
    boxes = cxcywh_to_xyxy(case.network.decode(answers)).unflatten(1, answers.visibility.shape[1:])
    p = answers.distances.double().numpy()
    for n, row, column in np.ndindex(boxes.shape[:3]):
        expected = slow.region(p[n], row, column)
        assert boxes[n, row, column].tolist() == pytest.approx(expected, abs=1e-3)


def test_the_penalty_map_is_that_of_the_reference(case):
    answers, window = random_answers(case, 2), cosine_window(len(case.network.places))
    sizes = case.network.decode(answers)[..., 2:]
    found = case.network.penalty_map(sizes, case.sizes[:2]).unflatten(1, window.shape)
    p, config = answers.distances.double().numpy(), case.config
    for n, row, column in np.ndindex(found.shape):
        box, last = slow.region(p[n], row, column), case.sizes[n].tolist()
        expected = slow.penalty(
            box, row, column, last, window, config.window, config.scale_deviation
        )
        assert float(found[n, row, column]) == pytest.approx(expected, abs=1e-5)
    assert found.std() > 0.05


def test_the_penalty_is_1_in_the_middle_for_a_box_of_the_same_size():
    network = random_case("siammot-emm", "preset", count=1).network
    sizes = torch.tensor([[[50.0, 70.0]]]).expand(1, 81, 2)
    found = network.penalty_map(sizes, sizes[:, 0]).view(9, 9)
    assert float(found[4, 4]) == float(found.max()) == pytest.approx(1.0)
    expected = 0.4 * float(network.window[0, 0]) + 0.6
    assert float(found[0, 0]) == float(found.min()) == pytest.approx(expected)


@pytest.mark.parametrize("window", [0.0, 0.4, 1.0])
def test_the_place_selected_is_that_of_the_reference(window):
    case = random_case("siammot-emm", "preset", count=1)
    case.network.config = replace(case.config, window=window)
    answers, count = random_answers(case, 12), 12
    last = 20 + 60 * torch.rand(count, 2, generator=torch.Generator().manual_seed(5))
    boxes, log_odds = case.network.select(answers, last)
    corners = cxcywh_to_xyxy(boxes)
    v, p = answers.visibility.double().numpy(), answers.distances.double().numpy()
    for n in range(count):
        box, odds = slow.select(v[n], p[n], last[n].tolist(), case.network.config)
        assert corners[n].tolist() == pytest.approx(box, abs=1e-3)
        assert float(log_odds[n]) == pytest.approx(odds, abs=1e-6)
    likeliest = answers.visibility.flatten(1).max(1).values
    assert (log_odds < likeliest).any()


def test_a_target_is_tracked_as_by_the_reference(case):
    network, w = case.network, case.w
    boxes, log_odds = network.select(network.answer(case.templates, case.now), case.sizes)
    for n in range(3):
        r = expected_response(case, n)
        p = slow.location_map(w, r, case.config.exemplar_bins)
        box, odds = slow.select(
            slow.visibility_map(w, r), p, case.sizes[n].tolist(), case.network.config
        )
        assert cxcywh_to_xyxy(boxes[n]).tolist() == pytest.approx(box, abs=1e-2)
        assert float(log_odds[n]) == pytest.approx(odds, abs=1e-4)
