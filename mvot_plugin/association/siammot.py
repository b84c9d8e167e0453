"""SiamMOT's online solver (section 3.4 of Shuai et al., CVPR 2021), beside our own merging.

A tracked instance is a target that the engine sees with a confidence of at least ``alpha``.
Non-maximum suppression thins the tracked instances and, independently, the detections. Detections
on a tracked instance are suppressed, and what is left is born. A trajectory continues while it is a
tracked instance; one that is not is lost: it is not reported, but the engine goes on searching for
it with the template that it has, for ``tau`` seconds.

In the paper the detection sub-network refines the regions of the tracker on every frame. Here a
detector runs on some frames only, which is the one change of rules: a tracked instance that
suppresses detections of its own class takes the box of one of them, and its template is enrolled
again there.

The paper leaves open what becomes of a detection on a lost target. Here, one that would be born
re-instates it instead, where the classes are the same and the overlap is as much as suppresses.
Time is in seconds, and ``beta`` a share of the detector's typical confidence, as in our merging.
"""

import copy
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64

from mvot_plugin.association.assignment import Match, Stage, assign_in_stages
from mvot_plugin.association.associator import Merge
from mvot_plugin.association.confidence import ConfidenceConfig, ConfidenceScale
from mvot_plugin.association.existence import TIME_TOLERANCE
from mvot_plugin.config import CheckedConfig, Fraction, NonNegative, Range
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import inside_fraction, iou
from mvot_plugin.rows import Rows, largest_rows
from mvot_plugin.types import XYXY, Detections, Frame, Tracks

__all__ = ["SiamMotSolver", "SiamMotSolverConfig", "SolverTrajectories"]


@dataclass(frozen=True, kw_only=True)
class SiamMotSolverConfig(CheckedConfig):
    """Settings of SiamMOT's online solver."""

    alpha: Fraction = 0.4
    """Motion confidence (the paper's visibility) from which a trajectory continues."""
    beta: NonNegative = 0.6
    """Confidence from which an unmatched detection starts a trajectory or re-instates a lost one,
    as a share of the detector's typical confidence. That is near 1 for the paper's detector, and
    any number for others, whose files may hold scores of any scale."""
    tau: NonNegative = 1.0
    """Seconds for which a trajectory is lost before it is killed; the paper's 30 frames, at 30
    frames per second. 0 kills it at once."""
    suppress: Annotated[float, Range(1e-3, 1)] = 0.5
    """Overlap (IoU) with a tracked instance from which a detection is suppressed, and with a lost
    target from which it re-instates that."""
    nms: Fraction = 0.5
    """Overlap (IoU) above which the less confident of two detections, of any classes, is removed,
    and the less confident of two tracked instances is lost. 1 removes none."""
    inside: Fraction = 0.3
    """A trajectory with a smaller share of its box inside the image has left it, and is killed."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SolverTrajectories(Rows):
    """N trajectories, in the same rows as the engine's ``Targets``."""

    id: Int64[np.ndarray, " n"]
    boxes: Float32[XYXY, " n"]
    """The boxes on the current frame, in pixels."""
    score: Float32[np.ndarray, " n"]
    """Confidence of the detection or of the motion."""
    class_id: Int64[np.ndarray, " n"]
    visible: Bool[np.ndarray, " n"]
    """Whether it continues on the current frame; the others are lost."""
    detected: Bool[np.ndarray, " n"]
    """Whether the box was measured by a detection on the current frame."""
    seen: Float64[np.ndarray, " n"]
    """When it was last visible, in seconds."""


class SiamMotSolver:
    """SiamMOT's online solver for one video, with the interface of ``Associator``.

    Args:
        config: The settings.
        max_detections: Half the most targets that are tracked; of the detections that would start
            more, the most confident are taken.

    Attributes:
        trajectories: Those that continue or are lost; their rows are those of the engine's targets.
    """

    def __init__(self, config: SiamMotSolverConfig, max_detections: int = 1000) -> None:
        self.config = config
        self._most = 2 * max_detections
        self._confidence = ConfidenceScale(ConfidenceConfig(birth=config.beta))
        self._count = 0
        self.trajectories = _start(Detections.empty(), self._count, time=0.0)

    @property
    def ids(self) -> Int64[np.ndarray, " n"]:
        """The id of each trajectory, continuing or lost, in the rows of the engine's targets."""
        return self.trajectories.id

    def tracks(self) -> Tracks:
        """The tracks to report on the last frame: the trajectories that continue."""
        visible = self.trajectories[self.trajectories.visible]
        return Tracks(
            id=visible.id,
            xyxy=visible.boxes,
            score=visible.score.clip(0, 1),
            class_id=visible.class_id,
            detected=visible.detected,
        )

    def fork(self) -> "SiamMotSolver":
        """A second one in the same state; one of the two at most may ``merge`` from here on."""
        return copy.copy(self)

    def coast(self, frame: Frame, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Move N targets on a frame without detections.

        Args:
            frame: The frame, with its timestamp in seconds.
            motion: Where the engine sees the N targets on it.

        Returns:
            (N,), which of them go on; the others are killed.
        """
        none = np.zeros(len(motion.boxes), np.bool_)
        return self._update(frame, motion.boxes, motion.scores, self._find_tracked(motion), none)

    def merge(self, frame: Frame, motion: Motion, detections: Detections) -> Merge:
        """Merge the motion of N targets with the M detections of a frame.

        Args:
            frame: The frame, with its timestamp in seconds.
            motion: Where the engine sees the N targets on it.
            detections: The M detections, with confidences of any scale.

        Returns:
            The pairs of targets and detections, all of which are enrolled again; which of the N
            targets go on; and which detections are born.
        """
        config, confidence = self.config, detections.confidence
        tracked = self._find_tracked(motion)
        kept = _suppress_overlapping(detections.xyxy, confidence, config.nms)
        overlap = iou(motion.boxes, detections.xyxy)
        suppressed = (overlap[tracked] >= config.suppress).any(0)
        sure = self._confidence.grade(confidence).may_start
        unmatched = kept & ~suppressed & sure
        match = assign_in_stages(
            overlap * (self.trajectories.class_id[:, None] == detections.class_id),
            [
                Stage(targets=tracked, detections=kept & suppressed, gate=config.suppress),
                Stage(targets=~tracked, detections=unmatched, gate=config.suppress),
            ],
        )
        alive = self._apply(frame, motion, detections, match, tracked)
        births = match.unmatched_detections[unmatched[match.unmatched_detections]]
        room = max(self._most - len(self.trajectories), 0)
        chosen = births[largest_rows(confidence[births], room)]
        born = _start(detections[chosen], self._count, frame.timestamp)
        self._count += len(born)
        self.trajectories = Rows.cat([self.trajectories, born])
        return Merge(
            match=match,
            reenroll=np.ones(len(match.targets), np.bool_),
            alive=alive,
            enrolled=chosen,
            left_out=len(births) - len(chosen),
        )

    def _find_tracked(self, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Which of N targets are tracked instances, after non-maximum suppression."""
        tracked = motion.scores >= self.config.alpha
        boxes, scores = motion.boxes[tracked], motion.scores[tracked]
        tracked[tracked] = _suppress_overlapping(boxes, scores, self.config.nms)
        return tracked

    def _apply(
        self,
        frame: Frame,
        motion: Motion,
        detections: Detections,
        match: Match,
        tracked: Bool[np.ndarray, " n"],
    ) -> Bool[np.ndarray, " n"]:
        """Move matched trajectories to their detections, all others by their motion."""
        boxes, scores, measured = motion.boxes.copy(), motion.scores.copy(), match.detections
        boxes[match.targets] = detections.xyxy[measured]
        scores[match.targets] = detections.confidence[measured]
        detected = np.zeros(len(boxes), np.bool_)
        detected[match.targets] = True
        return self._update(frame, boxes, scores, tracked | detected, detected)

    def _update(
        self,
        frame: Frame,
        boxes: Float32[XYXY, " n"],
        scores: Float32[np.ndarray, " n"],
        visible: Bool[np.ndarray, " n"],
        detected: Bool[np.ndarray, " n"],
    ) -> Bool[np.ndarray, " n"]:
        """Set what is known of N trajectories on a frame, and kill some; returns which go on."""
        time, config = frame.timestamp, self.config
        seen = np.where(visible, time, self.trajectories.seen)
        is_lost_for_long = ~visible & (time - seen >= config.tau - TIME_TOLERANCE)
        has_left = ~detected & (inside_fraction(boxes, frame.size) < config.inside)
        alive = ~is_lost_for_long & ~has_left
        moved = replace(
            self.trajectories,
            boxes=boxes,
            score=scores,
            visible=visible,
            detected=detected,
            seen=seen,
        )
        self.trajectories = moved[alive]
        return alive


def _start(born: Detections, count: int, time: float) -> SolverTrajectories:
    """A trajectory from each detection, after ``count`` earlier ones of the video."""
    rows = len(born)
    return SolverTrajectories(
        id=np.arange(count, count + rows) + 1,
        boxes=born.xyxy,
        score=born.confidence,
        class_id=born.class_id,
        visible=np.ones(rows, np.bool_),
        detected=np.ones(rows, np.bool_),
        seen=np.full(rows, time),
    )


def _suppress_overlapping(
    boxes: Float32[XYXY, " n"], scores: Float[np.ndarray, " n"], most: float
) -> Bool[np.ndarray, " n"]:
    """Greedy non-maximum suppression; of equal scores, the first box is kept.

    Args:
        boxes: N boxes, in pixels.
        scores: How sure each is, on any scale.
        most: The IoU with a kept box up to which another one is kept too.

    Returns:
        (N,), true for the boxes that are kept.
    """
    kept, clash = np.ones(len(boxes), np.bool_), iou(boxes, boxes) > most
    np.fill_diagonal(clash, False)
    if clash.any():
        for row in np.argsort(-scores, kind="stable"):
            if kept[row]:
                kept &= ~clash[row]
    return kept
