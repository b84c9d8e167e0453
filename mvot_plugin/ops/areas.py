"""Exemplar and search areas: the squares of a frame that a Siamese network compares."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.types import XYXY

__all__ = ["context_side", "scale_areas", "square_areas"]


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
