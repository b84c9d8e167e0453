"""Non-maximum suppression with box voting, batched over targets."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["iou_with", "nms_vote"]


def nms_vote(
    boxes: Float[Tensor, "n m 4"],
    scores: Float[Tensor, "n m"],
    *,
    iou: float = 0.8,
    keep: int = 1,
) -> tuple[Float[Tensor, "n keep 4"], Float[Tensor, "n keep"]]:
    """The ``keep`` best of each target's M xyxy boxes, each moved by those that overlap it.

    Greedy NMS: the best box, then the best of those whose IoU with it is below ``iou``, and so on.
    A kept box becomes the mean, weighted by score, of the boxes not yet suppressed that overlap
    it by ``iou`` or more (box voting; SiamMOTION 4.1). Scores are those of the kept boxes
    themselves. Where fewer boxes are left, the score is 0 and the box is the target's best.
    """
    left, kept, best_scores = scores, [], []
    for _ in range(keep):
        score, best = left.max(dim=1)
        centre = boxes.gather(1, best[:, None, None].expand(-1, 1, 4))
        near = (iou_with(boxes, centre) >= iou).scatter(1, best[:, None], True)
        weight = torch.where(near, left, 0).clamp(min=0)
        total = weight.sum(1, keepdim=True)
        voted = (boxes * weight[..., None]).sum(1) / total.clamp(min=torch.finfo(total.dtype).tiny)
        kept.append(torch.where(total > 0, voted, centre[:, 0]))
        best_scores.append(score.clamp(min=0))
        left = torch.where(near, -1, left)
    first = kept[0]
    live = torch.stack(best_scores, dim=1)
    return torch.where((live > 0)[..., None], torch.stack(kept, 1), first[:, None]), live


def iou_with(boxes: Float[Tensor, "n m 4"], one: Float[Tensor, "n 1 4"]) -> Float[Tensor, "n m"]:
    """IoU of each target's M xyxy boxes with one; 0 for empty boxes."""
    shared = torch.minimum(boxes[..., 2:], one[..., 2:]) - torch.maximum(
        boxes[..., :2], one[..., :2]
    )
    intersection = shared.clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
    union = area + (one[..., 2:] - one[..., :2]).clamp(min=0).prod(-1) - intersection
    return intersection / union.clamp(min=torch.finfo(union.dtype).tiny)
