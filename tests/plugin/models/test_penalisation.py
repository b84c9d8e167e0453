from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers import reference_siammotion as slow
from mvot_plugin.engines.siammotion import Penalisation
from mvot_plugin.models.heads import Proposals
from mvot_plugin.models.penalisation import penalise_scores, select_boxes

LAST = torch.tensor([[60.0, 70.0], [40.0, 90.0], [64.0, 64.0]])
NOTHING = Penalisation(hann=0.0, shape=0.0, distractor=0.0, erosion=False, vote_iou=1.0)


def some_proposals(seed=0, targets=3):
    """Smooth score maps, and boxes about the anchors."""
    random = torch.Generator().manual_seed(seed)
    coarse = 3 * torch.randn(targets, 5, 7, 7, generator=random)
    logits = torch.nn.functional.interpolate(coarse, size=(25, 25), mode="bilinear")
    deltas = 0.15 * torch.randn(targets, 5, 4, 25, 25, generator=random)
    boxes = torch.stack([slow.decode_boxes(one) for one in deltas])
    return Proposals(logits=logits, boxes=boxes)


def some_masks(seed=0, targets=3):
    return torch.rand(targets, 25, 25, generator=torch.Generator().manual_seed(seed))


def flat_proposals(logit=-4.0):
    """One target's boxes of its last size at each place, all equally unlikely."""
    deltas = torch.zeros(5, 4, 25, 25)
    boxes = slow.decode_boxes(deltas)[None]
    boxes[..., 2:] = torch.tensor([60.0, 70.0])
    return Proposals(logits=torch.full((1, 5, 25, 25), logit), boxes=boxes)


def settings_of(penalisation):
    return torch.from_numpy(penalisation.as_array())


def select(penalisation, proposals, last, masks=None):
    """Each target's box with its size damped, and its score."""
    masks = torch.ones(len(last), 25, 25) if masks is None else masks
    answers = select_boxes(proposals, last, masks, settings_of(penalisation))
    boxes, scores, shapes = (answer.numpy() for answer in answers)
    sizes = penalisation.damp_sizes(boxes[:, 2:], last.numpy(), scores, shapes)
    return torch.from_numpy(np.hstack([boxes[:, :2], sizes])), answers[1]


def penalise(penalisation, proposals, last, masks):
    return penalise_scores(proposals, last, masks, settings_of(penalisation))


@pytest.mark.parametrize("seed", range(3))
def test_the_box_and_the_score_are_those_of_the_reference(seed):
    proposals, masks = some_proposals(seed), some_masks(seed)
    boxes, scores = select(Penalisation(), proposals, LAST, masks)
    for i, last in enumerate(LAST.tolist()):
        box, score = slow.select_box(proposals.logits[i], proposals.boxes[i], last, masks[i])
        assert boxes[i].tolist() == pytest.approx(box, abs=1e-2)
        assert float(scores[i]) == pytest.approx(score, abs=1e-5)


def test_the_paper_penalises_as_section_3_3_2_says():
    paper = Penalisation()
    assert (paper.hann, paper.shape, paper.distractor) == (0.42, 0.05, 0.01)
    assert (paper.distractor_scale, paper.vote_iou, paper.size_damping) == (0.1, 0.8, 0.18)
    assert paper.erosion
    assert paper.single_object() == replace(paper, distractor=0.0, erosion=False)


def test_without_penalties_scores_are_probabilities():
    proposals = some_proposals()
    scores, shape = penalise(NOTHING, proposals, LAST, some_masks())
    assert_close(scores, proposals.logits.sigmoid())
    assert_close(shape, torch.ones_like(shape))


def test_each_penalty_is_that_of_its_formula():
    proposals, masks = some_proposals(), some_masks()
    likely = proposals.logits.sigmoid()
    eroded = penalise(replace(NOTHING, erosion=True), proposals, LAST, masks)[0]
    for i in range(3):
        assert_close(eroded[i], slow.erode(likely[i]))
    masked = penalise(replace(NOTHING, distractor=0.3), proposals, LAST, masks)[0]
    assert_close(masked, likely * (0.7 + 0.3 * masks[:, None]))
    shaped, shape = penalise(replace(NOTHING, shape=0.05), proposals, LAST, masks)
    assert_close(shaped, likely * shape)
    for at in ((0, 0, 3, 4), (1, 2, 12, 12), (2, 4, 20, 1)):
        expected = slow.shape_penalty(proposals.boxes[at].tolist(), LAST[at[0]].tolist())
        assert float(shape[at]) == pytest.approx(expected, rel=1e-4)


def test_masks_count_by_their_influence():
    proposals = some_proposals()
    unmasked = select(replace(Penalisation(), distractor=0.0), proposals, LAST, some_masks())
    for a, b in zip(unmasked, select(Penalisation(), proposals, LAST), strict=True):
        assert_close(a, b)


def test_where_all_are_equal_the_middle_wins():
    proposals = flat_proposals()
    boxes, scores = select(Penalisation(), proposals, torch.tensor([[60.0, 70.0]]))
    assert boxes[0].tolist() == pytest.approx([0, 0, 60, 70], abs=1e-3)
    assert_close(scores, torch.tensor([-4.0]).sigmoid())


def test_an_isolated_peak_is_eroded_away():
    proposals = flat_proposals()
    proposals.logits[0, 2, 4, 4] = 9.0
    peaked = replace(NOTHING, hann=0.1)
    last = torch.tensor([[60.0, 70.0]])
    box = select(peaked, proposals, last)[0][0]
    assert box[:2].tolist() == pytest.approx([-64, -64], abs=1e-3)
    eroding = replace(peaked, erosion=True)
    assert select(eroding, proposals, last)[0][0, :2].abs().max() < 1e-3


def test_a_distractor_gives_way_to_the_next_best():
    proposals, masks = flat_proposals(), torch.ones(1, 25, 25)
    proposals.logits[0, 2, 12, 6] = 2.0
    proposals.logits[0, 2, 12, 18] = 1.9
    masks[0, 12, 6] = 0
    last, wary = torch.tensor([[60.0, 70.0]]), replace(NOTHING, distractor=0.1)
    assert float(select(wary, proposals, last)[0][0, 0]) == pytest.approx(-48, abs=1e-3)
    assert float(select(wary, proposals, last, masks)[0][0, 0]) == pytest.approx(48, abs=1e-3)


def test_the_score_is_that_of_the_chosen_proposal_before_any_penalty():
    proposals = flat_proposals()
    proposals.logits[0, 2, 10:15, 10:15] = 1.0
    proposals.logits[0, 2, 12, 12] = 2.5
    score = select(Penalisation(), proposals, torch.tensor([[60.0, 70.0]]))[1]
    assert float(score[0]) == pytest.approx(float(torch.tensor(2.5).sigmoid()))


@pytest.mark.parametrize("damping", [0.0, 0.18, 1.0, 5.0])
def test_a_size_is_taken_as_far_as_it_is_sure(damping):
    proposals = flat_proposals(logit=-30.0)
    proposals.logits[0, 2, 12, 12] = 1.0
    proposals.boxes[0, 2, 12, 12] = torch.tensor([3.0, 4.0, 80.0, 50.0])
    last = torch.tensor([[60.0, 70.0]])
    boxes, _ = select(replace(NOTHING, size_damping=damping), proposals, last)
    rate = min(damping * float(torch.tensor(1.0).sigmoid()), 1)
    assert boxes[0].tolist() == pytest.approx([3, 4, 60 + 20 * rate, 70 - 20 * rate], abs=1e-3)


def test_boxes_that_overlap_the_best_vote_on_it():
    proposals = flat_proposals(logit=-30.0)
    for anchor, x, logit in ((1, 0.0, 1.0), (2, 4.0, 0.5), (3, 40.0, 0.9)):
        proposals.logits[0, anchor, 12, 12] = logit
        proposals.boxes[0, anchor, 12, 12, 0] = x
    voting = replace(NOTHING, vote_iou=0.8)
    boxes, _ = select(voting, proposals, torch.tensor([[60.0, 70.0]]))
    first, second = torch.tensor([1.0, 0.5]).sigmoid().tolist()
    assert float(boxes[0, 0]) == pytest.approx(4 * second / (first + second), abs=1e-3)
