"""Precise RoI pooling: the mean of bilinearly interpolated features over a box.

Jiang et al. (2018); IMSiam, Eq. 1. Unlike RoI Align it takes no samples: the integral is exact, and
differentiable with respect to the box, too.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.ops.tensors.boxes import TensorXYXY

__all__ = ["precise_roi_pool"]


def precise_roi_pool(
    features: Float[Tensor, "n h w c"], boxes: Float[TensorXYXY, " n"]
) -> Float[Tensor, "n c"]:
    """The mean of the features of each map over its box.

    The integral of an interpolated map is a weighted sum of its cells, whose weights are products
    of one for the column and one for the row: what the box covers of the triangle about each.

    Args:
        features: N maps; beyond a cell outside of them they are 0.
        boxes: In cells: cell i, j is at x = j, y = i. They have an area.

    Returns:
        The means, in the precision of the features.
    """
    columns = _cover(boxes[:, 0::2], int(features.shape[2]))
    rows = _cover(boxes[:, 1::2], int(features.shape[1]))
    weights = rows[:, :, None] * columns[:, None]
    area = (boxes[:, 2:] - boxes[:, :2]).prod(-1)
    weights = (weights / area[:, None, None]).to(features.dtype)
    return (weights.flatten(1)[:, None] @ features.flatten(1, 2))[:, 0]


def _cover(edges: Float[Tensor, "n 2"], count: int) -> Float[Tensor, "n count"]:
    """The integral of each cell's triangle, of width 2 and height 1, between two edges."""
    offset = edges[:, :, None] - torch.arange(count, device=edges.device)
    clamped = offset.clamp(-1, 1)
    integral = torch.where(clamped < 0, (1 + clamped) ** 2 / 2, 1 - (1 - clamped) ** 2 / 2)
    return integral[:, 1] - integral[:, 0]
