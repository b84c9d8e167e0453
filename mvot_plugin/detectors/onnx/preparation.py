"""From a frame to the array that a network takes, and from the network's boxes to the frame's."""

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mvot_plugin.types import XYXY

__all__ = ["Colors", "Fit", "Letterbox", "Placement", "Size", "to_array"]

Size = tuple[int, int]
"""Height and width, in pixels."""
Fit = Literal["center", "corner", "stretch"]


@dataclass(frozen=True, kw_only=True)
class Colors:
    """The values that a network takes for colours; integer inputs take 0..255 as they are."""

    order: Literal["rgb", "bgr"] = "rgb"
    """The order of the channels."""
    mean: tuple[float, ...] = (0.0,)
    """Subtracted from 0..255: one value, or one of each channel in ``order``."""
    deviation: tuple[float, ...] = (255.0,)
    """Divided by then."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where an image lies in a network's input."""

    scale: tuple[float, float]
    """Pixels of the input in one of the image, along x and y."""
    offset: tuple[int, int]
    """The image's left and top in the input."""

    def to_image(self, boxes: Float[XYXY, " n"], size: Size) -> Float32[XYXY, " n"]:
        """Boxes of the input as boxes of the image, clipped to its ``size``."""
        height, width = size
        moved = (boxes - np.tile(self.offset, 2)) / np.tile(self.scale, 2)
        clipped: np.ndarray = np.clip(moved, 0, [width, height, width, height])
        return clipped.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """Scales images to the size of a network's input."""

    size: Size | None = None
    """The input's size; None is any."""
    fit: Fit = "center"
    """How an image fills the input: with its own proportions, in the center or the top left
    corner, or stretched."""
    pad: int = 114
    """The value of all channels beside the image."""
    longest: int = 640
    """For an input of any size, the image's longer side there; stretched ones keep their size."""
    stride: int = 32
    """Sides of an input of any size are multiples of this."""

    def __call__(
        self, image: UInt8[np.ndarray, "height width 3"]
    ) -> tuple[UInt8[np.ndarray, "to_height to_width 3"], Placement]:
        """The scaled and padded image, and where it lies."""
        height, width = image.shape[:2]
        if self.fit == "stretch":
            inner = outer = self.size or (height, width)
        else:
            inner, outer = self._fit_proportions(height, width)
        spare = outer[1] - inner[1], outer[0] - inner[0]
        left, top = (round(s / 2 - 0.1) if self.fit == "center" else 0 for s in spare)
        if inner != (height, width):
            image = np.asarray(cv2.resize(image, inner[::-1], interpolation=cv2.INTER_LINEAR))
        if inner != outer:
            edges = top, spare[1] - top, left, spare[0] - left
            image = np.asarray(
                cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT, value=(self.pad,) * 3)
            )
        scale = inner[1] / width, inner[0] / height
        return image, Placement(scale=scale, offset=(left, top))

    def _fit_proportions(self, height: int, width: int) -> tuple[Size, Size]:
        """The scaled image's size, and that of the input around it."""
        room = self.size or (self.longest, self.longest)
        scale = min(room[0] / height, room[1] / width)
        inner = max(round(height * scale), 1), max(round(width * scale), 1)
        if self.size is not None:
            return inner, self.size
        rows, columns = (-(-side // self.stride) * self.stride for side in inner)
        return inner, (rows, columns)


def to_array(
    image: UInt8[np.ndarray, "height width 3"],
    colors: Colors,
    dtype: np.dtype[Any],
    *,
    channels_last: bool = False,
) -> np.ndarray:
    """Convert an image to what a network takes.

    Args:
        image: BGR pixels.
        colors: The network's colours.
        dtype: Its number format; integers take 0..255 whatever ``colors`` scales them to.
        channels_last: Whether the array's shape is (1, height, width, 3), rather than
            (1, 3, height, width).
    """
    swapped = colors.order == "rgb"
    array: np.ndarray
    if dtype.kind == "f":
        array = np.asarray(cv2.dnn.blobFromImage(image, swapRB=swapped))
        np.subtract(array, np.array(colors.mean, np.float32).reshape(-1, 1, 1), out=array)
        np.divide(array, np.array(colors.deviation, np.float32).reshape(-1, 1, 1), out=array)
    else:
        array = (image[None, :, :, ::-1] if swapped else image[None]).transpose(0, 3, 1, 2)
    ordered = array.transpose(0, 2, 3, 1) if channels_last else array
    return np.ascontiguousarray(ordered, dtype)
