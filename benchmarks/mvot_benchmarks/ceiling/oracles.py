"""Parts of a pipeline that know the ground truth: true motion, identities and detections."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_benchmarks.datasets import Sequence
from mvot_benchmarks.metrics.ground_truth import GroundTruthFrame, is_visible
from mvot_benchmarks.metrics.hota import ALPHAS
from mvot_plugin.association.assignment import assign
from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed_seconds
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mvot_plugin.types import XYXY, Detections, Frame, Tracks, as_frame

__all__ = [
    "NO_OBJECT",
    "TrueDetector",
    "TrueMotion",
    "TrueTargets",
    "assign_true_identities",
]

NO_OBJECT = -1
"""The object of a box that lies on none."""
_LEAST_OVERLAP = 0.5
"""The least IoU of a box with the object that it lies on, as in MOTA and IDF1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueTargets(Targets):
    """The object that each box lies on, and how the box differs from the object's own."""

    object: Int64[np.ndarray, " n"]
    """The row of the object in the ground truth, or ``NO_OBJECT``."""
    offset: Float64[np.ndarray, "n 4"]
    """From the object's box: of the centre (x, y), in the object's sides, and the ratios of the
    sides (w, h)."""
    timestamp: Float64[np.ndarray, " n"]
    """Of the frame that each target was last moved to, in seconds."""
    held: Float64[np.ndarray, " n"]
    """Seconds since each target was enrolled."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueMotion:
    """A motion engine that moves each box as the object moves that it lies on.

    A box keeps its error (offset and size relative to the object's box), so that the noise of the
    detector stays as it is. Its score is 1; on frames where the object has no box (it left the
    view, or is not annotated there) the target holds its place with a score of 0. False alarms hold
    their place, and their scores fade. A correction by measured boxes enrolls again (see
    ``mvot_plugin.engines.base.refresh``): the object is then the one that the new box lies on.
    """

    objects: Float32[np.ndarray, "frames objects 4"]
    """The box (x0, y0, x1, y1) of each object on each frame, NaN where it has none."""
    half_life: float = 0.5
    """Seconds in which the score of a false alarm halves."""

    @classmethod
    def from_sequence(cls, sequence: Sequence) -> "TrueMotion":
        """The motion of all annotated objects of a sequence, the ignored ones included."""
        rows = sequence.ground_truth
        rows = rows[is_visible(rows.xyxy)]
        ids, columns = np.unique(rows.id, return_inverse=True)
        objects = np.full((sequence.length, len(ids), 4), np.nan, np.float32)
        objects[rows.frame, columns] = rows.xyxy
        return cls(objects=objects)

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself; only its index and time are used (a bare array has index 0)."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[XYXY, " n"]) -> TrueTargets:
        """Targets in N ``boxes``, each on the object that it overlaps best.

        An object takes one box at most: they are assigned by the largest total IoU, none below 0.5.
        Raises ``ValueError`` for boxes without area.
        """
        boxes = as_boxes(boxes)
        objects = self._objects_on(observation)
        match = assign(iou(boxes, objects).astype(np.float32), gate=_LEAST_OVERLAP)
        number = np.full(len(boxes), NO_OBJECT, np.int64)
        number[match.targets] = match.detections
        return TrueTargets(
            boxes=boxes,
            object=number,
            offset=_measure_offset(boxes, objects[number]),
            timestamp=np.full(len(boxes), observation.timestamp),
            held=np.zeros(len(boxes)),
        )

    def track(self, observation: Frame, targets: TrueTargets) -> tuple[TrueTargets, Motion]:
        """The boxes of N targets, moved with their objects."""
        objects = self._objects_on(observation)[targets.object]
        is_present, is_real = np.isfinite(objects).all(1), targets.object != NO_OBJECT
        moved = _apply_offset(objects, targets.offset)
        boxes = np.where(is_present[:, None], moved, targets.boxes)
        held = targets.held + elapsed_seconds(observation.timestamp, targets.timestamp)
        faded = np.where(is_real, 0, 0.5 ** (held / self.half_life))
        scores = np.where(is_present, 1, faded).astype(np.float32)
        timestamp = np.full(len(targets), observation.timestamp)
        targets = replace(targets, boxes=boxes, timestamp=timestamp, held=held)
        return targets, Motion(boxes=boxes.copy(), scores=scores)

    def _objects_on(self, frame: Frame) -> Float32[XYXY, " rows"]:
        """The objects' boxes on a frame; after them the box of ``NO_OBJECT``, NaN."""
        boxes = np.full((self.objects.shape[1] + 1, 4), np.nan, np.float32)
        if frame.index < len(self.objects):
            boxes[:NO_OBJECT] = self.objects[frame.index]
        return boxes


def _measure_offset(
    boxes: Float32[XYXY, " n"], objects: Float32[XYXY, " n"]
) -> Float64[np.ndarray, "n 4"]:
    """The offset of each box from its object's, as in ``TrueTargets``; NaN for ``NO_OBJECT``."""
    box, true = (xyxy_to_cxcywh(one.astype(np.float64)) for one in (boxes, objects))
    centre = (box[:, :2] - true[:, :2]) / true[:, 2:]
    return np.concatenate([centre, box[:, 2:] / true[:, 2:]], axis=1)


def _apply_offset(
    objects: Float32[XYXY, " n"], offset: Float64[np.ndarray, "n 4"]
) -> Float32[XYXY, " n"]:
    """The boxes at an offset from their objects; the inverse of ``_measure_offset``."""
    true = xyxy_to_cxcywh(objects.astype(np.float64))
    centre = true[:, :2] + offset[:, :2] * true[:, 2:]
    moved = np.concatenate([centre, offset[:, 2:] * true[:, 2:]], axis=1)
    return cxcywh_to_xyxy(moved).astype(np.float32)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueDetector:
    """A detector that finds the evaluated objects of each frame, in their own boxes."""

    sequence: Sequence
    """The sequence whose frames it is called on."""

    def __call__(self, frame: Frame, /) -> Detections:
        """The evaluated objects of the frame of this index, with confidence 1 and class 0."""
        rows = self.sequence.ground_truth
        here = (rows.frame == frame.index) & ~rows.ignored & is_visible(rows.xyxy)
        return Detections.of(rows.xyxy[here])


def assign_true_identities(ground_truth: GroundTruthFrame, tracks: Tracks) -> Tracks:
    """Give the tracks of one frame the identities of the objects that they lie on.

    The boxes are left as they are: what this gains is identity alone, not what the pipeline would
    have reported if it had known who is who. A box lies on one object and an object has one box, in
    the assignment with the most pairs of IoU 0.5 or more, and then with the largest total IoU: HOTA
    also counts pairs of less overlap. Boxes on nothing keep identities of their own, as negative
    numbers.
    """
    overlap = iou(tracks.xyxy, ground_truth.xyxy).astype(np.float32)
    gain = np.where(overlap >= _LEAST_OVERLAP, 100 + overlap, overlap)
    match = assign(gain.astype(np.float32), gate=float(ALPHAS[0]))
    identity = -tracks.id
    identity[match.targets] = ground_truth.id[match.detections]
    return replace(tracks, id=identity)
