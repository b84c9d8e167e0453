"""Non-maximum suppression."""

from typing import Any

import cv2
import numpy as np
from jaxtyping import Int64

from mvot_plugin.types import Detections

__all__ = ["suppress_duplicates"]

_MOST_CANDIDATES = 30000
_ANY_SCORE = -1.0
_BLOCK = 1000
"""Candidates that are compared with each other at once, which takes time with their square."""


def suppress_duplicates(found: Detections, iou: float | None, *, most: int = 300) -> Detections:
    """Keep of each class the detections that overlap no better one by more than ``iou``.

    Args:
        found: N detections.
        iou: The largest overlap of two that are kept; None keeps all.
        most: How many to keep at most.

    Returns:
        The kept ones, the most confident first.
    """
    order = np.argsort(-found.confidence, kind="stable")[:_MOST_CANDIDATES]
    if iou is None:
        return found[order[:most]]
    kept = order[:0]
    for begin in range(0, len(order), _BLOCK):
        candidates = np.concatenate([kept, order[begin : begin + _BLOCK]])
        kept = candidates[_find_best(found[candidates], iou)]
        if len(kept) >= most:
            break
    return found[kept[:most]]


def _find_best(ordered: Detections, iou: float) -> Int64[np.ndarray, " kept"]:
    """The rows of detections, the most confident first, that overlap no better one of a class."""
    corners = ordered.xyxy.astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    columns: tuple[Any, Any, Any] = (boxes, ordered.confidence, ordered.class_id.astype(np.int32))
    kept = cv2.dnn.NMSBoxesBatched(*columns, _ANY_SCORE, iou)
    return np.sort(np.asarray(kept, np.int64).reshape(-1))
