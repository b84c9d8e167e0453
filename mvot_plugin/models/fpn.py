"""Feature pyramid network (SiamMOTION 3.2.1): complete maps, or only the tiles that are needed."""

from collections.abc import Mapping, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from mvot_plugin.ops.roi import take_rows

__all__ = ["TILE", "FeaturePyramid", "upsample"]

TILE = 8
"""Cells along a tile; even, as a tile of one level has half as many on the next."""

TILE_BATCH = 256
"""Tiles in one batch; larger ones exceed a CPU's caches."""


class FeaturePyramid(nn.Module):
    """Per level a 1 x 1 convolution, the mean with the upsampled level above, a 3 x 3 convolution.

    Maps are channels last, (B, H, W, C), in memory and in shape. A level has exactly twice the
    cells of the next along each axis.
    """

    def __init__(self, inputs: Sequence[int], width: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Linear(channels, width) for channels in inputs)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in inputs)

    def forward(self, features: Sequence[Float[Tensor, "b _ _ _"]]) -> list[Tensor]:
        """Compute all maps (B, H, W, width), finest first, from the backbone's (B, C, H, W)."""
        return [self.compute_level(features, level) for level in range(len(features))]

    def compute_level(
        self, features: Sequence[Float[Tensor, "b _ _ _"]], level: int
    ) -> Float[Tensor, "b h w c"]:
        """Compute one map of the pyramid; the finest is level 0."""
        merged = self.merge([f.permute(0, 2, 3, 1) for f in features], level)[0]
        smoothed: Tensor = self.smooth[level](merged.permute(0, 3, 1, 2))
        return smoothed.permute(0, 2, 3, 1)

    def merge(self, maps: Sequence[Float[Tensor, "b _ _ _"]], finest: int) -> list[Tensor]:
        """Merge the maps of level ``finest`` (0-based) and above, before the 3 x 3 convolution."""
        top = len(maps) - 1
        merged = [self.lateral[top](maps[top])]
        for level in range(top - 1, finest - 1, -1):
            merged.append((self.lateral[level](maps[level]) + upsample(merged[-1])) / 2)
        return merged[::-1]

    def compute_tiles(
        self,
        features: Sequence[Float[Tensor, "1 _ _ _"]],
        wanted: Mapping[int, Int64[Tensor, "_ 2"]],
    ) -> dict[int, Float[Tensor, "t tile tile c"]]:
        """Compute only the ``wanted`` (row, column) tiles of each level, as ``forward`` would.

        Levels are 0-based. Maps above the finest wanted level are merged completely; they are
        small.
        """
        top = len(features) - 1
        finest = min(wanted, default=top)
        maps = [f.permute(0, 2, 3, 1) for f in features]
        merged = self.merge(maps, min(finest + 1, top))
        above = dict(zip(range(top - len(merged) + 1, top + 1), merged, strict=True))
        return {
            level: torch.cat(
                [
                    self._smooth_tiles(level, self._merge_tiles(maps, above, level, batch))
                    for batch in torch.split(places, TILE_BATCH)
                ]
            )
            for level, places in wanted.items()
        }

    def _merge_tiles(
        self,
        maps: Sequence[Float[Tensor, "1 _ _ _"]],
        merged: Mapping[int, Float[Tensor, "1 _ _ _"]],
        level: int,
        places: Int64[Tensor, "t 2"],
    ) -> Float[Tensor, "t halo halo c"]:
        """Merge tiles, with one more cell on each side; cells outside the map are 0."""
        if level == len(maps) - 1:
            tiles = _gather_patches(merged[level], places * TILE - 1, TILE + 2)
        else:
            tiles = self.lateral[level](_gather_patches(maps[level], places * TILE - 1, TILE + 2))
            above = _gather_patches(merged[level + 1], places * (TILE // 2) - 1, TILE // 2 + 2)
            tiles = (tiles + upsample(above)[:, 1:-1, 1:-1]) / 2
        height, width = maps[level].shape[1:3]
        cells = torch.arange(-1, TILE + 1, device=places.device)
        rows, columns = places[:, :1] * TILE + cells, places[:, 1:] * TILE + cells
        inside = ((rows >= 0) & (rows < height))[:, :, None]
        inside = inside & ((columns >= 0) & (columns < width))[:, None]
        return tiles * inside[..., None]

    def _smooth_tiles(
        self, level: int, tiles: Float[Tensor, "t halo halo c"]
    ) -> Float[Tensor, "t tile tile c"]:
        smooth = cast(nn.Conv2d, self.smooth[level])
        smoothed = F.conv2d(tiles.permute(0, 3, 1, 2), smooth.weight, smooth.bias)
        return smoothed.permute(0, 2, 3, 1)


def upsample(maps: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h2 w2 c"]:
    """Double the cells along each axis: cell j is interpolated at j / 2; the last cell repeats.

    The cells of padded convolutions of stride 2 lie there, and TensorFlow 1's bilinear resize,
    which the paper's authors used, samples there, too.
    """
    return _upsample_axis(_upsample_axis(maps, 1), 2)


def _upsample_axis(maps: Float[Tensor, "b h w c"], axis: int) -> Float[Tensor, "b h2 w2 c"]:
    count = maps.shape[axis]
    following = torch.cat([maps.narrow(axis, 1, count - 1), maps.narrow(axis, -1, 1)], axis)
    return torch.stack([maps, (maps + following) / 2], axis + 1).flatten(axis, axis + 1)


def _gather_patches(
    maps: Float[Tensor, "1 h w c"], corner: Int64[Tensor, "t 2"], side: int
) -> Float[Tensor, "t side side c"]:
    """``side`` x ``side`` cells from each (row, column) corner; outside, the map's edge repeats."""
    height, width, channels = maps.shape[1:]
    cells = torch.arange(side, device=corner.device)
    rows = (corner[:, :1] + cells).clamp(0, height - 1)
    columns = (corner[:, 1:] + cells).clamp(0, width - 1)
    index = rows[:, :, None] * width + columns[:, None]
    patches = take_rows(maps.reshape(-1, channels), index.flatten())
    return patches.view(-1, side, side, channels)
