"""Which objects of a ground truth count, frame by frame, and which boxes of a tracker do."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Int64

from mvot_plugin.assignment import assign
from mvot_plugin.motfile import MotRows
from mvot_plugin.ops.boxes import area, intersection, iou
from mvot_plugin.rows import Rows

__all__ = [
    "Regions",
    "TruthFrame",
    "TruthRows",
    "counted_boxes",
    "inside",
    "mot_truth",
    "truth_by_frame",
    "visible",
]

_PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""MOT16's person on vehicle, static person, distractor, reflection: neither right nor wrong."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TruthRows(Rows):
    """The objects of a sequence, a row for each on each frame; frames count from 0.

    ``xyxy`` is in pixels, 0-based and half-open; ``class_id`` is the data set's own, -1 where it
    names none. ``ignored`` objects are there, but to follow them is neither right nor wrong.
    """

    frame: Int64[np.ndarray, " n"]
    id: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]
    class_id: Int64[np.ndarray, " n"]
    ignored: Bool[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Regions(Rows):
    """Parts of frames in which nothing was annotated; frames count from 0."""

    frame: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]

    @classmethod
    def none(cls) -> "Regions":
        """No part of any frame."""
        return cls(frame=np.empty(0, np.int64), xyxy=_no_boxes())


def _no_boxes() -> Float32[np.ndarray, "0 4"]:
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class TruthFrame:
    """The objects of one frame; whatever follows an ``ignored`` one does not count at all.

    Nor does what lies in one of the ``regions`` and follows nothing.
    """

    id: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]
    ignored: Bool[np.ndarray, " n"]
    regions: Float32[np.ndarray, "m 4"] = field(default_factory=_no_boxes)


def mot_truth(rows: MotRows, distractors: tuple[int, ...] = DISTRACTORS) -> TruthRows:
    """The rows of a ``gt.txt`` that matter, by MOTChallenge's rules.

    Rows of flag 0 are left out; where there are classes (MOT16 and later), only pedestrians count
    and look-alikes (``distractors``) are ignored, whatever their flag.
    """
    ignored = np.isin(rows.class_id, distractors)
    kept = ignored | ((rows.score != 0) & np.isin(rows.class_id, (-1, _PEDESTRIAN)))
    return TruthRows(
        frame=rows.frame[kept],
        id=rows.id[kept],
        xyxy=rows.xyxy[kept],
        class_id=rows.class_id[kept],
        ignored=ignored[kept],
    )


def truth_by_frame(rows: TruthRows, regions: Regions, length: int) -> Iterator[TruthFrame]:
    """The frames from the first to the ``length``-th."""
    for frame in range(length):
        here = rows[rows.frame == frame]
        ignored_parts = regions.xyxy[regions.frame == frame]
        yield TruthFrame(id=here.id, xyxy=here.xyxy, ignored=here.ignored, regions=ignored_parts)


def visible(boxes: Float32[np.ndarray, "n 4"]) -> Bool[np.ndarray, " n"]:
    """Which boxes are finite and have an area: the others stand for an object out of sight."""
    return np.asarray(np.isfinite(boxes).all(1) & (area(boxes) > 0))


def inside(
    boxes: Float32[np.ndarray, "n 4"], regions: Float32[np.ndarray, "m 4"]
) -> Bool[np.ndarray, " n"]:
    """Which boxes lie in one of the regions by half of their area or more."""
    shared = intersection(boxes, regions).max(1, initial=0)
    whole = area(boxes)
    return np.asarray((shared >= whole / 2) & (whole > 0))


def counted_boxes(truth: TruthFrame, boxes: Float32[np.ndarray, "n 4"]) -> Bool[np.ndarray, " n"]:
    """Which of a tracker's boxes on a frame count, as hit or as false alarm.

    Those do not that match an ignored object, nor those that match nothing and lie in an ignored
    region by half or more. Boxes match objects of all kinds at an IoU of 0.5 or more, in the
    assignment of the largest total (MOTChallenge's and TrackEval's rule for distractors).
    """
    if not truth.ignored.any() and not len(truth.regions):
        return np.ones(len(boxes), np.bool_)
    match = assign(iou(truth.xyxy, boxes).astype(np.float32), gate=0.5)
    counted = ~inside(boxes, truth.regions)
    counted[match.detections] = ~truth.ignored[match.targets]
    return counted
