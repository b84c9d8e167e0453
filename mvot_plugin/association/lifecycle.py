"""The lifecycle of trajectories: when they start, are confirmed, lost and removed.

The semantics are those of SiamMOT's online solver (section 3.4): a trajectory continues while it is
seen with confidence ``alpha``, starts from an unmatched detection of confidence ``beta``, and ends
when it has not been seen for ``tau``. Ages are in seconds and detector cycles, not in frames, so
that the same settings hold for any frame rate and any ``detect_every``.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from mvot_plugin.association.assignment import Match
from mvot_plugin.association.confidence import Grades
from mvot_plugin.association.existence import (
    TIME_TOLERANCE,
    ExistenceConfig,
    newcomer_odds,
    update_odds,
)
from mvot_plugin.association.trajectories import State, Trajectories
from mvot_plugin.config import Finite, Fraction, NonNegative
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import inside_fraction, iou
from mvot_plugin.ops.kalman import BoxFilter, warp_filters
from mvot_plugin.ops.similarity import Similarity
from mvot_plugin.types import Detections, Tracks

__all__ = ["Lifecycle", "LifecycleConfig"]


@dataclass(frozen=True, kw_only=True)
class LifecycleConfig(ExistenceConfig):
    """Settings of the lifecycle."""

    alpha: NonNegative = 0.4
    """Motion confidence from which a target counts as seen (SiamMOT's alpha)."""
    beta: Finite = 0.0
    """Confidence from which an unmatched detection starts a trajectory (SiamMOT's beta), whatever
    is typical of the detector (see ``ConfidenceConfig.birth``)."""
    tau: NonNegative = 3.0
    """Seconds unseen after which a trajectory is removed (SiamMOT's tau, there 30 frames)."""
    tau_cycles: NonNegative = 2.0
    """Detector cycles unseen after which a trajectory is removed, where longer than ``tau``."""
    inside: Fraction = 0.3
    """A trajectory with a smaller share of its box inside the image has left it."""
    duplicate: NonNegative = 0.25
    """Overlap (IoU) with a reported track of its class from which a detection starts nothing."""


class Lifecycle:
    """Decides which trajectories start, continue and end; one per pipeline, which has its own ids.

    A target is reported while the odds that it exists are even or better (``existence``) and the
    engine sees it.
    """

    def __init__(self, config: LifecycleConfig, course: BoxFilter | None = None) -> None:
        self.config = config
        self._filter = course or BoxFilter()
        self._count = 0
        self._last_detection = -np.inf
        self._cycle = 0.0
        self.trajectories = self._create(Detections.empty(), time=0.0, odds=0.0)
        self.ended = self.trajectories
        """The proven trajectories that ended on the last frame."""

    def coast(
        self, motion: Motion, time: float, image_size: tuple[int, int]
    ) -> Bool[np.ndarray, " n"]:
        """Update N trajectories on a frame without detector; return which of them continue."""
        none = np.zeros(len(self.trajectories), np.bool_)
        moved = replace(self.trajectories, boxes=motion.boxes, score=motion.scores, detected=none)
        return self._update_states(moved, none, time, image_size)

    def predict_courses(self, camera: Similarity | None, time: float) -> Motion:
        """Predict the courses to a detector call, in the image as the ``camera`` moved it."""
        course = self.trajectories.course
        if camera is not None:
            course = warp_filters(course, camera)
        course = self._filter.predict(course, np.maximum(time - course.timestamp, 0))
        self.trajectories = replace(self.trajectories, course=course)
        return Motion(boxes=course.boxes, scores=course.certainty)

    def update(
        self,
        motion: Motion,
        detections: Detections,
        match: Match,
        grades: Grades,
        time: float,
        image_size: tuple[int, int],
    ) -> Bool[np.ndarray, " n"]:
        """Update N trajectories, their courses predicted, on a frame with detector.

        Returns which of them continue.
        """
        previous, self._last_detection = self._last_detection, time
        self._cycle = max(time - previous, 0.0)
        moved = self._apply_match(motion, detections, match, time)
        weight = _set_rows(np.zeros(len(moved)), match.targets, grades.weight[match.detections])
        moved = update_odds(moved, weight, time, previous, self.config)
        refuted = ~moved.proven & ~moved.detected & (moved.odds < self.config.refuted)
        return self._update_states(moved, refuted, time, image_size)

    def select_births(
        self, detections: Detections, match: Match, grades: Grades
    ) -> Int64[np.ndarray, " births"]:
        """Unmatched detections that are sure enough and not on a reported track of their class."""
        unmatched = match.unmatched_detections
        confirmed = self.trajectories[self.trajectories.state == State.CONFIRMED]
        same = detections.class_id[unmatched, None] == confirmed.class_id
        taken = same & (iou(detections.xyxy[unmatched], confirmed.boxes) >= self.config.duplicate)
        sure = grades.may_start & (detections.confidence >= self.config.beta)
        return np.asarray(unmatched[sure[unmatched] & ~taken.any(1)])

    def start(self, detections: Detections, time: float) -> Int64[np.ndarray, " births"]:
        """Start a trajectory from each detection, behind the others; returns their ids."""
        created = self._create(detections, time=time, odds=newcomer_odds(self._cycle, self.config))
        self.trajectories = Trajectories.cat([self.trajectories, created])
        return created.id

    def revive(self, lost: Trajectories, detections: Detections, time: float) -> None:
        """Continue lost trajectories, each from a detection, behind the others."""
        rows, now = len(lost), np.full(len(lost), time)
        revived = replace(
            lost,
            state=np.full(rows, State.CONFIRMED, np.int64),
            boxes=detections.xyxy,
            score=detections.confidence,
            detected=np.ones(rows, np.bool_),
            odds=np.maximum(lost.odds, 1),
            hits=lost.hits + 1,
            seen=now,
            measured=now,
            course=self._filter.start(detections.xyxy, time),
        )
        self.trajectories = Trajectories.cat([self.trajectories, revived])

    def tracks(self) -> Tracks:
        """The confirmed trajectories, as tracks."""
        confirmed = self.trajectories[self.trajectories.state == State.CONFIRMED]
        return Tracks(
            id=confirmed.id,
            xyxy=confirmed.boxes,
            score=confirmed.score.clip(0, 1),
            class_id=confirmed.class_id,
            detected=confirmed.detected,
        )

    def _apply_match(
        self, motion: Motion, detections: Detections, match: Match, time: float
    ) -> Trajectories:
        """Move matched trajectories to their detections, all others by their motion."""
        old, hit, measured = self.trajectories, match.targets, detections[match.detections]
        class_id, votes = old.vote_classes(hit, measured.class_id)
        detected = _set_rows(np.zeros(len(old), np.bool_), hit, True)
        corrected = self._filter.correct(old.course[hit], measured.xyxy)
        return replace(
            old,
            boxes=_set_rows(motion.boxes, hit, measured.xyxy),
            score=_set_rows(motion.scores, hit, measured.confidence),
            class_id=class_id,
            votes=votes,
            detected=detected,
            measured=_set_rows(old.measured, hit, time),
            course=old.course.replace_rows(detected, corrected),
        )

    def _update_states(
        self,
        moved: Trajectories,
        refuted: Bool[np.ndarray, " n"],
        time: float,
        image_size: tuple[int, int],
    ) -> Bool[np.ndarray, " n"]:
        """Set the state of each trajectory, and remove those that end; return which continue."""
        config = self.config
        visible = (moved.odds >= 1) & (moved.detected | (moved.score >= config.alpha))
        seen = np.where(visible, time, moved.seen)
        state = np.where(visible, State.CONFIRMED, State.LOST)
        state = np.where(moved.proven, state, State.TENTATIVE)
        outside = ~moved.detected & (inside_fraction(moved.boxes, image_size) < config.inside)
        cycle = self._cycle if np.isfinite(self._cycle) else 0.0
        tau = max(config.tau, config.tau_cycles * cycle)
        unseen = ~moved.detected & (time - seen > tau + TIME_TOLERANCE)
        alive = ~outside & ~refuted & ~unseen
        updated = replace(moved, seen=seen, state=state)
        self.ended = updated[~alive & updated.proven]
        self.trajectories = updated if alive.all() else updated[alive]
        return np.asarray(alive)

    def _create(self, detections: Detections, *, time: float, odds: float) -> Trajectories:
        rows = len(detections)
        self._count += rows
        state = State.CONFIRMED if odds >= 1 else State.TENTATIVE
        return Trajectories(
            id=np.arange(self._count - rows, self._count) + 1,
            state=np.full(rows, state, np.int64),
            boxes=detections.xyxy,
            score=detections.confidence,
            class_id=detections.class_id,
            votes=np.ones(rows, np.int64),
            detected=np.ones(rows, np.bool_),
            odds=np.full(rows, odds),
            proven=np.full(rows, odds >= 1),
            hits=np.ones(rows, np.int64),
            misses=np.zeros(rows, np.int64),
            seen=np.full(rows, time),
            measured=np.full(rows, time),
            course=self._filter.start(detections.xyxy, time),
        )


def _set_rows(column: np.ndarray, rows: Int64[np.ndarray, " hits"], values: Any) -> np.ndarray:
    """A copy of the column with new values in some rows."""
    changed = np.array(column)
    changed[rows] = values
    return changed
