"""The settings by which displacement and scale are read off score maps (SiamMT 3.1)."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from jaxtyping import Float32

__all__ = ["STEP", "DisplacementSearch", "ScaleSearch"]

STEP = 1.0375
"""The ratio of a scale to the next smaller one (SiamFC)."""
SHARPNESS = -0.75
"""The parameter of bicubic interpolation, as in torch."""


@dataclass(frozen=True, kw_only=True)
class DisplacementSearch:
    """Estimation of the displacement from score maps."""

    window: float = 0.176
    """Influence of the cosine window, in 0..1."""
    upsampling: int = 16
    """Factor by which score maps are upsampled."""
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    """SiamMT interpolates bilinearly, which is faster on a GPU and "slightly less accurate" (4.4):
    its peaks lie on cells. As matrix products both cost the same, and bicubic boxes fit better."""

    @property
    def factors(self) -> Float32[np.ndarray, " s"]:
        """Factors of the peaks at each scale of the search areas; there is one scale."""
        return np.ones(1, np.float32)

    def as_arrays(
        self, cells: int
    ) -> tuple[
        Float32[np.ndarray, "up cells"], Float32[np.ndarray, "up up"], Float32[np.ndarray, " s"]
    ]:
        """The settings as the network takes them, for score maps of ``cells`` x ``cells`` cells.

        Returns:
            The weights of cells in upsampling, the window over upsampled maps, and ``factors``.
        """
        weights = _interpolation_weights(cells, self.upsampling, self.interpolation)
        return weights, _cosine_window(len(weights), self.window), self.factors


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

    @property
    def factors(self) -> Float32[np.ndarray, " s"]:
        """Factors of the peaks at each scale of the search areas."""
        return np.array([1.0 if scale == 1 else self.penalty for scale in self.scales], np.float32)


@cache
def _interpolation_weights(cells: int, factor: int, mode: str) -> Float32[np.ndarray, "up cells"]:
    """The weights of cells in interpolation along one axis; those beyond the edge repeat it."""
    kernel, reach = (_bicubic_kernel, 2) if mode == "bicubic" else (_bilinear_kernel, 1)
    positions = (np.arange(factor * cells) + 0.5) / factor - 0.5
    weights = np.zeros((factor * cells, cells))
    for step in range(1 - reach, reach + 1):
        tap = np.floor(positions).astype(np.int64) + step
        rows = np.arange(len(positions))
        np.add.at(weights, (rows, tap.clip(0, cells - 1)), kernel(np.abs(positions - tap)))
    return np.asarray(weights, np.float32)


def _bilinear_kernel(distance: np.ndarray) -> np.ndarray:
    return 1 - distance


def _bicubic_kernel(distance: np.ndarray) -> np.ndarray:
    """Keys's cubic convolution, for distances up to 2."""
    near = ((SHARPNESS + 2) * distance - (SHARPNESS + 3)) * distance**2 + 1
    far = SHARPNESS * (((distance - 5) * distance + 8) * distance - 4)
    return np.asarray(np.where(distance <= 1, near, far))


@cache
def _cosine_window(side: int, influence: float) -> Float32[np.ndarray, "side side"]:
    """The product of two Hann windows, whose sum is ``influence``."""
    line = np.hanning(side)
    window = np.outer(line, line)
    return np.asarray(influence / window.sum() * window, np.float32)
