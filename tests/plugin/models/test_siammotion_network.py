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
    crop_exemplar_areas,
    crop_search_areas,
    enroll_boxes,
    nearest_octaves,
    propose,
    random_image,
    random_network,
    randomise_batch_norm,
    run_on_one_thread,
)
from mvot_plugin.engines.siammotion import Penalisation
from mvot_plugin.models.backbones.resnet import ResNet18
from mvot_plugin.models.folding import fold_batch_norm
from mvot_plugin.models.penalisation import select_boxes
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.ops.tensors.xcorr import pairwise_depthwise_xcorr

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
    image = random_image(0)
    fast = network.features(normalize_images(torch.from_numpy(image[None])))
    reference = slow.backbone(network.state_dict(), slow.normalize(image))
    for a, b in zip(fast, reference, strict=True):
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
        image = slow.normalize(random_image(0, 64, 48))
        x = theirs.relu(theirs.bn1(theirs.conv1(image)))
        fast = ours(image)
        assert_close(fast[0], x, **TOLERANCE)
        x = theirs.maxpool(x)
        for level, layer in enumerate((theirs.layer1, theirs.layer2, theirs.layer3), 1):
            x = layer(x)
            assert_close(fast[level], x, **TOLERANCE)


def test_areas_and_scales_are_those_of_the_reference(network):
    config, octaves = network.config, nearest_octaves(network, BOXES)
    assert {-5, -1, 0, 2} <= set(octaves.tolist())
    for i, box in enumerate(BOXES):
        side = slow.exemplar_side(box)
        assert octaves[i] == slow.octave(side * 31 / 15)
        for areas, bins in ((config.exemplar_areas(BOXES), 7), (config.search_areas(BOXES), 31)):
            assert areas[i] == pytest.approx(slow.square_area(box, side * bins / 15), abs=1e-3)


def test_features_of_all_targets_are_those_of_the_reference(network, expected):
    """An exemplar, which is the middle of a search area, is the paper's part of its own area."""
    searched = crop_search_areas(network, random_image(1), PREDICTED)
    for stage, fast in (
        ("exemplar", crop_exemplar_areas(network, random_image(0), BOXES)),
        ("search", searched),
    ):
        reference = stack_results(expected, stage)[:, 0]
        assert_close(fast.permute(0, 3, 1, 2), reference, **TOLERANCE)
        assert reference.std() > 0.1


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
    masks = distractor_masks(network.config.search_areas(PREDICTED), SIZE)
    penalisation = Penalisation()
    settings = torch.from_numpy(penalisation.as_array())
    answers = select_boxes(propose(network), last, torch.from_numpy(masks), settings)
    boxes, scores, shapes = (answer.numpy() for answer in answers)
    sizes = penalisation.damp_sizes(boxes[:, 2:], last.numpy(), scores, shapes)
    for i, result in enumerate(expected):
        box, score = slow.select_box(result.logits, result.boxes, last[i].tolist(), masks[i])
        assert [*boxes[i, :2], *sizes[i]] == pytest.approx(box, abs=1e-2)
        assert float(scores[i]) == pytest.approx(score, abs=1e-4)


def test_the_proposals_of_a_target_do_not_depend_on_others(network):
    together, one = propose(network), BOXES[2:3]
    exemplars = enroll_boxes(network, random_image(0), one)
    crops = crop_search_areas(network, random_image(1), PREDICTED[2:3])
    alone = network.compare(exemplars, crops, canonical_sizes(network, one))
    assert_close(alone.logits[0], together.logits[2], **TOLERANCE)
    assert_close(alone.boxes[0], together.boxes[2], **TOLERANCE)


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
    exemplars = network.enroll(torch.empty(0, 7, 7, 16))
    proposals = network.compare(exemplars, torch.empty(0, 31, 31, 16), torch.empty(0, 2))
    assert proposals.boxes.shape == (0, 5, 25, 25, 4)


@pytest.mark.parametrize(("octave", "shift", "middle"), [(-2, 32, 464), (0, 16, 232), (2, 8, 232)])
def test_crops_are_equivariant_to_shifts_by_a_stride(octave, shift, middle, network):
    """Far enough from the borders, whose zeros reach as far as a cell sees."""
    content = random_image(5, 96, 96)
    areas, crops = np.float32([[-66.5, -62, 53, 58.25]]) + middle, []
    for dx, dy in ((0, 0), (shift, 0), (2 * shift, -shift)):
        canvas, x, y = np.full((2 * middle, 2 * middle, 3), 110, np.uint8), middle + dx, middle + dy
        canvas[y - 56 : y + 40, x - 56 : x + 40] = content
        shifted_areas = areas + np.float32([dx, dy, dx, dy])
        crops.append(crop_areas(network, canvas, shifted_areas, np.array([octave]), 31))
    assert_close(crops[1], crops[0], **TOLERANCE)
    assert_close(crops[2], crops[0], **TOLERANCE)
    assert crops[0].std() > 0.1


def test_bfloat16_gives_nearly_the_same_proposals(network):
    """Logits, whose spread is 2, within 0.15; centres within 5 of 248 pixels, sides within 10 %."""
    half = deepcopy(network)
    fold_batch_norm(half)
    half.to(dtype=torch.bfloat16, memory_format=torch.channels_last)
    crops = crop_search_areas(half, random_image(1), PREDICTED)
    exemplars = enroll_boxes(half, random_image(0), BOXES)
    rough = half.compare(exemplars, crops, canonical_sizes(network, BOXES))
    exact = propose(network)
    assert crops.dtype == torch.bfloat16
    assert rough.logits.dtype == rough.boxes.dtype == torch.float32
    assert (rough.logits - exact.logits).abs().max() < 0.15
    assert (rough.boxes[..., :2] - exact.boxes[..., :2]).abs().max() < 5
    assert (rough.boxes[..., 2:] / exact.boxes[..., 2:]).log().abs().max() < 0.1
