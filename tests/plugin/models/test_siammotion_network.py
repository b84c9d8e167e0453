from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torchvision.models import resnet18

from helpers import reference_siammotion as slow
from helpers.small_siammotion import (
    BOXES,
    PREDICTED,
    SIZE,
    canonical_sizes,
    crop_areas,
    crop_search_areas,
    enroll_boxes,
    propose,
    random_image,
    random_network,
    randomise_batch_norm,
    run_on_one_thread,
)
from mvot_plugin.engines.loading import prepare
from mvot_plugin.models import folding
from mvot_plugin.models.backbones.resnet import ResNet18
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.penalisation import Penalisation
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.ops.xcorr import pairwise_depthwise_xcorr

TOLERANCE = {"atol": 1e-4, "rtol": 1e-4}


@pytest.fixture(scope="module", autouse=True)
def no_gradients_on_one_thread():
    with torch.no_grad(), run_on_one_thread():
        yield


@pytest.fixture(scope="module")
def network():
    return random_network()


@pytest.fixture(scope="module")
def expected(network):
    """The reference's results for each of ``BOXES``."""
    pairs = zip(BOXES, PREDICTED, strict=True)
    return [slow.track_target(network, random_image(0), random_image(1), *pair) for pair in pairs]


def stack_results(results, name):
    return torch.stack([getattr(result, name) for result in results])


def test_the_backbone_is_that_of_the_reference(network):
    fast = network.features(random_image(0))
    for a, b in zip(fast, slow.backbone(network.state_dict(), random_image(0)), strict=True):
        assert_close(a, b, **TOLERANCE)


def test_the_backbone_takes_the_weights_of_torchvision():
    theirs, ours = resnet18(weights=None).eval(), ResNet18().eval()
    for part in theirs.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            randomise_batch_norm(part)
    answer = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert not answer.missing_keys
    assert {key.split(".")[0] for key in answer.unexpected_keys} == {"layer4", "fc"}
    with torch.inference_mode():
        x = theirs.relu(theirs.bn1(theirs.conv1(random_image(0, 64, 48))))
        fast = ours(random_image(0, 64, 48))
        assert_close(fast[0], x, **TOLERANCE)
        x = theirs.maxpool(x)
        for level, layer in enumerate((theirs.layer1, theirs.layer2, theirs.layer3), 1):
            x = layer(x)
            assert_close(fast[level], x, **TOLERANCE)


def test_areas_and_levels_are_those_of_the_reference(network):
    levels = network.levels(network.search_areas(BOXES))
    assert set(levels.tolist()) == {1, 2, 3, 4}
    for i, box in enumerate(BOXES):
        side = slow.exemplar_side(box)
        assert levels[i] == slow.pyramid_level(side * 31 / 15)
        for areas, bins in ((network.exemplar_areas(BOXES), 7), (network.search_areas(BOXES), 31)):
            assert areas[i] == pytest.approx(slow.square_area(box, side * bins / 15), abs=1e-3)


@pytest.mark.parametrize("stage", ["exemplar", "search"])
def test_crops_of_the_tiles_are_crops_of_the_whole_maps(stage, network, expected):
    boxes, bins = (BOXES, 7) if stage == "exemplar" else (PREDICTED, 31)
    areas = network.exemplar_areas(boxes) if bins == 7 else network.search_areas(boxes)
    levels = network.levels(network.search_areas(boxes))
    fast = crop_areas(network, random_image(int(bins == 31)), areas, levels, bins)
    assert_close(fast.permute(0, 3, 1, 2), stack_results(expected, stage)[:, 0], **TOLERANCE)


def test_enhanced_features_are_those_of_the_reference(network, expected):
    exemplars = enroll_boxes(network, random_image(0), BOXES)
    fast = network.attend(exemplars, crop_search_areas(network, random_image(1), PREDICTED))
    for i, part in enumerate(fast):
        reference = torch.cat([result.enhanced[i] for result in expected])
        assert_close(part.permute(0, 3, 1, 2), reference, **TOLERANCE)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad])
def test_proposals_are_those_of_the_reference(mode, network, expected):
    with mode():
        fast = propose(network)
    assert_close(fast.logits, stack_results(expected, "logits"), **TOLERANCE)
    assert_close(fast.boxes, stack_results(expected, "boxes"), atol=1e-3, rtol=1e-4)
    assert fast.logits.std() > 0.1


def test_the_box_and_the_score_are_those_of_the_reference(network, expected):
    last = canonical_sizes(network, BOXES)
    masks = distractor_masks(network.search_areas(PREDICTED), SIZE)
    boxes, scores = Penalisation().select(propose(network), last, masks)
    for i, result in enumerate(expected):
        box, score = slow.select_box(result.logits, result.boxes, last[i].tolist(), masks[i])
        assert boxes[i].tolist() == pytest.approx(box, abs=1e-2)
        assert float(scores[i]) == pytest.approx(score, abs=1e-4)


def test_the_proposals_of_a_target_do_not_depend_on_others(network):
    together, one = propose(network), BOXES[2:3]
    exemplars = enroll_boxes(network, random_image(0), one)
    crops = crop_search_areas(network, random_image(1), PREDICTED[2:3])
    alone = network.compare(exemplars, crops, canonical_sizes(network, one))
    assert_close(alone.logits[0], together.logits[2], **TOLERANCE)
    assert_close(alone.boxes[0], together.boxes[2], **TOLERANCE)


def test_a_folded_network_is_the_same_network(network):
    folded = deepcopy(network)
    fold_batch_norm(folded)
    assert not [m for m in folded.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(list(network.state_dict())) > len(list(folded.state_dict()))
    assert_close(propose(folded).logits, propose(network).logits, **TOLERANCE)
    assert_close(propose(folded).boxes, propose(network).boxes, atol=1e-3, rtol=1e-4)


def computes_halves():
    return torch.cpu.get_capabilities().get("avx512_bf16", False)


@pytest.fixture
def without_halves(monkeypatch):
    """A CPU whose oneDNN refuses bfloat16."""
    fused = torch.ops.mkldnn._convolution_pointwise

    def refuse(x, *others):
        if x.dtype == torch.bfloat16:
            raise RuntimeError("mkldnn_convolution: bf16 path needs the cpu support avx512bw")
        return fused(x, *others)

    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", refuse)
    folding._supports_fusion.cache_clear()
    yield
    folding._supports_fusion.cache_clear()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_cpu_without_half_precision_tracks_in_it_all_the_same(dtype, without_halves):
    network = random_network(backbone="lite0", width=16)
    prepare(network, torch.device("cpu"), dtype)
    fused = [m for m in network.modules() if isinstance(m, folding._ActivatedConv2d)]
    assert bool(fused) == (dtype == torch.float32)
    with torch.inference_mode():
        maps = network.features(
            random_image(0).to(dtype).contiguous(memory_format=torch.channels_last)
        )
    assert all(each.dtype == dtype and each.isfinite().all() for each in maps)


@pytest.mark.parametrize("backbone", ["resnet18", "lite0"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fused_activations_change_nothing(backbone, dtype):
    if dtype == torch.bfloat16 and not computes_halves():
        pytest.skip("this CPU has no bfloat16")
    plain = random_network(backbone=backbone, backbone_width=16, tower=2)
    fold_batch_norm(plain)
    plain.to(dtype=dtype, memory_format=torch.channels_last)
    fused = deepcopy(plain)
    fuse_activations(fused)
    activations = [m for m in fused.modules() if isinstance(m, torch.nn.ReLU | torch.nn.ReLU6)]
    assert not activations
    exemplars = torch.randn(2, 7, 7, 16).to(dtype)
    areas = torch.randn(2, 31, 31, 16).to(dtype)
    image = random_image(0).to(dtype).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        for a, b in zip(plain.features(image), fused.features(image), strict=True):
            assert torch.equal(a, b)
        here, there = (n.head.outputs(exemplars, areas) for n in (plain, fused))
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))


def test_a_tower_looks_at_the_neighbours_of_a_place():
    network = random_network(tower=1)
    exemplars = torch.rand(1, 7, 7, 16)
    areas = torch.rand(1, 31, 31, 16)
    classes, deltas = network.head.outputs(exemplars, areas)
    kernels = network.head.exemplar(exemplars.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    searched = network.head.search(areas.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    compared = pairwise_depthwise_xcorr(searched, kernels)
    for branch, tower, out in (
        (compared[..., :16], network.head.classify_tower, network.head.classify),
        (compared[..., 16:], network.head.regress_tower, network.head.regress),
    ):
        spread, mix, norm, _ = tower[0]
        patch = branch[0, 9:12, 4:7]  # about row 10, column 5
        summed = (patch.permute(2, 0, 1) * spread.weight[:, 0]).sum((1, 2))
        mixed = mix.weight[:, :, 0, 0] @ summed
        spread_out = (norm.running_var + norm.eps).sqrt()
        normed = (mixed - norm.running_mean) / spread_out * norm.weight + norm.bias
        expected = out.weight @ normed.relu() + out.bias
        found = classes[0, :, :, 10, 5] if out is network.head.classify else deltas[0, :, 10, 5]
        assert_close(found.flatten(), expected, atol=1e-4, rtol=1e-4)


def test_no_targets_have_no_proposals(network):
    none = np.empty((0, 4), np.float32)
    crops = crop_search_areas(network, random_image(0), none)
    exemplars = enroll_boxes(network, random_image(0), none)
    proposals = network.compare(exemplars, crops, torch.empty(0, 2))
    assert proposals.boxes.shape == (0, 5, 25, 25, 4)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_crops_are_equivariant_to_shifts_by_a_stride(level, network):
    """Far enough from the borders, whose zeros reach as far as a cell sees."""
    content = random_image(5, 96, 96)
    areas, crops = np.float32([[165.5, 170, 285, 290.25]]), []
    for dx, dy in ((0, 0), (16, 0), (32, -16)):
        canvas = torch.full((1, 3, 464, 464), 0.4)
        canvas[..., 176 + dy : 272 + dy, 176 + dx : 272 + dx] = content
        shifted_areas = areas + np.float32([dx, dy, dx, dy])
        crops.append(crop_areas(network, canvas, shifted_areas, np.array([level]), 31))
    assert_close(crops[1], crops[0], **TOLERANCE)
    assert_close(crops[2], crops[0], **TOLERANCE)
    assert crops[0].std() > 0.1


def test_bfloat16_gives_nearly_the_same_proposals(network):
    """Logits, whose spread is 2, within 0.15; centres within 5 of 248 pixels, sides within 10 %."""
    half = deepcopy(network)
    fold_batch_norm(half)
    half.to(dtype=torch.bfloat16, memory_format=torch.channels_last)
    crops = crop_search_areas(half, random_image(1).bfloat16(), PREDICTED)
    exemplars = enroll_boxes(half, random_image(0).bfloat16(), BOXES)
    rough = half.compare(exemplars, crops, canonical_sizes(network, BOXES))
    exact = propose(network)
    assert crops.dtype == torch.bfloat16
    assert rough.logits.dtype == rough.boxes.dtype == torch.float32
    assert (rough.logits - exact.logits).abs().max() < 0.15
    assert (rough.boxes[..., :2] - exact.boxes[..., :2]).abs().max() < 5
    assert (rough.boxes[..., 2:] / exact.boxes[..., 2:]).log().abs().max() < 0.1
