"""The loss of IMSiam, against loops over levels, pairs and places (Eqs. 7 to 15)."""

import math
from dataclasses import replace

import pytest
import torch

from helpers.training.siamese import (
    build_network,
    edges_of,
    make_truth,
    overlap,
    random_truth,
    values_of,
)
from mvot_plugin.models.imsiam.network import LevelAnswers
from mvot_training.siamese.config import SiameseLossConfig
from mvot_training.siamese.imsiam_loss import imsiam_loss
from mvot_training.siamese.truth import centerness, distances_to_edges

CONFIG = SiameseLossConfig()
NETWORK = build_network("imsiam")
PLACES, SIDE = NETWORK.places.tolist(), 136
BOX = [[6.0, -10.0, 56.0, 40.0]]
SURE = 20.0


def random_answers(count, seed):
    """The answers of one level at random."""
    generator = torch.Generator().manual_seed(100 + seed)
    bins = len(PLACES)

    def draw(*shape):
        return 2 * torch.randn(count, *shape, bins, bins, generator=generator)

    return LevelAnswers(
        classes=draw(2), centerness=draw(), distances=1 + 10 * draw(4).abs(), iou=draw()
    )


def cross_entropy(logit, target):
    return math.log1p(math.exp(-abs(logit))) + max(logit, 0) - target * logit


def region_of(x, y, box, present):
    """The region of a place (Eq. 7): "centre", "ignored" or "outside"."""
    (cx, cy, w, h), sides = box, (0.75, 1.0)
    for name, side in zip(("centre", "ignored"), sides, strict=True):
        if present and abs(x - cx) <= side * w / 2 and abs(y - cy) <= side * h / 2:
            return name
    return "outside"


def compute_slowly(levels, truth):
    """The mean of the levels' losses; the places of a class are averaged."""
    totals = dict.fromkeys(("classes", "regression", "centerness", "iou"), 0.0)
    for answers in levels:
        terms = {"centre": [], "outside": []}
        parts = {"regression": [], "centerness": [], "iou": []}
        for n, box in enumerate(truth.boxes.tolist()):
            x0, y0, x1, y1 = edges_of(box)
            for row, y in enumerate(PLACES):
                for column, x in enumerate(PLACES):
                    region = region_of(x, y, box, bool(truth.present[n]))
                    if region == "ignored":
                        continue
                    target, background = answers.classes[n, :, row, column].tolist()
                    logit = target - background
                    is_target = region == "centre"
                    terms[region].append(cross_entropy(logit, float(is_target)))
                    if not is_target:
                        continue
                    left, top, right, bottom = x - x0, y - y0, x1 - x, y1 - y
                    across, down = sorted((left, right)), sorted((top, bottom))
                    middle = math.sqrt(across[0] / across[1] * down[0] / down[1])
                    found = answers.distances[n, :, row, column].tolist()
                    found = x - found[0], y - found[1], x + found[2], y + found[3]
                    iou = overlap(found, (x0, y0, x1, y1))
                    parts["regression"].append(-math.log(max(iou, 1e-3)))
                    logits = answers.centerness[n, row, column], answers.iou[n, row, column]
                    parts["centerness"].append(cross_entropy(float(logits[0]), middle))
                    parts["iou"].append(cross_entropy(float(logits[1]), iou))
        totals["classes"] += sum(sum(each) / len(each) for each in terms.values()) / 2
        for name, weight in (("regression", 1.2), ("centerness", 0.5), ("iou", 0.5)):
            totals[name] += weight * sum(parts[name]) / len(parts[name])
    return {name: total / len(levels) for name, total in totals.items()}


def answer_rightly(boxes):
    """Answers that agree with the ground truth, in the middle as everywhere in the box."""
    edges = distances_to_edges(torch.tensor(boxes), NETWORK.places)
    inside = (edges >= 0).all(1)
    logits = torch.where(inside, SURE, -SURE)
    return LevelAnswers(
        classes=torch.stack([logits, -logits], dim=1),
        centerness=centerness(edges).clamp(1e-4, 1 - 1e-4).logit(),
        distances=edges.clamp(min=0.1),
        iou=torch.full_like(logits, SURE),
    )


def compute(answers, truth, config=CONFIG):
    return values_of(imsiam_loss(config, NETWORK, [answers], truth))


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_a_mean_over_levels_and_places(seed):
    truth = random_truth(SIDE, seed, count=4)
    levels = [random_answers(4, 10 * seed + level) for level in range(2)]
    losses = values_of(imsiam_loss(CONFIG, NETWORK, levels, truth))
    assert losses == pytest.approx(compute_slowly(levels, truth), rel=1e-4)


def test_right_answers_cost_no_more_than_centreness_is_uncertain():
    losses = compute(answer_rightly(BOX), make_truth(BOX, SIDE))
    assert [losses[name] for name in ("classes", "regression", "iou")] == pytest.approx(
        [0, 0, 0], abs=1e-5
    )
    for shift in (-1.0, 1.0):
        right = answer_rightly(BOX)
        other = replace(right, centerness=right.centerness + shift)
        assert compute(other, make_truth(BOX, SIDE))["centerness"] > losses["centerness"] + 0.01


def test_right_answers_are_the_box():
    boxes = torch.tensor(BOX)
    answers = replace(answer_rightly(BOX), distances=distances_to_edges(boxes, NETWORK.places))
    found, _ = NETWORK.select([answers], boxes[:, 2:])
    assert torch.allclose(found, boxes, atol=1e-3)


def test_what_is_between_the_regions_is_ignored():
    truth, right = make_truth(BOX, SIDE), answer_rightly(BOX)
    regions = [[region_of(x, y, BOX[0], present=True) for x in PLACES] for y in PLACES]
    counts = {}
    for region in ("centre", "ignored", "outside"):
        where = torch.tensor([[each == region for each in row] for row in regions])
        counts[region] = int(where.sum())
        wrong = replace(right, classes=torch.where(where, -right.classes, right.classes))
        loss = compute(wrong, truth)["classes"]
        assert loss == pytest.approx(0 if region == "ignored" else SURE, abs=1e-4)
    assert min(counts.values()) > 5


def test_in_negative_pairs_the_target_is_nowhere():
    truth = make_truth(BOX, SIDE, present=False)
    losses = compute(answer_rightly(BOX), truth)
    assert losses["classes"] > 0.1
    assert losses["regression"] == losses["centerness"] == losses["iou"] == 0
    nowhere = torch.full((1, 2, 17, 17), SURE)
    nowhere[:, 0] = -SURE
    assert compute(replace(answer_rightly(BOX), classes=nowhere), truth)["classes"] < 1e-5


def test_boxes_are_not_changed_for_the_predicted_iou():
    answers = random_answers(1, 0)
    answers.distances.requires_grad_()
    answers.iou.requires_grad_()
    imsiam_loss(CONFIG, NETWORK, [answers], make_truth(BOX, SIDE))["iou"].backward()
    assert float(answers.iou.grad.abs().max()) > 0
    assert answers.distances.grad is None


def test_weights_are_those_of_the_config():
    answers, truth = random_answers(1, 0), make_truth(BOX, SIDE)
    once = compute(answers, truth)
    twice = compute(answers, truth, SiameseLossConfig(regression=2.4, centerness=1.0, iou=1.0))
    assert twice == pytest.approx(
        {name: loss * (1 if name == "classes" else 2) for name, loss in once.items()}
    )
