"""Masks as pixels of a frame: pasted from the cells of their boxes, encoded, and drawn."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from mvot_plugin.extras import require_module
from mvot_plugin.types import XYXY

__all__ = ["PastedMask", "encode_rle", "paste_mask", "tint_mask"]

_LEAST = np.float32(0.5)
"""Probability from which a pixel is the target's."""
_OPACITY = 40
"""How much of the colour a tint is, in percent."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PastedMask:
    """The pixels of a frame that show a target, in the window that its box covers."""

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


def encode_rle(mask: PastedMask, size: tuple[int, int]) -> dict[str, object]:
    """Encode a mask as COCO's compressed run-length encoding.

    Args:
        mask: the pixels.
        size: (width, height) of the frame in pixels.

    Returns:
        ``{"size": [height, width], "counts": "..."}``, as of ``pycocotools.mask.encode``, but with
        the counts as text, which JSON can hold.

    Raises:
        UsageError: where pycocotools is not installed.
    """
    coco = require_module("pycocotools.mask", "writing masks as JSON lines", "masks")
    width, height = size
    runs = {"size": [height, width], "counts": _count_runs(mask, size).tolist()}
    counts: bytes = coco.frPyObjects(runs, height, width)["counts"]
    return {"size": [height, width], "counts": counts.decode("ascii")}


def _count_runs(mask: PastedMask, size: tuple[int, int]) -> Int64[np.ndarray, " runs"]:
    """The lengths of the runs of pixels that are not and are the target's, in turn.

    They go down the columns of the frame, from the left. Only those of the window are looked at.
    """
    width, height = size
    rows, columns = mask.window
    strip = np.zeros((columns.stop - columns.start, height), np.int8)
    strip[:, rows] = mask.pixels.T
    edges = np.flatnonzero(np.diff(strip.ravel(), prepend=0, append=0)) + height * mask.left
    counts = np.diff(edges, prepend=0, append=width * height)
    return counts if counts[-1] else counts[:-1]


def tint_mask(
    canvas: UInt8[np.ndarray, "height width 3"],
    mask: PastedMask,
    color: tuple[int, int, int],
    *,
    edge: int,
) -> None:
    """Tint the pixels of a mask in an image, and fill its edge; no other pixel changes.

    Args:
        canvas: the image to draw on, BGR, of the size that the mask was pasted for.
        mask: the pixels.
        color: BGR, 0..255.
        edge: the width of the edge, in pixels, within the mask.
    """
    if not mask.pixels.any():
        return
    part, pixels = canvas[mask.window], mask.pixels.astype(np.uint8, order="C")
    outside = cv2.BORDER_CONSTANT
    inner = cv2.erode(pixels, _CROSS, iterations=edge, borderType=outside, borderValue=0)
    shades = (100 - _OPACITY) * np.arange(256)[:, None] + _OPACITY * np.array(color)
    tints = ((shades + 50) // 100).astype(np.uint8)[None]
    cv2.copyTo(cv2.LUT(part, tints), inner, part)
    cv2.copyTo(np.full_like(part, color), pixels - inner, part)
