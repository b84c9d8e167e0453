"""SiamAttn's region refinement (3.3), a box and a mask, against its reference."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references import siamattn as slow
from helpers.references.layers import place, sigmoid
from helpers.references.networks import SHAPES, channels_first, random_case, record_inputs
from mvot_plugin.models.siamattn.refinement import sample_regions

TOLERANCE = {"atol": 3e-4, "rtol": 1e-4}
COUNT = 2
REGIONS = torch.tensor([[3.0, -5.0, 30.0, 44.0], [-50.0, 40.0, 90.0, 61.0]])
"""The second one reaches beyond the search area."""


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("siamattn", request.param, count=COUNT)


@pytest.fixture(scope="module")
def answers(case):
    return case.network.answer(case.templates, case.now)


def as_float(x):
    return torch.from_numpy(np.asarray(x)).float()


def as_double(x):
    return x.double().numpy()


def expected_fused(case, n):
    exemplars, searches = case.network.attend(case.templates, case.now)
    levels = ([as_double(level[n]) for level in part] for part in (exemplars, searches))
    return slow.fuse(case.w, *levels)


def expected_early(case, n):
    return slow.unfold_early(channels_first(case.now[n])[-4 * case.config.early_width :])


def test_the_fused_correlations_are_those_of_the_reference(case, answers):
    for n in range(COUNT):
        assert_close(answers.fused[n], as_float(expected_fused(case, n)), **TOLERANCE)
    assert answers.fused.std() > 0.05


def test_the_early_features_are_those_of_the_reference(case, answers):
    for n in range(COUNT):
        assert_close(answers.early[n], as_float(expected_early(case, n)))


def test_samples_are_what_the_map_is_there():
    """Of a map that says where its cells are, samples are the bins' centres."""
    line = torch.tensor([place(cell, 17) for cell in range(17)])
    maps = torch.stack([line.expand(17, 17), line[:, None].expand(17, 17)])[None]
    region = torch.tensor([[10.0, -20.0, 40.0, 24.0]])
    found = sample_regions(maps, region, 4)[0]
    assert found[0, 0].tolist() == pytest.approx([-5.0, 5.0, 15.0, 25.0], abs=1e-4)
    assert found[1, :, 0].tolist() == pytest.approx([-29.0, -23.0, -17.0, -11.0], abs=1e-4)
    shifts = torch.tensor([0.5, -0.25]).expand(1, 4, 4, 2)
    shifted = sample_regions(maps, region, 4, shifts)[0]
    assert_close(shifted - found, torch.tensor([20.0, -6.0])[:, None, None].expand(2, 4, 4))


def test_the_deformable_pool_is_that_of_the_reference(case, answers):
    pool = case.network.refinement.pool
    found, regular = pool(answers.fused, REGIONS), sample_regions(answers.fused, REGIONS, 4)
    assert (found - regular).abs().max() > 0.05
    for n in range(COUNT):
        fused, region = as_double(answers.fused[n]), REGIONS[n].tolist()
        assert_close(found[n], as_float(slow.deformable_pool(case.w, fused, region)), **TOLERANCE)


def test_the_refined_box_is_that_of_the_reference(case, answers):
    found = case.network.refinement.refine_boxes(answers.fused, REGIONS)
    for n in range(COUNT):
        expected = slow.refine_box(case.w, as_double(answers.fused[n]), REGIONS[n].tolist())
        assert_close(found[n], as_float(expected), **TOLERANCE)


def test_the_mask_is_that_of_the_reference(case, answers):
    found = case.network.refinement.predict_masks(answers.fused, answers.early, REGIONS)
    assert found.shape == (COUNT, 64, 64)
    assert found.std() > 0.02
    for n in range(COUNT):
        maps = as_double(answers.fused[n]), as_double(answers.early[n])
        expected = slow.predict_mask(case.w, *maps, REGIONS[n].tolist())
        assert_close(found[n], as_float(expected), **TOLERANCE)


def test_the_features_of_a_mask_are_those_of_its_pixels():
    """Of features of stride 4 that say which pixel they are centred on, as the frame has them."""
    case = random_case("siamattn", "preset", count=1)
    network, bins, first = case.network, case.config.search_bins, (3, 5)
    for layer, taps in ((network.early, 0), (network.refinement.early, 1)):
        layer.weight.zero_()
        layer.bias.zero_()
        layer.weight[0, 0, taps, taps] = layer.weight[1, 1, taps, taps] = 1.0
    for part in network.refinement.fused.parameters():
        part.zero_()
    line = 4 * torch.arange(52.0) + 0.5  # as ``FIRST_CELL`` says
    early = torch.zeros(1, 24, 52, 52)
    early[0, 0], early[0, 1] = line, line[:, None]
    features = network.merge(early, [torch.zeros(1, network.backbone.channels[0], 26, 26)])
    crops = features[:, first[0] : first[0] + bins, first[1] : first[1] + bins]
    answers, region = network.answer(case.templates, crops), torch.tensor([[-6.0, 9.0, 48.0, 32.0]])
    refinement, maps = network.refinement, (answers.fused, answers.early)
    found = record_inputs(refinement.layers, refinement.predict_masks, *maps, region)[0][0]
    x, y = (0.5 + 8 * (cell + (bins - 1) / 2) for cell in (first[1], first[0]))
    steps = (torch.arange(16) + 0.5) / 16 - 0.5
    assert_close(found[0, 0], x - 6 + 48 * steps, atol=1e-3, rtol=0)
    assert_close(found[1, :, 0], y + 9 + 32 * steps, atol=1e-3, rtol=0)


def test_a_target_is_tracked_as_by_the_reference(case, answers):
    """The mask is that of the box that is reported."""
    network, config, w = case.network, case.config, case.w
    boxes, log_odds, masks = network.select(answers, case.sizes)
    for n in range(COUNT):
        deltas = as_double(answers.deltas[n].permute(0, 3, 1, 2))
        last = case.sizes[n].tolist()
        region, odds, rate = slow.select(as_double(answers.classes[n]), deltas, last, config)
        fused, early = as_double(answers.fused[n]), expected_early(case, n)
        refined = slow.decode(slow.refine_box(w, fused, region), region)
        size = [old + rate * (new - old) for old, new in zip(last, refined[2:], strict=True)]
        box = [*refined[:2], *size]
        assert boxes[n].tolist() == pytest.approx(box, abs=2e-2)
        assert float(log_odds[n]) == pytest.approx(odds, abs=1e-3)
        mask = sigmoid(slow.predict_mask(w, fused, early, boxes[n].tolist()))
        assert_close(masks[n], as_float(mask), **TOLERANCE)
        assert abs(refined[0] - region[0]) > 0.01


def test_without_refinement_there_is_a_region_and_no_mask():
    case = random_case("siamattn", "preset", count=COUNT, early_width=12)
    plain = random_case("siamattn", "preset", count=COUNT, refine=False)
    network = plain.network
    network.load_state_dict(case.network.state_dict(), strict=False)
    levels = case.now[..., : 48 * network.levels]
    found = network.select(network.answer(case.templates, levels), case.sizes)
    assert len(found) == 2
    answers = case.network.answer(case.templates, case.now)
    without = replace(answers, fused=None, early=None)
    for ours, theirs in zip(found, case.network.select(without, case.sizes), strict=True):
        assert_close(ours, theirs)
    assert not any(name.startswith("refinement") for name in network.state_dict())
