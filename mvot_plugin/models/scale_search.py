"""From score maps to where targets are and, with maps of several scales, how large (SiamMT 3.1)."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from mvot_plugin.ops.windows import hann_window

__all__ = ["STEP", "PlaceSearch", "Placement", "ScaleSearch"]

STEP = 1.0375
"""From one scale to the next (SiamFC)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Placement:
    """Where N targets are: (N, 2) cells (x, y) from the middle of their search areas; log odds."""

    offsets: Float[Tensor, "n 2"]
    logits: Float[Tensor, " n"]


@dataclass(frozen=True, kw_only=True)
class PlaceSearch:
    """How displacement is read off score maps.

    ``window`` is the influence of the cosine window. Maps are made finer by ``upsampling``: SiamMT
    interpolates bilinearly, which is faster on a GPU and "slightly less accurate" (4.4), as its
    peaks lie on cells. As products of matrices both cost the same, and boxes fit much better.
    """

    window: float = 0.176
    upsampling: int = 16
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"

    def upsampled(self, maps: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n up up"]:
        """Finer square score maps; both interpolations are linear, so that two products do."""
        weights = _interpolation(maps.shape[-1], self.upsampling, self.interpolation)
        weights = weights.to(maps.device)
        return weights @ maps @ weights.T

    def place(self, maps: Float[Tensor, "n up up"]) -> Placement:
        """The highest place of each upsampled map, where large displacements count less."""
        side = maps.shape[-1]
        window = hann_window(side, maps.device)
        likely = maps - maps.amin((1, 2), keepdim=True)
        likely = likely / likely.sum((1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
        weighed = (1 - self.window) * likely + self.window * (window / window.sum())
        best = weighed.flatten(1).argmax(1)
        places = torch.stack([best % side, best // side], dim=1)
        return Placement(
            offsets=(places - (side - 1) / 2) / self.upsampling,
            logits=maps.flatten(1).gather(1, best[:, None])[:, 0],
        )


@dataclass(frozen=True, kw_only=True)
class ScaleSearch(PlaceSearch):
    """How displacement and change of size are read off score maps, as SiamFC does.

    Search areas are tried at these ``scales``; where it is not 1, scores are weighed by ``penalty``
    (SiamFC's own 0.9745 lets sizes lag behind by a tenth and more: the score of what has grown by
    a step falls by a hundredth). ``damping`` is how much of a new size is taken.
    """

    scales: tuple[float, ...] = (1 / STEP, 1.0, STEP)
    penalty: float = 0.99
    damping: float = 0.59

    def best_scale(self, maps: Float[Tensor, "n s h w"]) -> Int64[Tensor, " n"]:
        """Which of the scales fits each target best: stands out most from the lowest of all."""
        heights = maps.amax((2, 3)) - maps.amin((1, 2, 3))[:, None]
        factors = [1.0 if scale == 1 else self.penalty for scale in self.scales]
        return (heights * torch.tensor(factors, device=maps.device)).argmax(1)


@cache
def _interpolation(cells: int, factor: int, mode: str) -> Float[Tensor, "up cells"]:
    """What interpolation along one axis weighs each cell with."""
    impulses = torch.eye(cells)[:, None, :, None].expand(cells, 1, cells, cells)
    upsampled = F.interpolate(impulses, (factor * cells, cells), mode=mode, align_corners=False)
    return upsampled[:, 0, :, 0].T.contiguous()
