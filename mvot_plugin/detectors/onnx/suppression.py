"""Non-maximum suppression."""

from typing import Any

import cv2
import numpy as np

from mvot_plugin.types import Detections

__all__ = ["suppress_duplicates"]

_MOST_CANDIDATES = 30000
_ANY_SCORE = -1.0


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
    ordered = found[order]
    if iou is not None and len(ordered) > 1:
        corners = ordered.xyxy.astype(np.float64)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        columns: tuple[Any, Any, Any] = (
            boxes,
            ordered.confidence,
            ordered.class_id.astype(np.int32),
        )
        kept = cv2.dnn.NMSBoxesBatched(*columns, _ANY_SCORE, iou)
        ordered = ordered[np.sort(np.asarray(kept, np.int64).reshape(-1))]
    return ordered[:most]
