"""Crop-and-resize of areas from feature maps of several strides, all areas in one call.

A pyramid is kept as one table of cells, level after level, so that areas on any mix of levels are
one weighted gather. Where few cells are needed, only the tiles that hold them are in the table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

__all__ = ["Cells", "bilinear_taps", "roi_crop", "sample_positions", "take_rows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """Feature maps as a table of cells (M, C), kept in tiles of ``tile`` x ``tile`` cells.

    A map g (a level of an image) has ``size[g]`` = (columns, rows) of cells and ``tiles[g]`` =
    (columns, rows) of tiles. Its tile in column x and row y is the ``slots[start[g] + y *
    tiles[g, 0] + x]``-th of the table, or was not computed (-1). Cell i lies ``origin[g] + i *
    stride[g]`` pixels from the image's edge.
    """

    values: Float[Tensor, "m c"]
    tile: int
    slots: Int64[Tensor, " t"]
    start: Int64[Tensor, " g"]
    tiles: Int64[Tensor, "g 2"]
    size: Int64[Tensor, "g 2"]
    stride: Float[Tensor, " g"]
    origin: Float[Tensor, " g"]

    @classmethod
    def dense(
        cls,
        maps: Sequence[Float[Tensor, "c _ _"]],
        strides: Sequence[int] | Sequence[float],
        origins: Sequence[float] | None = None,
    ) -> "Cells":
        """Whole maps (C, H, W) of the given strides.

        ``origins`` are the pixels at which the maps' first cells are centred: half a stride, as
        RoI Align takes it, where they are not given.
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
    def tiled(
        cls,
        values: Float[Tensor, "m c"],
        tile: int,
        computed: Mapping[int, Bool[np.ndarray, "_ _"]],
        sizes: Sequence[tuple[int, int]],
        strides: Sequence[int] | Sequence[float],
        origin: float,
    ) -> "Cells":
        """Maps of which only some tiles were ``computed``, in the order of ``values``.

        ``computed`` says which, row by row, for each map that has any; ``sizes`` are the maps'
        (columns, rows) of cells.
        """
        device = values.device
        tiles = np.array([(-(-w // tile), -(-h // tile)) for w, h in sizes])
        counts = tiles.prod(1)
        start = counts.cumsum() - counts
        slots, taken = np.full(counts.sum(), -1), 0
        for index, mask in computed.items():
            at = start[index] + np.flatnonzero(mask)
            slots[at] = taken + np.arange(len(at))
            taken += len(at)
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
    def patches(
        cls,
        maps: Sequence[Float[Tensor, "_ _ c"]],
        corners: Int64[np.ndarray, "p 2"],
        size: tuple[int, int],
        stride: int,
        origin: float,
    ) -> "Cells":
        """A map of ``size`` = (columns, rows) of cells of which there are only rectangles.

        Those are (H, W, C), and begin at ``corners`` (column, row); they may overlap.
        """
        device = maps[0].device
        slots, taken = np.full(size[::-1], -1), 0
        for (left, top), patch in zip(corners.tolist(), maps, strict=True):
            rows, columns = patch.shape[:2]
            found = taken + np.arange(rows * columns).reshape(rows, columns)
            slots[top : top + rows, left : left + columns] = found
            taken += rows * columns
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
    cells: Cells, areas: Float[Tensor, "n 4"], maps: Int64[Tensor, " n"], bins: int
) -> Float[Tensor, "n bins bins c"]:
    """Each (N, 4) area in pixels, from its map, as ``bins`` x ``bins`` bins of C features.

    One bilinear sample at the centre of each bin, as ``torchvision.ops.roi_align`` takes it with
    ``sampling_ratio=1, aligned=True`` (SiamMOTION 3.2.1): samples up to a cell outside the map
    take the nearest cell, those further outside are 0. Differentiable in the cells.
    """
    stride, origin, size = cells.stride[maps], cells.origin[maps], cells.size[maps]
    columns, across = bilinear_taps(
        (sample_positions(areas[:, 0::2], bins) - origin[:, None]) / stride[:, None], size[:, 0]
    )
    rows, down = bilinear_taps(
        (sample_positions(areas[:, 1::2], bins) - origin[:, None]) / stride[:, None], size[:, 1]
    )
    x, y = columns[:, None, :, None, :], rows[:, :, None, :, None]
    side, each = cells.tile, (maps.shape[0], bins, bins, 2, 2)
    row_of_tiles = cells.start[maps].view(-1, 1, 1, 1, 1) + y // side * cells.tiles[maps, 0].view(
        -1, 1, 1, 1, 1
    )
    slots = cells.slots[(row_of_tiles + x // side).expand(each)]
    index = slots * side**2 + (y % side * side + x % side)
    weights = down[:, :, None, :, None] * across[:, None, :, None, :]
    crops = F.embedding_bag(
        index.reshape(-1, 4),
        cells.values,
        per_sample_weights=weights.expand(each).reshape(-1, 4).to(cells.values.dtype),
        mode="sum",
    )
    return crops.view(-1, bins, bins, cells.values.shape[1])


def sample_positions(intervals: Float[Tensor, "n 2"], bins: int) -> Float[Tensor, "n bins"]:
    """The centres of ``bins`` equal parts of each (N, 2) interval."""
    steps = (torch.arange(bins, device=intervals.device) + 0.5) / bins
    return intervals[:, :1] + (intervals[:, 1:] - intervals[:, :1]) * steps


def bilinear_taps(
    at: Float[Tensor, "n bins"], count: Int64[Tensor, " n"]
) -> tuple[Int64[Tensor, "n bins 2"], Float[Tensor, "n bins 2"]]:
    """The two cells, of ``count``, that a sample at each place lies between, and their weights.

    A place up to 1 outside the cells is moved to the nearest; further outside, weights are 0.
    """
    last = (count - 1)[:, None]
    inside = (at >= -1) & (at <= last + 1)
    at = torch.minimum(at.clamp(min=0), last)
    low = at.long()
    high = torch.minimum(low + 1, last)
    share = at - low
    weights = torch.stack([1 - share, share], dim=-1) * inside[..., None]
    return torch.stack([low, high], dim=-1), weights


def take_rows(table: Float[Tensor, "m c"], index: Int64[Tensor, " p"]) -> Float[Tensor, "p c"]:
    """``table[index]``; on CPUs several times faster for half precision than indexing is."""
    return F.embedding_bag(index[:, None], table, mode="sum")
