"""Displacement and scale of targets from their score maps (SiamMT 3.1)."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from mvot_plugin.ops.windows import hann_window

__all__ = ["STEP", "DisplacementSearch", "Displacements", "ScaleSearch"]

STEP = 1.0375
"""The ratio of a scale to the next smaller one (SiamFC)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Displacements:
    """Where N targets were found in their search areas."""

    offsets: Float[Tensor, "n 2"]
    """Cells (x, y) from the middle of the search area."""
    logits: Float[Tensor, " n"]
    """Log odds that the target is there."""


@dataclass(frozen=True, kw_only=True)
class DisplacementSearch:
    """Estimation of the displacement from score maps."""

    window: float = 0.176
    """Influence of the cosine window."""
    upsampling: int = 16
    """Factor by which score maps are upsampled."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """SiamMT interpolates bilinearly, which is faster on a GPU and "slightly less accurate" (4.4):
    its peaks lie on cells. As matrix products both cost the same, and bicubic boxes fit better."""

    def upsample(self, maps: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n up up"]:
        """Upsample square score maps; interpolation is linear, hence two matrix products."""
        weights = _interpolation_weights(maps.shape[-1], self.upsampling, self.interpolation)
        weights = weights.to(maps.device)
        return weights @ maps @ weights.T

    def locate(self, maps: Float[Tensor, "n up up"]) -> Displacements:
        """Find the peak of each upsampled map, under the cosine window."""
        side = maps.shape[-1]
        window = hann_window(side, maps.device)
        shares = maps - maps.amin((1, 2), keepdim=True)
        shares = shares / shares.sum((1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
        weighted = (1 - self.window) * shares + self.window * (window / window.sum())
        best = weighted.flatten(1).argmax(1)
        peaks = torch.stack([best % side, best // side], dim=1)
        return Displacements(
            offsets=(peaks - (side - 1) / 2) / self.upsampling,
            logits=maps.flatten(1).gather(1, best[:, None])[:, 0],
        )


@dataclass(frozen=True, kw_only=True)
class ScaleSearch(DisplacementSearch):
    """Estimation of displacement and change of size from score maps, as in SiamFC."""

    scales: tuple[float, ...] = (1 / STEP, 1.0, STEP)
    """Scales of the search areas, relative to the target's last size."""
    penalty: float = 0.99
    """Factor of scores at scales other than 1. With SiamFC's own 0.9745 sizes lag behind by a tenth
    and more: the score of a target that has grown by a step falls by only a hundredth."""
    damping: float = 0.59
    """Share of a new size that is taken."""

    def best_scale(self, maps: Float[Tensor, "n s h w"]) -> Int64[Tensor, " n"]:
        """The index of the scale with the highest peak above the lowest value of all maps."""
        heights = maps.amax((2, 3)) - maps.amin((1, 2, 3))[:, None]
        factors = [1.0 if scale == 1 else self.penalty for scale in self.scales]
        return (heights * torch.tensor(factors, device=maps.device)).argmax(1)


@cache
def _interpolation_weights(cells: int, factor: int, mode: str) -> Float[Tensor, "up cells"]:
    """The weights of cells in interpolation along one axis."""
    impulses = torch.eye(cells)[:, None, :, None].expand(cells, 1, cells, cells)
    upsampled = F.interpolate(impulses, (factor * cells, cells), mode=mode, align_corners=False)
    return upsampled[:, 0, :, 0].T.contiguous()
