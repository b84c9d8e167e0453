"""The loss of SiamAttn: proposals, refined boxes, and masks of known shapes (Eq. 5)."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.training.siamese import build_network, edges_of, make_truth, overlap, values_of
from mvot_plugin.models.siamattn.network import AttnAnswers
from mvot_plugin.ops.tensors.anchors import encode_boxes
from mvot_training.siamese import siamattn_loss as module
from mvot_training.siamese.config import SiameseLossConfig
from mvot_training.siamese.siamattn_loss import siamattn_loss

CONFIG = SiameseLossConfig(refinement=0.8, masks=0.6)
SIDE, BINS, IMAGE = 136, 17, 288
BOXES = [[-12.0, 8.0, 40.0, 60.0], [10.0, -20.0, 36.0, 30.0]]
SURE = 20.0


@pytest.fixture
def network():
    return build_network("siamattn")


def make_answers(network, count):
    """Answers that say nothing."""
    shape = network.anchors.shape[:3]
    width, early = network.config.width, network.config.early_width
    return AttnAnswers(
        classes=torch.zeros(count, 2, *shape),
        deltas=torch.zeros(count, *shape, 4),
        fused=torch.zeros(count, width, BINS, BINS),
        early=torch.zeros(count, early, 2 * BINS, 2 * BINS),
    )


def answer_rightly(network, boxes):
    """Proposals that agree with the ground truth."""
    answers = make_answers(network, len(boxes))
    for n, box in enumerate(boxes):
        for anchor in np.ndindex(*network.anchors.shape[:3]):
            iou = overlap(edges_of(network.anchors[anchor]), edges_of(box))
            answers.classes[(n, slice(None), *anchor)] = torch.tensor(
                [-SURE, SURE] if iou > 0.45 else [SURE, -SURE]
            )
    answers.deltas[:] = encode_boxes(torch.tensor(boxes)[:, None, None, None], network.anchors)
    return answers


def fix_regions(monkeypatch, regions):
    """Let these regions be refined, whatever the boxes are."""
    monkeypatch.setattr(module, "_sample_regions", lambda boxes: torch.tensor(regions))


def find_mask_targets(network, truth, monkeypatch, regions):
    """What the masks of regions are to be: the gradient of the cross-entropy at 0 says it."""
    fix_regions(monkeypatch, regions)
    logits = torch.zeros(len(regions), 64, 64, requires_grad=True)
    monkeypatch.setattr(network.refinement, "predict_masks", lambda fused, early, where: logits)
    config = SiameseLossConfig(regions=1)
    losses = siamattn_loss(config, network, make_answers(network, len(truth.boxes)), truth)
    losses["masks"].backward()
    assert float(losses["masks"].detach()) == pytest.approx(math.log(2))
    return 0.5 - logits.grad * logits.numel()


def draw_shapes():
    """The masks of a rectangle and of a disc in search images, and whether a point is inside."""
    y, x = np.mgrid[:IMAGE, :IMAGE] + 0.5

    def is_in_rectangle(x, y):
        return (x >= 120) & (x < 184) & (y >= 90) & (y < 210)

    def is_in_disc(x, y):
        return (x - 150) ** 2 + (y - 160) ** 2 < 40**2

    shapes = is_in_rectangle, is_in_disc
    return np.stack([shape(x, y) for shape in shapes]), shapes


def test_right_proposals_cost_little_and_wrong_ones_much(network):
    truth, right = make_truth(BOXES, SIDE), answer_rightly(network, BOXES)
    cost = values_of(siamattn_loss(CONFIG, network, right, truth))["proposals"]
    assert cost < 1e-3
    for changes in ({"classes": -right.classes}, {"deltas": right.deltas + 0.3}):
        wrong = replace(right, **changes)
        assert values_of(siamattn_loss(CONFIG, network, wrong, truth))["proposals"] > 0.1


def test_refined_boxes_cost_the_smooth_l1_of_their_deltas(network, monkeypatch):
    regions = [[-10.0, 5.0, 44.0, 50.0], [-14.0, 9.0, 38.0, 66.0], [12.0, -22.0, 30.0, 36.0]]
    regions.append([9.0, -19.0, 40.0, 28.0])
    fix_regions(monkeypatch, regions)
    deltas = torch.randn(4, 4, generator=torch.Generator().manual_seed(0)) / 5
    asked = []

    def refine(fused, where):
        asked.append((fused, where))
        return deltas

    monkeypatch.setattr(network.refinement, "refine_boxes", refine)
    answers = make_answers(network, 3)
    answers.fused[:] = torch.arange(3.0)[:, None, None, None]
    truth = make_truth([BOXES[0], [0.0, 0.0, 9.0, 9.0], BOXES[1]], SIDE)
    truth.present[1] = False
    config = replace(CONFIG, regions=2)
    loss = values_of(siamattn_loss(config, network, answers, truth))["refinement"]
    errors = []
    for n, (x, y, w, h) in enumerate(regions):
        cx, cy, width, height = BOXES[n // 2]
        wanted = (cx - x) / w, (cy - y) / h, math.log(width / w), math.log(height / h)
        errors += [abs(d - t) for d, t in zip(deltas[n].tolist(), wanted, strict=True)]
    expected = np.mean([e**2 / 0.2 if e < 0.1 else e - 0.05 for e in errors])
    assert loss == pytest.approx(0.8 * expected, rel=1e-4)
    ((fused, where),) = asked
    assert fused[:, 0, 0, 0].tolist() == [0, 0, 2, 2]
    assert where.tolist() == torch.tensor(regions).tolist()


@pytest.mark.parametrize("unit", [1.0, 2.0])
def test_the_mask_of_a_region_is_what_the_image_shows_there(unit, network, monkeypatch):
    """The search areas have ``unit`` pixels in a canonical one, and are not in the middle."""
    masks, shapes = draw_shapes()
    truth = make_truth(BOXES, SIDE, masks=masks)
    areas = torch.tensor([[6.0, -4.0], [10.0, 3.0]])
    truth.areas[:] = torch.cat([areas, torch.full((2, 2), unit * SIDE)], dim=1)
    regions = [[16.0, -28.0, 50.0, 60.0], [-30.0, 10.0, 44.0, 36.0]]
    wanted = find_mask_targets(network, truth, monkeypatch, regions)
    line = (np.arange(64) + 0.5) / 64 - 0.5
    for n, (cx, cy, w, h) in enumerate(regions):
        x = IMAGE / 2 + float(areas[n, 0]) + unit * (cx + w * line)
        y = IMAGE / 2 + float(areas[n, 1]) + unit * (cy + h * line)
        places = np.meshgrid(x, y)
        inside = shapes[n](*places)
        assert 0.1 < inside.mean() < 0.95
        assert ((wanted[n].numpy() > 0.5) == inside).mean() > 0.97
        near = [shapes[n](places[0] + dx, places[1] + dy) for dx in (-1, 1) for dy in (-1, 1)]
        is_certain = np.all([each == inside for each in near], axis=0)
        assert np.allclose(wanted[n].numpy()[is_certain], inside[is_certain], atol=1e-4)


def test_beyond_the_image_a_mask_is_empty(network, monkeypatch):
    truth = make_truth(BOXES[:1], SIDE, masks=np.ones((1, IMAGE, IMAGE)))
    (wanted,) = find_mask_targets(network, truth, monkeypatch, [[144.0, 0.0, 64.0, 64.0]])
    assert float(wanted[:, :31].min()) == pytest.approx(1.0, abs=1e-4)
    assert float(wanted[:, 33:].max()) == pytest.approx(0.0, abs=1e-4)


def test_masks_are_learnt_of_present_objects_whose_mask_is_known(network, monkeypatch):
    truth = make_truth([*BOXES, BOXES[0]], SIDE, masks=np.ones((3, IMAGE, IMAGE)))
    truth.present[0], truth.masked[1] = False, False
    answers = make_answers(network, 3)
    answers.fused[:] = torch.arange(3.0)[:, None, None, None]
    asked = []

    def predict(fused, early, where):
        asked.append(fused[:, 0, 0, 0].tolist())
        return torch.zeros(len(where), 64, 64)

    monkeypatch.setattr(network.refinement, "predict_masks", predict)
    loss = values_of(siamattn_loss(CONFIG, network, answers, truth))["masks"]
    assert loss == pytest.approx(0.6 * math.log(2))
    assert asked == [[2.0]]


def test_regions_are_about_the_box():
    torch.manual_seed(0)
    box = torch.tensor(BOXES[0])
    regions = module._sample_regions(box.expand(500, 4))
    shifts, growth = (regions[:, :2] - box[:2]) / box[2:], (regions[:, 2:] / box[2:]).log()
    for values, most in ((shifts, 0.15), (growth, 0.25)):
        assert 0.9 * most < float(values.abs().max()) <= most + 1e-5
        assert abs(float(values.mean())) < 0.1 * most
    ious = [overlap(edges_of(region), edges_of(box)) for region in regions]
    assert np.mean(np.array(ious) > 0.5) > 0.9


def test_a_network_without_refinement_learns_proposals_alone(network):
    network.refinement = None
    answers = replace(make_answers(network, 2), fused=None, early=None)
    assert set(siamattn_loss(CONFIG, network, answers, make_truth(BOXES, SIDE))) == {"proposals"}


@pytest.mark.parametrize("unit", [0.5, 3.0])
def test_regions_in_pixels_count_from_the_middle_of_the_image(unit):
    truth = make_truth(BOXES, SIDE)
    truth.areas[:] = torch.tensor([[0.0, 0.0, SIDE, SIDE], [7.0, -9.0, unit * SIDE, 2 * SIDE]])
    regions = torch.tensor([[4.0, 8.0, 16.0, 32.0]])
    found = truth.to_pixels(regions, torch.tensor([1]))
    assert found.tolist() == [[7 + 4 * unit, -9 + 2 * 8.0, 16 * unit, 2 * 32.0]]
