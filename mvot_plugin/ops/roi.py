"""Crop-and-resize of areas from feature maps of several strides, all areas in one call.

The maps of a pyramid are one table of cells, level after level, so that crops from any mix of
levels are one weighted gather. Where few cells are needed, the table has only their tiles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from mvot_plugin.ops.tensor_boxes import TensorXYXY

__all__ = ["FeatureTable", "bilinear_taps", "roi_crop", "sample_positions", "take_rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureTable:
    """The cells of G feature maps (levels of images), stored in square tiles."""

    values: Float[Tensor, "m c"]
    """The features of all cells, tile after tile."""
    tile: int
    """Cells along a tile."""
    slots: Int64[Tensor, " t"]
    """For each tile of each map, its number in ``values``, or -1 if it was not computed. The tile
    in column x and row y of map g is ``slots[start[g] + y * tiles[g, 0] + x]``."""
    start: Int64[Tensor, " g"]
    """Where each map begins in ``slots``."""
    tiles: Int64[Tensor, "g 2"]
    """Columns and rows of tiles of each map."""
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
        """A table of complete maps (C, H, W) of these strides.

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
            tile=1,
            slots=torch.arange(int(counts.sum()), device=device),
            start=(counts.cumsum(0) - counts).to(device),
            tiles=size.to(device),
            size=size.to(device),
            stride=stride.to(device),
            origin=origin.to(device),
        )

    @classmethod
    def from_tiles(
        cls,
        values: Float[Tensor, "m c"],
        tile: int,
        computed: Mapping[int, Bool[np.ndarray, "_ _"]],
        sizes: Sequence[tuple[int, int]],
        strides: Sequence[int] | Sequence[float],
        origin: float,
    ) -> "FeatureTable":
        """A table of maps of which only some tiles were computed.

        ``computed`` is true for these, for each map that has any; ``values`` are their cells, map
        after map and row by row. ``sizes`` are the maps' (columns, rows) of cells.
        """
        device = values.device
        tiles = np.array([(-(-w // tile), -(-h // tile)) for w, h in sizes])
        counts = tiles.prod(1)
        start = counts.cumsum() - counts
        slots, count = np.full(counts.sum(), -1), 0
        for index, mask in computed.items():
            tile_index = start[index] + np.flatnonzero(mask)
            slots[tile_index] = count + np.arange(len(tile_index))
            count += len(tile_index)
        return cls(
            values=values,
            tile=tile,
            slots=torch.as_tensor(slots, device=device),
            start=torch.as_tensor(start, device=device),
            tiles=torch.as_tensor(tiles, device=device),
            size=torch.tensor(list(sizes), device=device),
            stride=torch.tensor(list(strides), dtype=torch.float32, device=device),
            origin=torch.full((len(sizes),), origin, device=device),
        )

    @classmethod
    def from_patches(
        cls,
        maps: Sequence[Float[Tensor, "_ _ c"]],
        corners: Int64[np.ndarray, "p 2"],
        size: tuple[int, int],
        stride: int,
        origin: float,
    ) -> "FeatureTable":
        """A table of one map, of ``size`` = (columns, rows) cells, computed in rectangles only.

        The rectangles ``maps`` are (H, W, C), and begin at ``corners`` (column, row). They may
        overlap.
        """
        device = maps[0].device
        slots, count = np.full(size[::-1], -1), 0
        for (left, top), patch in zip(corners.tolist(), maps, strict=True):
            rows, columns = patch.shape[:2]
            numbers = count + np.arange(rows * columns).reshape(rows, columns)
            slots[top : top + rows, left : left + columns] = numbers
            count += rows * columns
        return cls(
            values=torch.cat([patch.flatten(0, 1) for patch in maps]),
            tile=1,
            slots=torch.as_tensor(slots.reshape(-1), device=device),
            start=torch.zeros(1, dtype=torch.int64, device=device),
            tiles=torch.tensor([size], device=device),
            size=torch.tensor([size], device=device),
            stride=torch.tensor([float(stride)], device=device),
            origin=torch.tensor([origin], device=device),
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
    columns, weights_x = bilinear_taps(
        (sample_positions(areas[:, 0::2], bins) - origin[:, None]) / stride[:, None], size[:, 0]
    )
    rows, weights_y = bilinear_taps(
        (sample_positions(areas[:, 1::2], bins) - origin[:, None]) / stride[:, None], size[:, 1]
    )
    x, y = columns[:, None, :, None, :], rows[:, :, None, :, None]
    side, shape = table.tile, (maps.shape[0], bins, bins, 2, 2)
    row_of_tiles = table.start[maps].view(-1, 1, 1, 1, 1) + y // side * table.tiles[maps, 0].view(
        -1, 1, 1, 1, 1
    )
    slots = table.slots[(row_of_tiles + x // side).expand(shape)]
    index = slots * side**2 + (y % side * side + x % side)
    weights = weights_y[:, :, None, :, None] * weights_x[:, None, :, None, :]
    crops = F.embedding_bag(
        index.reshape(-1, 4),
        table.values,
        per_sample_weights=weights.expand(shape).reshape(-1, 4).to(table.values.dtype),
        mode="sum",
    )
    return crops.view(-1, bins, bins, table.values.shape[1])


def sample_positions(intervals: Float[Tensor, "n 2"], bins: int) -> Float[Tensor, "n bins"]:
    """The centres of ``bins`` equal parts of each (N, 2) interval."""
    steps = (torch.arange(bins, device=intervals.device) + 0.5) / bins
    return intervals[:, :1] + (intervals[:, 1:] - intervals[:, :1]) * steps


def bilinear_taps(
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


def take_rows(values: Float[Tensor, "m c"], index: Int64[Tensor, " p"]) -> Float[Tensor, "p c"]:
    """``values[index]``; in half precision several times as fast as indexing on a CPU."""
    return F.embedding_bag(index[:, None], values, mode="sum")
