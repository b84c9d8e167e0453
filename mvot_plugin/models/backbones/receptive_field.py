"""Receptive field of a backbone without padding: where its cells lie, and how many there are."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

__all__ = ["ReceptiveField"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceptiveField:
    """The receptive field of the cells of layers without padding.

    The first cell sees the pixels 0 to ``size``, so that its centre is ``size`` / 2 pixels from the
    image's edge; each further one lies ``stride`` pixels on.
    """

    size: int
    """Side in pixels of what a cell sees: K in SiamMT."""
    stride: int
    """Pixels from a cell to the next: S in SiamMT."""

    @classmethod
    def from_layers(cls, layers: Iterable[nn.Module]) -> "ReceptiveField":
        """The field of consecutive layers, from the kernels of convolutions and poolings.

        Raises ``ValueError`` for a layer that pads.
        """
        size, stride = 1, 1
        for layer in layers:
            if not isinstance(layer, nn.Conv2d | nn.MaxPool2d):
                continue
            if _square_side(layer.padding):
                raise ValueError(f"{layer} pads; the backbone must have no padding")
            size += (_square_side(layer.kernel_size) - 1) * stride
            stride *= _square_side(layer.stride)
        return cls(size=size, stride=stride)

    def count_cells(self, pixels: int) -> int:
        """The number of cells along ``pixels`` pixels."""
        return max((pixels - self.size) // self.stride + 1, 0)

    def round_up(self, pixels: int) -> int:
        """The least number of pixels, ``pixels`` or more, that cells cover exactly."""
        cells = max(-(-(pixels - self.size) // self.stride), 0)
        return self.size + cells * self.stride


def _square_side(sides: int | str | tuple[int, ...]) -> int:
    """The side of a square that is given once or for both axes."""
    each = {sides} if isinstance(sides, int | str) else set(sides)
    if len(each) != 1:
        raise ValueError(f"layers must be square, not {sides}")
    return int(each.pop())
