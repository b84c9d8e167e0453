"""The losses of SiamMOT's motion models, against loops over pairs and places (Eqs. 3 and 6)."""

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
from mvot_plugin.models.siammot.emm import EmmAnswers
from mvot_plugin.models.siammot.imm import ImmAnswers, ImplicitMotionModel
from mvot_training.siamese.config import SiameseLossConfig
from mvot_training.siamese.siammot_losses import emm_loss, imm_loss
from mvot_training.siamese.truth import distances_to_edges

CONFIG = SiameseLossConfig(region=0.7)
EMM, IMM = build_network("siammot-emm"), build_network("siammot-imm")
PLACES = EMM.places.tolist()
SIDES = {"siammot-emm": 128, "siammot-imm": 64}
"""Canonical pixels along a search area."""
SURE = 20.0


def focal(logit, is_positive):
    """The focal loss of Lin et al. (2017): alpha is 0.25, gamma is 2."""
    probability = 1 / (1 + math.exp(-logit))
    if is_positive:
        return -0.25 * (1 - probability) ** 2 * math.log(probability)
    return -0.75 * probability**2 * math.log(1 - probability)


def smooth_l1(error, beta=0.1):
    error = abs(error)
    return error**2 / (2 * beta) if error < beta else error - beta / 2


def random_emm_answers(count, seed):
    generator = torch.Generator().manual_seed(100 + seed)
    cells = len(PLACES)
    return EmmAnswers(
        visibility=3 * torch.randn(count, cells, cells, generator=generator),
        distances=1 + 40 * torch.rand(count, 4, cells, cells, generator=generator),
    )


def random_imm_answers(count, seed):
    generator = torch.Generator().manual_seed(100 + seed)
    return ImmAnswers(
        visibility=3 * torch.randn(count, generator=generator),
        motion=torch.randn(count, 4, generator=generator) / 2,
    )


def compute_emm_slowly(answers, truth):
    visibility, location, positives, weights = 0.0, 0.0, 0, 0.0
    for n, box in enumerate(truth.boxes):
        x0, y0, x1, y1 = edges_of(box)
        for row, y in enumerate(PLACES):
            for column, x in enumerate(PLACES):
                inside = bool(truth.present[n]) and x0 < x < x1 and y0 < y < y1
                visibility += focal(float(answers.visibility[n, row, column]), inside)
                if not inside:
                    continue
                positives += 1
                across, down = sorted((x - x0, x1 - x)), sorted((y - y0, y1 - y))
                weight = math.sqrt(across[0] / across[1] * down[0] / down[1])
                left, top, right, bottom = answers.distances[n, :, row, column].tolist()
                found = x - left, y - top, x + right, y + bottom
                location += weight * (1 - overlap(found, (x0, y0, x1, y1)))
                weights += weight
    return {"visibility": visibility / positives, "location": 0.7 * location / weights}


def compute_imm_slowly(answers, truth, side):
    visibility, motion, count = 0.0, 0.0, 0
    width = height = side / 2  # the box at the time of the template, whose search area has 2 sides
    for n, (x, y, w, h) in enumerate(truth.boxes.tolist()):
        near = abs(x) < side / 2 and abs(y) < side / 2
        visible = bool(truth.present[n]) and near
        visibility += focal(float(answers.visibility[n]), visible)
        if visible:
            count += 1
            wanted = x / width, y / height, math.log(w / width), math.log(h / height)
            errors = [m - t for m, t in zip(answers.motion[n].tolist(), wanted, strict=True)]
            motion += sum(map(smooth_l1, errors))
    return {"visibility": visibility / count, "motion": 0.7 * motion / count}


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_of_emm_is_a_sum_over_places(seed):
    truth = random_truth(SIDES["siammot-emm"], seed)
    answers = random_emm_answers(len(truth.boxes), seed)
    losses = values_of(emm_loss(CONFIG, EMM, answers, truth))
    assert losses == pytest.approx(compute_emm_slowly(answers, truth), rel=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_of_imm_is_a_sum_over_pairs(seed):
    side = SIDES["siammot-imm"]
    truth = random_truth(side, seed)
    truth.boxes[0, 0] = side / 2 + 1.0
    answers = random_imm_answers(len(truth.boxes), seed)
    losses = values_of(imm_loss(CONFIG, IMM, answers, truth))
    assert losses == pytest.approx(compute_imm_slowly(answers, truth, side), rel=1e-4)


def test_right_answers_of_emm_cost_nothing_and_are_the_box():
    boxes = torch.tensor([[-5.0, 9.0, 40.0, 70.0], [3.0, 0.0, 64.0, 64.0]])
    truth = make_truth(boxes, 128)
    edges = distances_to_edges(boxes, EMM.places)
    inside = (edges > 0).all(1)
    answers = EmmAnswers(
        visibility=torch.where(inside, SURE, -SURE), distances=edges.clamp(min=0.1)
    )
    assert values_of(emm_loss(CONFIG, EMM, answers, truth)) == pytest.approx(
        {"visibility": 0.0, "location": 0.0}, abs=1e-5
    )
    found, log_odds = EMM.select(answers, boxes[:, 2:])
    assert torch.allclose(found, boxes, atol=1e-3)
    assert log_odds.tolist() == [SURE, SURE]


def test_right_answers_of_imm_cost_nothing_and_are_the_box():
    boxes = torch.tensor([[-5.0, 9.0, 20.0, 50.0], [3.0, 0.0, 32.0, 32.0]])
    before = torch.tensor([32.0, 32.0])
    motion = torch.cat([boxes[:, :2] / before, (boxes[:, 2:] / before).log()], dim=1)
    answers = ImmAnswers(visibility=torch.full((2,), SURE), motion=motion)
    losses = values_of(imm_loss(CONFIG, IMM, answers, make_truth(boxes, 64)))
    assert losses == pytest.approx({"visibility": 0.0, "motion": 0.0}, abs=1e-5)
    unsmoothed = replace(IMM.config, smoothing=1.0)
    found, _ = ImplicitMotionModel(unsmoothed).select(answers, before.expand(2, 2))
    assert torch.allclose(found, boxes, atol=1e-3)


def test_a_target_is_visible_while_its_centre_is_in_the_search_area():
    answers = ImmAnswers(visibility=torch.full((1,), SURE), motion=torch.zeros(1, 4))
    costs = []
    for x in (31.0, 33.0):
        truth = make_truth([[x, 0.0, 32.0, 32.0]], 64)
        costs.append(values_of(imm_loss(CONFIG, IMM, answers, truth)))
    assert costs[0]["visibility"] < 1e-6 < 1 < costs[1]["visibility"]
    assert costs[0]["motion"] > 0 == costs[1]["motion"]


def test_a_place_outside_of_the_box_says_nothing_of_the_box():
    truth = make_truth([[0.0, 0.0, 30.0, 30.0]], 128)
    answers = random_emm_answers(1, 0)
    outside = ~(distances_to_edges(truth.boxes, EMM.places) > 0).all(1)
    changed = torch.where(outside[:, None], 2 * answers.distances, answers.distances)
    losses = [
        values_of(emm_loss(CONFIG, EMM, each, truth))
        for each in (answers, replace(answers, distances=changed))
    ]
    assert losses[0] == losses[1]
    inside = torch.where(outside[:, None], answers.distances, 2 * answers.distances)
    other = values_of(emm_loss(CONFIG, EMM, replace(answers, distances=inside), truth))
    assert other["location"] != losses[0]["location"]


def test_the_middle_of_the_box_counts_most():
    truth = make_truth([[0.0, 0.0, 48.0, 48.0]], 128)
    edges = distances_to_edges(truth.boxes, EMM.places)
    costs = []
    for place in (4, 2):
        distances = edges.clamp(min=0.1).clone()
        distances[0, :, place, place] *= 3
        answers = EmmAnswers(visibility=torch.zeros(1, 9, 9), distances=distances)
        costs.append(values_of(emm_loss(CONFIG, EMM, answers, truth))["location"])
    assert costs[0] > 2 * costs[1] > 0
