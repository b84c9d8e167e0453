import pytest
import torch
from torch.testing import assert_close

from mvot_plugin.ops import boxes as numpy_boxes
from mvot_plugin.ops.tensors.boxes import batched_iou, cxcywh_to_xyxy, nms_vote, xyxy_to_cxcywh

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def proposals(n, m, seed=0, clusters=4):
    """Boxes in a few clusters per target, so that some overlap by more than 0.8."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.rand(n, clusters, 2, generator=generator) * 120
    sides = torch.rand(n, clusters, 2, generator=generator) * 40 + 30
    of = torch.randint(clusters, (n, m, 1), generator=generator).expand(n, m, 2)
    corner = places.gather(1, of) + torch.randn(n, m, 2, generator=generator) * 2
    side = sides.gather(1, of) * (1 + torch.randn(n, m, 2, generator=generator) * 0.04)
    scores = torch.rand(n, m, generator=generator)
    return torch.cat([corner, corner + side], dim=-1), scores


def scalar_iou(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [max(0.0, x1 - x0) * max(0.0, y1 - y0) for x0, y0, x1, y1 in (a, b)]
    union = sum(areas) - width * height
    return width * height / union if union > 0 else 0.0


def mean_box(boxes, weights):
    return [
        sum(w * box[i] for w, box in zip(weights, boxes, strict=True)) / sum(weights)
        for i in range(4)
    ]


def vote_for_one(boxes, scores, iou, keep):
    """Greedy NMS, one box at a time; a kept box and those it suppresses vote on it."""
    left, kept = [i for i in range(len(boxes)) if scores[i] > 0], []
    while left and len(kept) < keep:
        best = max(left, key=lambda i: scores[i])
        near = [i for i in left if i == best or scalar_iou(boxes[i], boxes[best]) >= iou]
        voted = mean_box([boxes[i] for i in near], [scores[i] for i in near])
        kept.append((voted, scores[best]))
        left = [i for i in left if i not in near]
    first = kept[0][0] if kept else boxes[max(range(len(boxes)), key=lambda i: scores[i])]
    return kept + [(first, 0.0)] * (keep - len(kept))


def reference_votes(boxes, scores, iou, keep):
    targets = zip(boxes.tolist(), scores.tolist(), strict=True)
    each = [vote_for_one(*target, iou, keep) for target in targets]
    voted = torch.tensor([[box for box, _ in kept] for kept in each])
    return voted, torch.tensor([[score for _, score in kept] for kept in each])


def voted(boxes, scores, **settings):
    found, live = nms_vote(torch.tensor([boxes]), torch.tensor([scores]), **settings)
    return found[0].tolist(), live[0].tolist()


def test_conversions_are_those_of_arrays():
    boxes = proposals(3, 5)[0]
    centred = numpy_boxes.xyxy_to_cxcywh(boxes.flatten(0, 1).numpy())
    assert xyxy_to_cxcywh(boxes).flatten(0, 1).numpy().tolist() == centred.tolist()
    corners = numpy_boxes.cxcywh_to_xyxy(centred)
    assert cxcywh_to_xyxy(torch.from_numpy(centred)).numpy().tolist() == corners.tolist()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("keep", [1, 3])
@pytest.mark.parametrize("iou", [0.5, 0.8])
@pytest.mark.parametrize("seed", range(5))
def test_voting_equals_one_box_at_a_time(seed, iou, keep, device):
    boxes, scores = proposals(4, 60, seed)
    found, live = nms_vote(boxes.to(device), scores.to(device), iou=iou, keep=keep)
    expected, oracle = reference_votes(boxes, scores, iou, keep)
    assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-3)
    assert_close(live.cpu(), oracle)


def test_the_boxes_of_the_oracles_do_vote():
    boxes, scores = proposals(4, 60)
    best = boxes.gather(1, scores.argmax(1)[:, None, None].expand(-1, 1, 4))
    assert (batched_iou(boxes, best) >= 0.8).sum(1).min() > 2
    assert (nms_vote(boxes, scores)[0] - best).abs().amax(2).min() > 0.1


@pytest.mark.parametrize("keep", [1, 3])
def test_a_batch_of_targets_equals_one_target_at_a_time(keep):
    boxes, scores = proposals(6, 40, seed=9)
    together = nms_vote(boxes, scores, keep=keep)
    for n in range(6):
        alone = nms_vote(boxes[n : n + 1], scores[n : n + 1], keep=keep)
        assert_close((together[0][n], together[1][n]), (alone[0][0], alone[1][0]))


def test_a_vote_by_hand():
    boxes = [[0.0, 0, 10, 10], [0.0, 0, 10, 9], [0.0, 0, 10, 5], [50.0, 50, 60, 60]]
    found, live = voted(boxes, [0.6, 0.2, 0.5, 0.4], keep=3)
    # the second overlaps the first by 0.9 and moves its edge: (0.6 * 10 + 0.2 * 9) / 0.8
    assert found[0] == pytest.approx([0, 0, 10, 9.75])
    assert found[1:] == [pytest.approx(boxes[2]), pytest.approx(boxes[3])]
    assert live == pytest.approx([0.6, 0.5, 0.4])


def test_suppressed_boxes_vote_once():
    # the third overlaps the first by 0.8 and the second by 0.8; those two overlap by 0.6
    boxes = [[0.0, 0, 10, 10], [4.0, 0, 10, 10], [2.0, 0, 10, 10]]
    found, live = voted(boxes, [0.6, 0.5, 0.2], iou=0.7, keep=2)
    assert found[0] == pytest.approx([0.5, 0, 10, 10])
    assert found[1] == pytest.approx(boxes[1])
    assert live == pytest.approx([0.6, 0.5])


def test_fewer_clusters_than_asked_for_leave_the_best_box_without_a_score():
    boxes = [[0.0, 0, 10, 10], [0.0, 0, 10, 9], [50.0, 50, 60, 60]]
    found, live = voted(boxes, [0.6, 0.2, 0.4], keep=4)
    assert live == pytest.approx([0.6, 0.4, 0, 0])
    assert found[2] == found[3] == found[0] == pytest.approx([0, 0, 10, 9.75])


def test_without_any_score_the_first_box_is_returned_as_it_was():
    boxes = [[3.0, 4, 10, 12], [3.0, 4, 10, 11]]
    found, live = voted(boxes, [0.0, 0.0], keep=2)
    assert found == [boxes[0], boxes[0]]
    assert live == [0, 0]


@pytest.mark.parametrize("empty", [[5.0, 5, 5, 5], [5.0, 5, 5, 9], [8.0, 8, 2, 2]])
def test_a_best_box_without_area_is_returned_as_it_was(empty):
    found, live = voted([[0.0, 0, 10, 10], empty], [0.4, 0.9])
    assert found == [empty]
    assert live == pytest.approx([0.9])


@pytest.mark.parametrize("empty", [[5.0, 5, 5, 5], [5.0, 5, 5, 9], [8.0, 8, 2, 2]])
def test_a_box_without_area_is_kept_once(empty):
    found, live = voted([[0.0, 0, 10, 10], empty, [20.0, 20, 30, 30]], [0.8, 0.9, 0.7], keep=3)
    assert found == [empty, pytest.approx([0, 0, 10, 10]), pytest.approx([20, 20, 30, 30])]
    assert live == pytest.approx([0.9, 0.8, 0.7])


def test_a_box_without_area_does_not_vote_on_another():
    found, live = voted([[0.0, 0, 10, 10], [2.0, 2, 2, 9]], [0.9, 0.8], keep=1)
    assert found == [pytest.approx([0, 0, 10, 10])]
    assert live == pytest.approx([0.9])


def test_voting_leaves_its_inputs_as_they_were():
    boxes, scores = proposals(2, 30)
    before = boxes.clone(), scores.clone()
    nms_vote(boxes, scores, keep=3)
    assert torch.equal(boxes, before[0])
    assert torch.equal(scores, before[1])


def test_voted_boxes_move_with_the_boxes_that_vote():
    boxes, scores = proposals(1, 30)
    boxes.requires_grad_()
    nms_vote(boxes, scores)[0][0, 0, 0].backward()
    near = batched_iou(boxes, boxes[:, scores[0].argmax()][:, None])[0] >= 0.8
    share = torch.where(near, scores[0], 0) / scores[0][near].sum()
    assert_close(boxes.grad[0, :, 0], share)
    assert boxes.grad[0, :, 1:].abs().max() == 0


@pytest.mark.parametrize("device", DEVICES)
def test_overlap_with_one_box_equals_one_pair_at_a_time(device):
    boxes = proposals(3, 20, seed=4)[0]
    boxes[0, 3, 2:] = boxes[0, 3, :2]
    boxes[1, 5, 2:] = boxes[1, 5, :2] - 4
    found = batched_iou(boxes.to(device), boxes[:, :1].to(device)).cpu()
    oracle = [[scalar_iou(box, target[0]) for box in target] for target in boxes.tolist()]
    assert_close(found, torch.tensor(oracle))
    assert found[0, 3] == found[1, 5] == 0


@pytest.mark.parametrize("keep", [1, 3])
def test_no_targets_are_legal(keep):
    found, live = nms_vote(torch.zeros(0, 30, 4), torch.zeros(0, 30), keep=keep)
    assert found.shape == (0, keep, 4)
    assert live.shape == (0, keep)
