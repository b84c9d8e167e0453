"""Feature pyramid network (SiamMOTION 3.2.1)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["FeaturePyramid", "upsample"]


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


def upsample(maps: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h2 w2 c"]:
    """Double the cells along each axis: cell j is interpolated at j / 2; the last cell repeats.

    The cells of padded convolutions of stride 2 lie there, and TensorFlow 1's bilinear resize,
    which the paper's authors used, samples there, too.
    """
    return _upsample_axis(_upsample_axis(maps, 1), 2)


def _upsample_axis(maps: Float[Tensor, "b h w c"], axis: int) -> Float[Tensor, "b h2 w2 c"]:
    count = maps.shape[axis]
    following = torch.cat([maps.narrow(axis, 1, count - 1), maps.narrow(axis, count - 1, 1)], axis)
    return torch.stack([maps, (maps + following) / 2], axis + 1).flatten(axis, axis + 1)
