"""Exemplar and search areas: the squares of a frame that a Siamese network looks at."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.ops.boxes import area, cxcywh_to_xyxy, xyxy_to_cxcywh

__all__ = ["context_side", "pyramid_level", "scaled_areas", "square_areas", "steady_level"]

CANONICAL_AREA, CANONICAL_STRIDE, CANONICAL_LEVEL = 255, 8, 3
"""Side of SiamFC's search area and stride of its network; the level of that stride (Eq. 1)."""


def context_side(boxes: Float[np.ndarray, "n 4"], context: float = 0.5) -> Float[np.ndarray, " n"]:
    """The side A in pixels of each (N, 4) box's exemplar area (SiamMOTION Eq. 6).

    A² = (w + ζ(w + h)) (h + ζ(w + h)), where ζ is ``context``.
    """
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    margin = context * (width + height)
    return np.asarray(np.sqrt((width + margin) * (height + margin)))


def square_areas(
    boxes: Float[np.ndarray, "n 4"], side: Float[np.ndarray, " n"]
) -> Float32[np.ndarray, "n 4"]:
    """Squares of (N,) ``side`` pixels about the centres of (N, 4) ``boxes``."""
    centred = xyxy_to_cxcywh(boxes)
    centred[:, 2:] = side[:, None]
    return cxcywh_to_xyxy(centred).astype(np.float32)


def scaled_areas(
    areas: Float32[np.ndarray, "n 4"], scales: Sequence[float]
) -> Float32[np.ndarray, "n s 4"]:
    """Each of N areas at S ``scales`` about its centre."""
    centre = (areas[:, None, :2] + areas[:, None, 2:]) / 2
    half = (areas[:, None, 2:] - areas[:, None, :2]) / 2 * np.array(scales, np.float32)[:, None]
    return np.concatenate([centre - half, centre + half], axis=2)


def pyramid_level(
    areas: Float[np.ndarray, "n 4"], lowest: int = 1, highest: int = 4
) -> Int64[np.ndarray, " n"]:
    """The pyramid level that depicts each search area best (SiamMOTION Eq. 1).

    k = floor(3 + log2(sqrt(A_w A_h) / (8 floor(255 / 8)))), within ``lowest`` to ``highest``.
    """
    return np.asarray(np.clip(np.floor(_octave(areas)), lowest, highest), np.int64)


def steady_level(
    areas: Float[np.ndarray, "n 4"],
    levels: Int64[np.ndarray, " n"],
    slack: float,
    lowest: int = 1,
    highest: int = 4,
) -> Int64[np.ndarray, " n"]:
    """``levels`` of N targets, where their search areas outgrow them by ``slack`` octaves at most.

    An area that is smaller or larger than that gets its ``pyramid_level``. What is compared with
    an exemplar should come from the exemplar's own level, even if it has grown a bit too large.
    """
    octave = _octave(areas)
    stays = (octave >= levels - slack) & (octave < levels + 1 + slack)
    return np.where(stays, levels, pyramid_level(areas, lowest, highest))


def _octave(areas: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """Eq. 1 before it is rounded down."""
    side = np.sqrt(np.maximum(area(areas), np.finfo(np.float32).tiny))
    cells = CANONICAL_STRIDE * (CANONICAL_AREA // CANONICAL_STRIDE)
    return np.asarray(CANONICAL_LEVEL + np.log2(side / cells))
