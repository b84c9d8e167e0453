"""Masks relative to boxes: cropped from masks of frames, and pasted into frames."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from mvot_plugin.types.layouts import XYXY

__all__ = ["MASK_BINS", "PastedMask", "crop_masks", "paste_mask"]

MASK_BINS = 64
"""The cells along each side of a box of a mask, as SiamAttn's are (3.3)."""
_LEAST = np.float32(0.5)
"""Probability from which a pixel is the target's."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PastedMask:
    """The pixels of a frame that show a target, in the window that its box covers.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.types import PastedMask
        >>> pasted = PastedMask(left=10, top=20, pixels=np.ones((2, 3), np.bool_))
        >>> image = np.zeros((240, 320, 3), np.uint8)
        >>> image[pasted.window][pasted.pixels] = (0, 0, 255)  # paint it red
        >>> image[20:22, 10:13, 2].tolist()
        [[255, 255, 255], [255, 255, 255]]
    """

    left: int
    """The first column of the window in the frame."""
    top: int
    """Its first row."""
    pixels: Bool[np.ndarray, "height width"]
    """True where a pixel of the window is the target's; outside the window none is."""

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the frame that the window covers."""
        height, width = self.pixels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def paste_mask(mask: Float32[np.ndarray, "m m"], box: XYXY, size: tuple[int, int]) -> PastedMask:
    """Resize a mask to its box, and find the pixels of the frame that are the target's.

    Such a pixel has its centre in the box, and there the mask is 0.5 or more; between the centres
    of the mask's cells it is interpolated (bilinear), beyond the outermost it is as there.

    Args:
        mask: (M, M) float32, probabilities of the box's cells, row 0 at the top.
        box: (4,) float32, in pixels of the frame; it may reach beyond the frame. A box that is not
            finite or has no area has no pixels.
        size: (width, height) of the frame in pixels.

    Returns:
        The pixels, in the window that holds all those with their centre in box and frame.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.types import paste_mask
        >>> mask = np.eye(2, dtype=np.float32)
        >>> box = np.array([10, 20, 12, 22], np.float32)
        >>> paste_mask(mask, box, size=(320, 240)).pixels.tolist()
        [[True, False], [False, True]]
    """
    x0, y0, x1, y1 = (float(value) for value in box)
    if not np.isfinite(box).all() or x1 <= x0 or y1 <= y0:
        return PastedMask(left=0, top=0, pixels=np.zeros((0, 0), np.bool_))
    columns, rows = _find_centres(x0, x1, size[0]), _find_centres(y0, y1, size[1])
    resized = _interpolate(mask, rows, y0, y1)
    resized = _interpolate(resized.T, columns, x0, x1).T
    return PastedMask(left=columns.start, top=rows.start, pixels=resized >= _LEAST)


def _find_centres(start: float, stop: float, length: int) -> range:
    """The pixels of ``length`` whose centres are from ``start`` to before ``stop``."""
    first, end = np.clip(np.ceil(np.array([start, stop]) - 0.5), 0, length)
    return range(int(first), int(end))


def _interpolate(
    mask: Float32[np.ndarray, "m other"], pixels: range, start: float, stop: float
) -> Float32[np.ndarray, "n other"]:
    """The mask's rows, which divide ``start`` to ``stop``, at the centres of N pixels."""
    cells = len(mask)
    centres = np.arange(pixels.start, pixels.stop) + 0.5
    place = np.clip((centres - start) / (stop - start) * cells - 0.5, 0, cells - 1)
    before = place.astype(np.int64)
    after = np.minimum(before + 1, cells - 1)
    weight = (place - before).astype(np.float32)[:, None]
    return np.asarray(mask[before] + (mask[after] - mask[before]) * weight)


def crop_masks(
    masks: Any, boxes: Float32[XYXY, " n"], bins: int = MASK_BINS
) -> Float32[np.ndarray, "n m m"]:
    """Reduce masks of a frame to the cells of their boxes.

    Args:
        masks: (N, height, width), the probability, 0..1, or whether, each pixel shows the object.
        boxes: (N, 4) float32, in pixels of the masks; they may reach beyond.
        bins: M, the number of cells along each side of a box.

    Returns:
        The mean of each cell, where what is outside of the frame counts as 0; 0 for a box that is
        not finite or has no area. (N, M, M) float32.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.types import crop_masks
        >>> masks = np.zeros((1, 240, 320), np.bool_)
        >>> masks[0, 20:30, 10:20] = True
        >>> boxes = np.array([[10, 20, 20, 40]], np.float32)
        >>> crop_masks(masks, boxes, bins=2).round(2).tolist()
        [[[1.0, 1.0], [0.0, 0.0]]]
    """
    cropped = np.zeros((len(boxes), bins, bins), np.float32)
    for row, (mask, box) in enumerate(zip(masks, boxes, strict=True)):
        x0, y0, x1, y1 = (float(value) for value in box)
        if np.isfinite(box).all() and x1 > x0 and y1 > y0:
            down, across = (
                _overlaps(y0, y1, mask.shape[0], bins),
                _overlaps(x0, x1, mask.shape[1], bins),
            )
            window = np.asarray(mask[down[1], across[1]], np.float32)
            cropped[row] = down[0] @ window @ across[0].T
    return cropped


def _overlaps(
    start: float, stop: float, length: int, bins: int
) -> tuple[Float32[np.ndarray, "m pixels"], slice]:
    """The share of each of M cells from ``start`` to ``stop`` that each pixel covers.

    Also returns the pixels of ``length`` that the cells touch.
    """
    first = int(np.clip(np.floor(start), 0, length))
    end = int(np.clip(np.ceil(stop), first, length))
    edges, pixels = np.linspace(start, stop, bins + 1), np.arange(first, end)
    begins = np.maximum(edges[:-1, None], pixels)
    ends = np.minimum(edges[1:, None], pixels + 1)
    share = (ends - begins).clip(0) * (bins / (stop - start))
    return share.astype(np.float32), slice(first, end)
