"""Where the cells of a backbone without padding lie: effective size and feature coordinates."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float
from torch import nn

__all__ = ["Field"]

NumberT = TypeVar("NumberT", float, Float[np.ndarray, "..."])


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """The ``receptive`` field K and the global ``stride`` S, in pixels, of layers without padding.

    Their first cell sees pixels 0 to K, so that it lies about pixel K / 2 of the image, edge to
    edge, and each further one S pixels on.
    """

    receptive: int
    stride: int

    @classmethod
    def of(cls, layers: Iterable[nn.Module]) -> "Field":
        """What the kernels and strides of convolutions and poolings, one after another, make.

        Raises ``ValueError`` for a layer that pads.
        """
        receptive, stride = 1, 1
        for layer in layers:
            if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                continue
            if _side(layer.padding):
                raise ValueError(f"{layer} pads; the backbone must have no padding")
            kernel, step = _side(layer.kernel_size), _side(layer.stride)
            receptive += (kernel - 1) * stride
            stride *= step
        return cls(receptive=receptive, stride=stride)

    def cells(self, size: int) -> int:
        """M: how many cells ``size`` pixels make."""
        return max((size - self.receptive) // self.stride + 1, 0)

    def effective_size(self, size: int) -> int:
        """N': the fewest pixels that make as many cells in layers that pad (SiamMT Eq. 1)."""
        return -(-(size - self.receptive + 1) // self.stride) * self.stride - (self.stride - 1)

    def coordinate(self, at: NumberT, size: int) -> NumberT:
        """Where pixel ``at``, of ``size`` pixels, lies among the features' cells (SiamMT Eq. 2).

        Pixel and cell i are centred at i. The equation clips the pixels that make no difference
        evenly, while layers without padding skip the last ones: it is exact where (N - K) is a
        multiple of S, and up to half a stride off elsewhere (see ``whole``).
        """
        return (at - (size - self.effective_size(size)) / 2) / self.stride

    def whole(self, size: int) -> int:
        """The next size from ``size`` up that cells cover without a rest."""
        cells = max(-(-(size - self.receptive) // self.stride), 0)
        return self.receptive + cells * self.stride


def _side(sides: int | str | tuple[int, ...]) -> int:
    """A square's side, given once or for both axes."""
    each = {sides} if isinstance(sides, int | str) else set(sides)
    if len(each) != 1:
        raise ValueError(f"layers must be square, not {sides}")
    return int(each.pop())
