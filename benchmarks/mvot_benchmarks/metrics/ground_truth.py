"""Ground truth by frame, and the rules for what is evaluated and what is ignored."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32, Int64

from mvot_plugin.association.assignment import assign
from mvot_plugin.motfile import MotRows
from mvot_plugin.ops.boxes import area, intersection, iou
from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY

__all__ = [
    "DISTRACTORS",
    "GroundTruthFrame",
    "GroundTruthRows",
    "IgnoredRegions",
    "apply_motchallenge_rules",
    "is_in_region",
    "is_scored",
    "is_visible",
    "split_by_frame",
]

_PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""MOT16's classes person on vehicle, static person, distractor, reflection, which are ignored."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class GroundTruthRows(Rows):
    """The objects of a sequence, one row for each object and frame."""

    frame: Int64[np.ndarray, " n"]
    """Counted from 0."""
    id: Int64[np.ndarray, " n"]
    xyxy: Float32[XYXY, " n"]
    """In pixels, 0-based and half-open."""
    class_id: Int64[np.ndarray, " n"]
    """The data set's own; -1 where it has no classes."""
    ignored: Bool[np.ndarray, " n"]
    """Objects for which a track is neither a true nor a false positive."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class IgnoredRegions(Rows):
    """Parts of frames that are not annotated; ``frame`` counts from 0."""

    frame: Int64[np.ndarray, " n"]
    xyxy: Float32[XYXY, " n"]

    @classmethod
    def empty(cls) -> "IgnoredRegions":
        """No regions."""
        return cls(frame=np.empty(0, np.int64), xyxy=_empty_boxes())


def _empty_boxes() -> Float32[XYXY, " 0"]:
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundTruthFrame:
    """The objects of one frame.

    Not scored are tracks that match an ``ignored`` object, and tracks in one of the ``regions``
    that match no object.
    """

    id: Int64[np.ndarray, " n"]
    xyxy: Float32[XYXY, " n"]
    ignored: Bool[np.ndarray, " n"]
    regions: Float32[XYXY, " m"] = field(default_factory=_empty_boxes)


def apply_motchallenge_rules(
    rows: MotRows, distractors: tuple[int, ...] = DISTRACTORS
) -> GroundTruthRows:
    """Select the rows of a ``gt.txt`` that MOTChallenge evaluates or ignores.

    Rows of flag 0 are left out. Where there are classes (MOT16 and later), only pedestrians are
    evaluated, and ``distractors`` are ignored, whatever their flag.
    """
    ignored = np.isin(rows.class_id, distractors)
    kept = ignored | ((rows.score != 0) & np.isin(rows.class_id, (-1, _PEDESTRIAN)))
    return GroundTruthRows(
        frame=rows.frame[kept],
        id=rows.id[kept],
        xyxy=rows.xyxy[kept],
        class_id=rows.class_id[kept],
        ignored=ignored[kept],
    )


def split_by_frame(
    rows: GroundTruthRows, regions: IgnoredRegions, length: int
) -> Iterator[GroundTruthFrame]:
    """The ground truth of each of the first ``length`` frames."""
    for frame in range(length):
        on_frame = rows[rows.frame == frame]
        yield GroundTruthFrame(
            id=on_frame.id,
            xyxy=on_frame.xyxy,
            ignored=on_frame.ignored,
            regions=regions.xyxy[regions.frame == frame],
        )


def is_visible(boxes: Float32[XYXY, " n"]) -> Bool[np.ndarray, " n"]:
    """Which boxes are finite and have an area; other boxes mark absent objects in data sets."""
    return np.asarray(np.isfinite(boxes).all(1) & (area(boxes) > 0))


def is_in_region(
    boxes: Float32[XYXY, " n"], regions: Float32[XYXY, " m"]
) -> Bool[np.ndarray, " n"]:
    """Which boxes have half of their area or more in one of the regions."""
    shared = intersection(boxes, regions).max(1, initial=0)
    areas = area(boxes)
    return np.asarray((shared >= areas / 2) & (areas > 0))


def is_scored(ground_truth: GroundTruthFrame, boxes: Float32[XYXY, " n"]) -> Bool[np.ndarray, " n"]:
    """Which of a tracker's boxes on a frame are scored, as true or false positives.

    Boxes that match an ignored object are not, nor boxes that match no object and have half of
    their area or more in an ignored region. Boxes match objects at an IoU of 0.5 or more, in the
    assignment of the largest total (the rule of MOTChallenge and TrackEval for distractors).
    """
    if not ground_truth.ignored.any() and not len(ground_truth.regions):
        return np.ones(len(boxes), np.bool_)
    match = assign(iou(ground_truth.xyxy, boxes).astype(np.float32), gate=0.5)
    scored = ~is_in_region(boxes, ground_truth.regions)
    scored[match.detections] = ~ground_truth.ignored[match.targets]
    return scored
