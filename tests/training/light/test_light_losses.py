"""The losses of the stage `light`, against loops over cells, and one thing at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from helpers.small_light import random_light_network
from mvot_plugin.models.light.head import Answers
from mvot_training.light.config import LightLossConfig
from mvot_training.light.losses import Truth, feature_loss, pair_losses
from mvot_training.light.teacher import Lesson

CONFIG = LightLossConfig()
PLACES = random_light_network().places
CELLS = PLACES[:2].view(2, 16, 16)
BOX = torch.tensor([[-30.0, -40.0, 50.0, 60.0]])


def make_truth(boxes=BOX, *, visible=True, labelled=True):
    return Truth(
        boxes=boxes,
        visible=torch.full((len(boxes),), visible),
        labelled=torch.full((len(boxes),), labelled),
    )


def make_lesson(logits, distances):
    """A lesson without features."""
    exemplars, searches = (torch.zeros(len(logits), side, side, 1) for side in (8, 16))
    return Lesson(exemplars=exemplars, searches=searches, logits=logits, distances=distances)


def edges_of(boxes):
    """The distances from each cell to the edges of boxes: (N, 4, 16, 16)."""
    x, y = CELLS
    x0, y0, x1, y1 = boxes.t()[..., None, None]
    return torch.stack([x - x0, y - y0, x1 - x, y1 - y], 1)


def radius_of(boxes):
    """How far each cell is from the middle of boxes, in sides: (N, 16, 16)."""
    middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return ((CELLS - middle[..., None, None]) / size[..., None, None]).norm(dim=1)


def answer_rightly(boxes=BOX, sure=20.0):
    """Answers and a lesson that agree with the ground truth."""
    radius = radius_of(boxes)
    logits = torch.where(radius <= 0.25, sure, -sure)
    seen = torch.full((len(boxes),), sure)
    answers = Answers(logits=logits, distances=edges_of(boxes), visibility=seen)
    return answers, make_lesson(logits, edges_of(boxes))


def compute(answers, lesson, truth, config=CONFIG):
    parts = pair_losses(config, answers, lesson, truth, PLACES)
    return {name: float(loss) for name, loss in parts.items()}


def random_case(seed=0):
    """Answers and lessons at random, of pairs that are seen, hidden, and not labelled."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.cat([BOX, BOX + 20, BOX / 2, BOX * 0.1 + 3])
    answers, lesson = (
        (
            4 * torch.randn(4, 16, 16, generator=generator),
            (edges_of(boxes) + 40 * torch.rand(4, 4, 16, 16, generator=generator)).clamp(min=0.5),
        )
        for _ in range(2)
    )
    truth = Truth(
        boxes=boxes,
        visible=torch.tensor([True, False, True, True]),
        labelled=torch.tensor([True, True, False, True]),
    )
    seen = torch.arange(4) - 1.5
    answered = Answers(logits=answers[0], distances=answers[1], visibility=seen)
    return answered, make_lesson(*lesson), truth


def overlap(one, other):
    """IoU of two boxes that are given by the distances from one cell to their edges."""
    shared = [min(a, b) for a, b in zip(one, other, strict=True)]
    across, down = max(shared[0] + shared[2], 0), max(shared[1] + shared[3], 0)
    areas = [(d[0] + d[2]) * (d[1] + d[3]) for d in (one, other)]
    return across * down / (sum(areas) - across * down)


def log_distance(one, other):
    """The mean smooth L1 of the logarithms of four distances."""
    errors = [abs(np.log(max(a, 1)) - np.log(max(b, 1))) for a, b in zip(one, other, strict=True)]
    return np.mean([e**2 / 0.2 if e < 0.1 else e - 0.05 for e in errors])


def compute_slowly(answers, lesson, truth):
    """The losses, cell by cell."""
    radii, edges = radius_of(truth.boxes), edges_of(truth.boxes)
    imitated, found, rejected, hardest, boxes, distances = [], [], [], [], [], []
    for n in range(len(truth.boxes)):
        known, seen = bool(truth.labelled[n]), bool(truth.visible[n])
        apart = []
        for y, x in np.ndindex(16, 16):
            logit, score = float(answers.logits[n, y, x]), float(lesson.logits[n, y, x].sigmoid())
            ours, theirs, true = (
                part[n, :, y, x].tolist() for part in (answers.distances, lesson.distances, edges)
            )
            is_nearest = radii[n, y, x] == radii[n].min()
            inside = radii[n, y, x] <= 0.25 or is_nearest
            outside = not (radii[n, y, x] < 0.5 or is_nearest)
            if not known or (seen and (not inside or overlap(theirs, true) > 0.5)):
                entropy = np.log1p(np.exp(logit)) - score * logit
                imitated.append((entropy, 10.0 if score > 0.1 else 1.0))
            if known and seen and inside:
                found.append(np.log1p(np.exp(-logit)))
            if known and (outside or not seen):
                rejected.append(np.log1p(np.exp(logit)))
                apart.append(rejected[-1])
            if (known and seen and inside) or (not known and score > 0.5):
                wanted = true if known else theirs
                boxes.append(1 - overlap(ours, wanted))
                distances.append(log_distance(ours, wanted))
        if known:
            hardest.append(np.mean(sorted(apart)[-16:]))
    labelled = zip(answers.visibility.tolist(), truth.visible.tolist(), strict=True)
    visibility = [np.log1p(np.exp(-v if seen else v)) for v, seen in labelled]
    entropies, weights = np.array(imitated).T
    return {
        "imitation": 2.0 * (entropies * weights).sum() / weights.sum(),
        "truth": (np.mean(found) + np.mean(rejected) + np.mean(hardest)) / 2,
        "boxes": 1.5 * np.mean(boxes),
        "distances": 0.5 * np.mean(distances),
        "visibility": 0.3 * np.mean(np.array(visibility)[truth.labelled.numpy()]),
    }


@pytest.mark.parametrize("seed", range(3))
def test_losses_are_sums_over_cells(seed):
    case = random_case(seed)
    assert compute(*case) == pytest.approx(compute_slowly(*case), rel=1e-3)


def test_right_answers_cost_nothing():
    losses = compute(*answer_rightly(), make_truth())
    assert set(losses) == {"imitation", "truth", "boxes", "distances", "visibility"}
    assert all(0 <= loss < 1e-4 for loss in losses.values()), losses


@pytest.mark.parametrize(
    ("changes", "grown"),
    [
        ({"logits": lambda x: -x}, {"imitation", "truth"}),
        ({"distances": lambda x: 2 * x}, {"boxes", "distances"}),
        ({"visibility": lambda x: -x}, {"visibility"}),
    ],
)
def test_a_wrong_answer_costs_where_it_is_wrong(changes, grown):
    answers, lesson = answer_rightly()
    ((name, change),) = changes.items()
    wrong = replace(answers, **{name: change(getattr(answers, name))})
    losses = compute(wrong, lesson, make_truth())
    assert {name for name, loss in losses.items() if loss > 0.1} == grown
    assert all(loss < 1e-4 for name, loss in losses.items() if name not in grown)


def test_between_the_ellipses_scores_are_the_teachers_alone():
    answers, lesson = answer_rightly()
    radius = radius_of(BOX)
    other = torch.where((radius > 0.26) & (radius < 0.49), 5.0, answers.logits)
    losses = compute(replace(answers, logits=other), lesson, make_truth())
    assert losses["truth"] < 1e-4
    assert losses["imitation"] > 0.1


def test_the_hardest_of_what_is_outside_counts_once_more():
    answers, lesson = answer_rightly()
    logits = answers.logits.clone()
    logits[0, 0, :4] = 6.0
    loss = compute(replace(answers, logits=logits), lesson, make_truth())["truth"]
    outside = int((radius_of(BOX) >= 0.5).sum())
    cost = 4 * np.log1p(np.exp(6.0))
    assert loss == pytest.approx((cost / outside + cost / 16) / 2, rel=1e-3)


def test_a_hidden_target_is_found_nowhere_whatever_the_teacher_says():
    answers, lesson = answer_rightly()
    truth = make_truth(visible=False)
    losses = compute(answers, lesson, truth)
    assert losses["truth"] > 1
    assert losses["visibility"] > 1
    assert losses["imitation"] == losses["boxes"] == losses["distances"] == 0
    nowhere = replace(
        answers, logits=torch.full((1, 16, 16), -20.0), visibility=-answers.visibility
    )
    assert all(loss < 1e-4 for loss in compute(nowhere, lesson, truth).values())


def test_without_labels_the_teacher_is_right():
    _, lesson = answer_rightly(BOX + 40)
    answers, _ = answer_rightly(BOX + 40)
    unknown = make_truth(labelled=False)
    assert all(loss < 1e-4 for loss in compute(answers, lesson, unknown).values())
    elsewhere, _ = answer_rightly(BOX)
    losses = compute(elsewhere, lesson, unknown)
    assert losses["truth"] == losses["visibility"] == 0
    assert min(losses[name] for name in ("imitation", "boxes", "distances")) > 0.1


def test_a_teacher_whose_box_is_elsewhere_is_not_believed_inside():
    answers, lesson = answer_rightly()
    lost = replace(lesson, logits=-lesson.logits, distances=edges_of(BOX + 70))
    inside = radius_of(BOX) <= 0.25
    other = replace(answers, logits=torch.where(inside, 1.0, answers.logits))
    assert compute(other, lost, make_truth())["imitation"] == pytest.approx(
        compute(answers, lost, make_truth())["imitation"]
    )
    assert compute(other, lesson, make_truth())["imitation"] > 0.1


def test_a_target_between_cells_is_found_at_the_nearest_one():
    small = torch.tensor([[9.0, 9.0, 11.0, 11.0]])
    assert not (radius_of(small) < 0.5).any()
    answers, lesson = answer_rightly(small)
    assert compute(answers, lesson, make_truth(small))["truth"] > 1
    row, column = divmod(int(radius_of(small).argmin()), 16)
    logits = answers.logits.clone()
    logits[0, row, column] = 20.0
    found = replace(answers, logits=logits)
    assert compute(found, lesson, make_truth(small))["truth"] < 1e-4


def test_weights_are_those_of_the_config():
    case = random_case()
    double = LightLossConfig(imitation=4.0, truth=2.0, boxes=3.0, distances=1.0, visibility=0.6)
    losses, doubled = compute(*case), compute(*case, config=double)
    assert doubled == pytest.approx({name: 2 * loss for name, loss in losses.items()})
    assert "visibility" not in compute(*case, config=LightLossConfig(visibility=0.0))


def test_features_are_compared_with_the_teachers_channel_by_channel():
    generator = torch.Generator().manual_seed(0)
    taught = 5 * torch.randn(2, 8, 8, 3, generator=generator) + 2
    norm, mean = nn.BatchNorm2d(3, affine=False), taught.mean((0, 1, 2))
    right = (taught - mean) / taught.std((0, 1, 2), unbiased=False)
    assert float(feature_loss(nn.Identity(), norm, right, taught)) < 1e-4
    wrong = (-right).requires_grad_()
    loss = feature_loss(nn.Identity(), norm, wrong, taught.requires_grad_())
    assert float(loss.detach()) > 2
    loss.backward()
    assert float(wrong.grad.abs().max()) > 0
    assert taught.grad is None
