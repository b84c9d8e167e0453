"""The plain tracker to beat: Lucas-Kanade corners between detections, IoU and the Hungarian method.

It is what one writes by hand around OpenCV today, and shares no code with our engines, affinity and
lifecycle.
"""

from dataclasses import dataclass, replace

import cv2
import lap
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from mvot_benchmarks.peers.base import PeerConfig
from mvot_plugin.ops.boxes import iou
from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY, Detections, Frame, Tracks

__all__ = ["LKHungarianPeer"]

Grey = UInt8[np.ndarray, "height width"]

_MAX_CORNERS = 20
_CORNER_QUALITY = 0.01
"""The least of a corner, as a share of the best one in its box."""
_CORNER_DISTANCE = 3
"""The least between two corners, in pixels."""
_RETURN_ERROR = 1.0
"""Most pixels between a corner and where its flow, forward and backward, ends."""
_MIN_IOU = 0.3
_MIN_CONFIDENCE = 0.3
_MAX_MISSES = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class _Targets(Rows):
    """The live tracks; the columns of ``Tracks``, and their counts."""

    id: Int64[np.ndarray, " n"]
    xyxy: Float32[XYXY, " n"]
    score: Float32[np.ndarray, " n"]
    class_id: Int64[np.ndarray, " n"]
    hits: Int64[np.ndarray, " n"]
    """Detector calls that found it."""
    misses: Int64[np.ndarray, " n"]
    """Detector calls in a row that did not."""


class LKHungarianPeer:
    """Moves boxes by the median flow of their corners; detections replace the boxes they match.

    Detections and boxes are matched by the Hungarian method on their IoU, from 0.3 up. A detection
    that is left over starts a track if its confidence is 0.3 or more; confidences that are not a
    detector's own are not looked at. A track is shown at once, at k = 1 from its second detection
    on, and ends when two detector calls in a row have missed it.
    """

    def __init__(self, config: PeerConfig) -> None:
        self._min_hits = 2 if config.k == 1 else 1
        self._min_confidence = _MIN_CONFIDENCE if config.has_detector_scores else -np.inf
        self._targets, self._next_id = _start(Detections.empty(), 1), 1
        self._grey: Grey | None = None

    def step(self, frame: Frame, detections: Detections | None) -> Tracks:
        """The boxes as the image moves them; on a detector's frame, those it has corrected."""
        grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY))
        targets = self._targets
        if self._grey is not None and len(targets):
            targets = replace(targets, xyxy=_move_boxes(self._grey, grey, targets.xyxy))
        detected = np.zeros(len(targets), np.bool_)
        if detections is not None:
            targets, detected = self._update(targets, detections)
        self._grey, self._targets = grey, targets
        shown = targets.hits >= self._min_hits
        return Tracks(
            id=targets.id[shown],
            xyxy=targets.xyxy[shown],
            score=targets.score[shown],
            class_id=targets.class_id[shown],
            detected=detected[shown],
        )

    def _update(
        self, targets: _Targets, detections: Detections
    ) -> tuple[_Targets, Bool[np.ndarray, " m"]]:
        """The targets after a detector call, and whether it found each."""
        rows, columns = _match(targets.xyxy, detections.xyxy)
        found = np.zeros(len(targets), np.bool_)
        found[rows] = True
        targets = replace(
            targets,
            xyxy=_set_rows(targets.xyxy, rows, detections.xyxy[columns]),
            score=_set_rows(targets.score, rows, detections.confidence[columns]),
            class_id=_set_rows(targets.class_id, rows, detections.class_id[columns]),
            hits=targets.hits + found,
            misses=np.where(found, 0, targets.misses + 1),
        )
        alive = targets.misses < _MAX_MISSES
        fresh = detections.confidence >= self._min_confidence
        fresh[columns] = False
        born = _start(detections[fresh], self._next_id)
        self._next_id += len(born)
        detected = np.concatenate([found[alive], np.ones(len(born), np.bool_)])
        return Rows.cat([targets[alive], born]), detected


def _start(detections: Detections, first_id: int) -> _Targets:
    """New targets at detections, with ids from ``first_id`` on."""
    count = len(detections)
    return _Targets(
        id=np.arange(first_id, first_id + count),
        xyxy=detections.xyxy,
        score=detections.confidence,
        class_id=detections.class_id,
        hits=np.ones(count, np.int64),
        misses=np.zeros(count, np.int64),
    )


def _set_rows(column: np.ndarray, rows: Int64[np.ndarray, " _"], values: np.ndarray) -> np.ndarray:
    changed = column.copy()
    changed[rows] = values
    return changed


def _match(
    boxes: Float32[XYXY, " n"], detections: Float32[XYXY, " m"]
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    """The rows and columns of the pairs with the largest total IoU, none below ``_MIN_IOU``."""
    overlap = iou(boxes, detections).astype(np.float64)
    allowed = np.where(overlap >= _MIN_IOU, overlap, 0)
    if not allowed.any():
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, partner, _ = lap.lapjv(-allowed, extend_cost=True)
    rows = np.flatnonzero(partner >= 0)
    rows = rows[allowed[rows, partner[rows]] > 0]
    return rows, partner[rows].astype(np.int64)


def _move_boxes(before: Grey, after: Grey, boxes: Float32[XYXY, " n"]) -> Float32[XYXY, " n"]:
    """Shift each box by the median flow of its corners that flow back to where they came from.

    A box without such corners stays where it is.
    """
    corners = [_find_corners(before, box) for box in boxes]
    points = np.concatenate(corners)
    if not len(points):
        return boxes
    arrived, went = _flow(before, after, points)
    returned, came_back = _flow(after, before, arrived)
    good = went & came_back & (np.abs(returned - points).max(1) < _RETURN_ERROR)
    owner = np.repeat(np.arange(len(boxes)), [len(one) for one in corners])
    moved = boxes.copy()
    for row in np.unique(owner[good]):
        mine = good & (owner == row)
        moved[row] += np.tile(np.median(arrived[mine] - points[mine], axis=0), 2)
    return moved


def _flow(
    before: Grey, after: Grey, points: Float32[np.ndarray, "n 2"]
) -> tuple[Float32[np.ndarray, "n 2"], Bool[np.ndarray, " n"]]:
    """Where Lucas-Kanade finds the points, and whether it does."""
    arrived, status, _ = cv2.calcOpticalFlowPyrLK(before, after, points, points.copy())
    return np.asarray(arrived), np.asarray(status)[:, 0] == 1


def _find_corners(grey: Grey, box: XYXY) -> Float32[np.ndarray, "points 2"]:
    """Corners in the part of a box that lies in the image, in pixels of the image."""
    x0, y0, x1, y1 = (max(round(edge), 0) for edge in box.tolist())
    inside = grey[y0:y1, x0:x1]
    if not inside.size:
        return np.zeros((0, 2), np.float32)
    corners = cv2.goodFeaturesToTrack(inside, _MAX_CORNERS, _CORNER_QUALITY, _CORNER_DISTANCE)
    if corners is None:  # there is no texture; the type stubs deny it
        return np.zeros((0, 2), np.float32)
    return np.asarray(corners.reshape(-1, 2) + np.array([x0, y0]), np.float32)
