"""Exemplar and search areas: the squares of a frame that a Siamese network compares."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.ops.boxes import area, cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.types import XYXY

__all__ = ["context_side", "pyramid_level", "scale_areas", "square_areas", "update_level"]

CANONICAL_SEARCH_SIDE, CANONICAL_STRIDE, CANONICAL_LEVEL = 255, 8, 3
"""Side in pixels of SiamFC's search area, stride of its network, and the pyramid level of that
stride (SiamMOTION Eq. 1)."""


def context_side(boxes: Float[XYXY, " n"], context: float = 0.5) -> Float[np.ndarray, " n"]:
    """The side A in pixels of each box's exemplar area (SiamMOTION Eq. 6).

    A² = (w + ζ(w + h)) (h + ζ(w + h)), where ζ is ``context``.
    """
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    margin = context * (width + height)
    return np.asarray(np.sqrt((width + margin) * (height + margin)))


def square_areas(boxes: Float[XYXY, " n"], side: Float[np.ndarray, " n"]) -> Float32[XYXY, " n"]:
    """Squares of (N,) ``side`` pixels around the centres of boxes."""
    squares = xyxy_to_cxcywh(boxes)
    squares[:, 2:] = side[:, None]
    return cxcywh_to_xyxy(squares).astype(np.float32)


def scale_areas(areas: Float32[XYXY, " n"], scales: Sequence[float]) -> Float32[XYXY, "n s"]:
    """Enlarge or reduce each of N areas to S ``scales`` around its centre."""
    centre = (areas[:, None, :2] + areas[:, None, 2:]) / 2
    half = (areas[:, None, 2:] - areas[:, None, :2]) / 2 * np.array(scales, np.float32)[:, None]
    return np.concatenate([centre - half, centre + half], axis=2)


def pyramid_level(
    areas: Float[XYXY, " n"], lowest: int = 1, highest: int = 4
) -> Int64[np.ndarray, " n"]:
    """The pyramid level in whose resolution each search area is compared (SiamMOTION Eq. 1).

    k = floor(3 + log2(sqrt(A_w A_h) / (8 floor(255 / 8)))), within ``lowest`` to ``highest``.
    """
    return np.asarray(np.clip(np.floor(_octave(areas)), lowest, highest), np.int64)


def update_level(
    areas: Float[XYXY, " n"],
    levels: Int64[np.ndarray, " n"],
    slack: float,
    lowest: int = 1,
    highest: int = 4,
) -> Int64[np.ndarray, " n"]:
    """The ``pyramid_level`` of N search areas, with hysteresis.

    A target keeps its level while its area exceeds the level's sizes by ``slack`` octaves at most:
    an exemplar is best compared with features of its own level.
    """
    octave = _octave(areas)
    stays = (octave >= levels - slack) & (octave < levels + 1 + slack)
    return np.where(stays, levels, pyramid_level(areas, lowest, highest))


def _octave(areas: Float[XYXY, " n"]) -> Float[np.ndarray, " n"]:
    """The level of Eq. 1 before it is rounded down."""
    side = np.sqrt(np.maximum(area(areas), np.finfo(np.float32).tiny))
    cells = CANONICAL_STRIDE * (CANONICAL_SEARCH_SIDE // CANONICAL_STRIDE)
    return np.asarray(CANONICAL_LEVEL + np.log2(side / cells))
