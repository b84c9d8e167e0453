"""Masks as pixels of a frame: encoded, and drawn."""

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

from mvot_plugin.extras import require_module
from mvot_plugin.types import PastedMask

__all__ = ["encode_rle", "tint_mask"]

_OPACITY = 40
"""How much of the colour a tint is, in percent."""
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


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
