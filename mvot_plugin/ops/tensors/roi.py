"""Crop-and-resize of areas from feature maps of several strides, all areas in one call.

All maps are one table of cells, map after map, so that crops from any mix of maps are one weighted
gather.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from mvot_plugin.ops.tensors.boxes import TensorXYXY

__all__ = ["FeatureTable", "roi_crop"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """The cells of G feature maps (levels of images)."""

    values: Float[Tensor, "m c"]
    """The features of all cells, map after map and row by row."""
    start: Int64[Tensor, " g"]
    """Where each map begins in ``values``."""
    size: Int64[Tensor, "g 2"]
    """Columns and rows of cells of each map."""
    stride: Float[Tensor, " g"]
    """Pixels from a cell of a map to the next."""
    origin: Float[Tensor, " g"]
    """Pixels from the image's edge to the centre of a map's first cell."""

    @classmethod
    def from_maps(
        cls,
        maps: Sequence[Float[Tensor, "c _ _"]],
        strides: Sequence[int] | Sequence[float],
        origins: Sequence[float] | None = None,
    ) -> "FeatureTable":
        """The table of maps (C, H, W) of these strides.

        ``origins`` are the pixels from the edge to the centres of the maps' first cells; by
        default half a stride, as in RoI Align.
        """
        device = maps[0].device
        size = torch.tensor([[m.shape[2], m.shape[1]] for m in maps])
        counts = size.prod(1)
        stride = torch.tensor(strides, dtype=torch.float32)
        origin = stride / 2 if origins is None else torch.tensor(origins, dtype=torch.float32)
        return cls(
            values=torch.cat([m.permute(1, 2, 0).flatten(0, 1) for m in maps]),
            start=(counts.cumsum(0) - counts).to(device),
            size=size.to(device),
            stride=stride.to(device),
            origin=origin.to(device),
        )


def roi_crop(
    table: FeatureTable, areas: Float[TensorXYXY, " n"], maps: Int64[Tensor, " n"], bins: int
) -> Float[Tensor, "n bins bins c"]:
    """Crop N areas in pixels, each from its map, as ``bins`` x ``bins`` bins of C features.

    One bilinear sample at the centre of each bin, as in ``torchvision.ops.roi_align`` with
    ``sampling_ratio=1, aligned=True`` (SiamMOTION 3.2.1): samples up to a cell outside the map
    take the nearest cell, those further outside are 0. Differentiable with respect to the table.
    """
    stride, origin, size = table.stride[maps], table.origin[maps], table.size[maps]
    columns, weights_x = _bilinear_taps(
        (_sample_positions(areas[:, 0::2], bins) - origin[:, None]) / stride[:, None], size[:, 0]
    )
    rows, weights_y = _bilinear_taps(
        (_sample_positions(areas[:, 1::2], bins) - origin[:, None]) / stride[:, None], size[:, 1]
    )
    first_cells = table.start[maps][:, None, None] + rows * size[:, :1, None]
    index = first_cells[:, :, None, :, None] + columns[:, None, :, None, :]
    weights = weights_y[:, :, None, :, None] * weights_x[:, None, :, None, :]
    crops = F.embedding_bag(
        index.reshape(-1, 4),
        table.values,
        per_sample_weights=weights.reshape(-1, 4).to(table.values.dtype),
        mode="sum",
    )
    return crops.view(-1, bins, bins, table.values.shape[1])


def _sample_positions(intervals: Float[Tensor, "n 2"], bins: int) -> Float[Tensor, "n bins"]:
    """The centres of ``bins`` equal parts of each (N, 2) interval."""
    steps = (torch.arange(bins, device=intervals.device) + 0.5) / bins
    return intervals[:, :1] + (intervals[:, 1:] - intervals[:, :1]) * steps


def _bilinear_taps(
    positions: Float[Tensor, "n bins"], count: Int64[Tensor, " n"]
) -> tuple[Int64[Tensor, "n bins 2"], Float[Tensor, "n bins 2"]]:
    """The two of ``count`` cells that each position lies between, and their weights.

    A position up to 1 outside the cells is moved to the nearest; further outside, weights are 0.
    """
    last = (count - 1)[:, None]
    inside = (positions >= -1) & (positions <= last + 1)
    positions = torch.minimum(positions.clamp(min=0), last)
    low = positions.long()
    high = torch.minimum(low + 1, last)
    share = positions - low
    weights = torch.stack([1 - share, share], dim=-1) * inside[..., None]
    return torch.stack([low, high], dim=-1), weights
