"""Where the cells of a backbone's features lie on an image, and what they see."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

__all__ = ["FIRST_CELL", "Geometry"]

FIRST_CELL = 0.5
"""Pixels from an image's edge to the centre of its first cell, at every stride."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where a backbone's cells lie, and what they see."""

    stride: int
    """Pixels from a cell to the next."""
    field: int
    """Side in pixels of the receptive field of a cell."""
    is_padded: bool
    """Whether the backbone pads: a map then has as many cells as strides, and those near its edges
    know that they are there."""
    block: int = 1
    """Cells that the sides of maps are multiples of, and that a part begins at a multiple of."""

    @property
    def halo(self) -> int:
        """Cells around those of a part that are computed with it and dropped.

        They know that the part ends there.
        """
        return -(-(self.field // 2) // self.stride) if self.is_padded else 0

    @property
    def growth(self) -> float:
        """Cells by which a part is wider than the cells that it is computed for."""
        return 2.0 * self.halo if self.is_padded else self.field / self.stride - 1

    def crop_pixels(self, side: int) -> int:
        """The pixels along the image that the cells on ``side`` pixels are computed from."""
        cells = -(-side // self.stride)
        first, _, last, _ = self.to_pixels(np.array([0, 0, *[cells + -cells % self.block] * 2]))
        return int(last - first)

    def to_pixels(self, cells: Int64[np.ndarray, "*n 4"]) -> Int64[np.ndarray, "*n 4"]:
        """The pixels that the backbone needs for rectangles of cells (xyxy)."""
        if self.is_padded:
            return cells * self.stride
        begin = cells[..., :2] * self.stride - self.field // 2
        end = begin + (cells[..., 2:] - cells[..., :2] - 1) * self.stride + self.field
        return np.concatenate([begin, end], axis=-1)
