"""Boxes as tensors, batched over targets: layouts, IoU, non-maximum suppression with box voting."""

from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "TensorCXCYWH",
    "TensorXYXY",
    "batched_iou",
    "cxcywh_to_xyxy",
    "nms_vote",
    "xyxy_to_cxcywh",
]

TensorXYXY: TypeAlias = Float[Tensor, "4"]
"""A box as (x0, y0, x1, y1); ``Float[TensorXYXY, "n m"]`` is a tensor of shape (N, M, 4)."""
TensorCXCYWH: TypeAlias = Float[Tensor, "4"]
"""A box as centre x, centre y, width, height."""


def cxcywh_to_xyxy(boxes: Float[TensorCXCYWH, "*n"]) -> Float[TensorXYXY, "*n"]:
    """Convert (centre x, centre y, width, height) to (x0, y0, x1, y1)."""
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)


def xyxy_to_cxcywh(boxes: Float[TensorXYXY, "*n"]) -> Float[TensorCXCYWH, "*n"]:
    """Convert (x0, y0, x1, y1) to (centre x, centre y, width, height)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return torch.cat([(low + high) / 2, high - low], dim=-1)


def nms_vote(
    boxes: Float[TensorXYXY, "n m"],
    scores: Float[Tensor, "n m"],
    *,
    iou: float | Float[Tensor, ""] = 0.8,
    keep: int = 1,
) -> tuple[Float[TensorXYXY, "n keep"], Float[Tensor, "n keep"]]:
    """Select the ``keep`` best of each target's M boxes, each averaged with those that overlap it.

    Greedy NMS: the best box, then the best of those whose IoU with it is below ``iou``, and so on.
    A kept box becomes the mean, weighted by score, of the boxes not yet suppressed that overlap
    it by ``iou`` or more (box voting; SiamMOTION 4.1). Scores are those of the kept boxes
    themselves. Where fewer boxes are left, the score is 0 and the box is the target's best one.
    """
    remaining, kept, best_scores = scores, [], []
    numbers = torch.arange(scores.shape[1], device=scores.device)
    for _ in range(keep):
        score, best = remaining.max(dim=1)
        peak = boxes.gather(1, best[:, None, None].expand(-1, 1, 4))
        near = (batched_iou(boxes, peak) >= iou) | (numbers == best[:, None])
        weight = torch.where(near, remaining, 0).clamp(min=0)
        total = weight.sum(1, keepdim=True)
        voted = (boxes * weight[..., None]).sum(1) / total.clamp(min=torch.finfo(total.dtype).tiny)
        kept.append(torch.where(total > 0, voted, peak[:, 0]))
        best_scores.append(score.clamp(min=0))
        remaining = torch.where(near, -1, remaining)
    first = kept[0]
    live = torch.stack(best_scores, dim=1)
    return torch.where((live > 0)[..., None], torch.stack(kept, 1), first[:, None]), live


def batched_iou(
    boxes: Float[TensorXYXY, "n m"], other: Float[TensorXYXY, "n 1"]
) -> Float[Tensor, "n m"]:
    """IoU of each target's M boxes with one other; 0 for empty boxes."""
    shared = torch.minimum(boxes[..., 2:], other[..., 2:]) - torch.maximum(
        boxes[..., :2], other[..., :2]
    )
    intersection = shared.clamp(min=0).prod(-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
    union = area + (other[..., 2:] - other[..., :2]).clamp(min=0).prod(-1) - intersection
    return intersection / union.clamp(min=torch.finfo(union.dtype).tiny)
