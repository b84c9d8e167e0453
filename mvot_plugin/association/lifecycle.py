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
from mvot_plugin.association.trajectories import State, Trajectories
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import inside_fraction, iou
from mvot_plugin.types import Detections, Tracks

__all__ = ["Lifecycle", "LifecycleConfig"]

_TIME_TOLERANCE = 1e-6
"""Seconds by which equal times may differ."""


@dataclass(frozen=True, kw_only=True)
class LifecycleConfig:
    """Settings of the lifecycle."""

    alpha: float = 0.4
    """Motion confidence from which a target counts as seen (SiamMOT's alpha)."""
    beta: float = 0.0
    """Confidence from which an unmatched detection starts a trajectory (SiamMOT's beta)."""
    tau: float = 2.0
    """Seconds unseen after which a trajectory is removed (SiamMOT's tau, there 30 frames)."""
    tau_cycles: float = 2.0
    """Detector cycles unseen after which a trajectory is removed, where longer than ``tau``."""
    newcomer_seconds: float = 0.5
    """Seconds in which as many new targets as false alarms are expected. In longer detector cycles
    a first detection is reported at once, in shorter ones a second one must confirm it."""
    first_odds: float = 4.0
    """The largest odds of a first detection; all have them on the first frame of a video."""
    stay_seconds: float = 5.0
    """Mean seconds that a target stays in view; its probability decays over a cycle accordingly."""
    hit_odds: float = 5.0
    """Likelihood ratio of a match: how much likelier a target is detected than a false alarm."""
    prior_hits: float = 2.0
    """Initial count of hits, in the hit rate of a target. The odds of a target that was always
    detected fall faster at a miss than those of one that is detected now and then."""
    prior_misses: float = 1.0
    """Initial count of misses in that rate."""
    patience: float = 0.4
    """Seconds since the last match within which a first miss is ignored, if ``well_seen``."""
    well_seen: float = 0.8
    """Motion confidence from which a first miss of the detector is ignored."""
    least_odds: float = 0.125
    """The least odds of a target that was once confirmed; two consecutive matches make it even."""
    most_odds: float = 50.0
    """The largest odds of a target."""
    refuted: float = 0.1
    """Odds under which a tentative trajectory is removed when a detector misses it."""
    memory: float = 0.5
    """Seconds over which a target's velocity is averaged from its detections."""
    inside: float = 0.3
    """A trajectory with a smaller share of its box inside the image has left it."""
    crowded: float = 0.3
    """Overlap (IoU) with another target's box from which an engine may confuse the two."""
    duplicate: float = 0.25
    """Overlap (IoU) with a reported track of its class from which a detection starts nothing."""


class Lifecycle:
    """Decides which trajectories start, continue and end; one per pipeline, which has its own ids.

    Each trajectory has odds that its target exists: a match multiplies them, a miss divides them,
    by more the rarer misses are for this target (as in integrated probabilistic data association,
    Musicki et al. 1994). A target is reported while the odds are even or better and the engine sees
    it.
    """

    def __init__(self, config: LifecycleConfig) -> None:
        self.config = config
        self._count = 0
        self._last_detection = -np.inf
        self._cycle = 0.0
        self.trajectories = self._create(Detections.empty(), time=0.0, odds=0.0)

    def is_missing(self, motion: Motion) -> Bool[np.ndarray, " n"]:
        """True for proven targets that the engine or the detector does not see.

        The boxes of an engine that sees pixels may have stayed with what occludes the target.
        """
        unsure = (self.trajectories.odds < 1) | (motion.scores < self.config.alpha)
        return np.asarray(self.trajectories.proven & unsure)

    def is_crowded(self, motion: Motion) -> Bool[np.ndarray, " n"]:
        """True for proven targets that overlap another, which the engine may have confused."""
        overlap = iou(motion.boxes, motion.boxes)
        np.fill_diagonal(overlap, 0)
        shared = overlap.max(1, initial=0) >= self.config.crowded
        return np.asarray(self.trajectories.proven & shared)

    def coast(
        self, motion: Motion, time: float, image_size: tuple[int, int]
    ) -> Bool[np.ndarray, " n"]:
        """Update N trajectories on a frame without detector; return which of them continue."""
        none = np.zeros(len(self.trajectories), np.bool_)
        moved = replace(self.trajectories, boxes=motion.boxes, score=motion.scores, detected=none)
        return self._update_states(moved, none, time, image_size)

    def update(
        self,
        motion: Motion,
        detections: Detections,
        match: Match,
        time: float,
        image_size: tuple[int, int],
    ) -> tuple[Bool[np.ndarray, " n"], Int64[np.ndarray, " births"]]:
        """Update N trajectories on a frame with detector.

        Returns which of them continue, and the indices of the detections that start new ones;
        these follow the others in the table, in that order.
        """
        previous, self._last_detection = self._last_detection, time
        self._cycle = max(time - previous, 0.0)
        moved = self._apply_match(motion, detections, match, time)
        forgiven = (moved.measured == previous) & (moved.odds >= 1) & self._is_well_seen(moved)
        moved = self._update_odds(moved, forgiven)
        refuted = ~moved.proven & ~moved.detected & (moved.odds < self.config.refuted)
        alive = self._update_states(moved, refuted, time, image_size)
        births = self._select_births(detections, match)
        created = self._create(detections[births], time=time, odds=self._newcomer_odds())
        self.trajectories = Trajectories.cat([self.trajectories, created])
        return alive, births

    def tracks(self) -> Tracks:
        """The confirmed trajectories, as tracks."""
        confirmed = self.trajectories[self.trajectories.state == State.CONFIRMED]
        return Tracks(
            id=confirmed.id,
            xyxy=confirmed.boxes,
            score=confirmed.score,
            class_id=confirmed.class_id,
            detected=confirmed.detected,
        )

    def _apply_match(
        self, motion: Motion, detections: Detections, match: Match, time: float
    ) -> Trajectories:
        """Move matched trajectories to their detections, all others by their motion."""
        old, hit, measured = self.trajectories, match.targets, detections[match.detections]
        step = np.maximum(time - old.measured[hit], 1e-3)[:, None]
        shift = (measured.xyxy - old.anchor[hit]).reshape(-1, 2, 2).mean(1)
        share = np.where(old.hits[hit, None] <= 1, 1, step / (step + self.config.memory))
        velocity = old.velocity[hit] + share * (shift / step - old.velocity[hit])
        class_id, votes = old.vote_classes(hit, measured.class_id)
        return replace(
            old,
            boxes=_set_rows(motion.boxes, hit, measured.xyxy),
            score=_set_rows(motion.scores, hit, measured.confidence),
            class_id=class_id,
            votes=votes,
            detected=_set_rows(np.zeros(len(old), np.bool_), hit, True),
            measured=_set_rows(old.measured, hit, time),
            anchor=_set_rows(old.anchor, hit, measured.xyxy),
            velocity=_set_rows(old.velocity, hit, velocity),
        )

    def _newcomer_odds(self) -> float:
        """Odds that an unmatched detection is a new target; the longer the cycle, the higher."""
        return float(min(self._cycle / self.config.newcomer_seconds, self.config.first_odds))

    def _is_well_seen(self, moved: Trajectories) -> Bool[np.ndarray, " n"]:
        """True for targets that the engine sees surely and that were measured a short time ago."""
        is_recent = self._last_detection - moved.measured <= self.config.patience + _TIME_TOLERANCE
        return np.asarray(is_recent & (moved.score >= self.config.well_seen))

    def _update_odds(self, moved: Trajectories, forgiven: Bool[np.ndarray, " n"]) -> Trajectories:
        """Update the odds by the hits and misses of this cycle.

        The odds of a matched target are at least those of a new one; a ``forgiven`` miss does not
        take a target from the report.
        """
        config = self.config
        hits, misses = moved.hits + config.prior_hits, moved.misses + config.prior_misses
        ratio = np.where(
            moved.detected, config.hit_odds, np.maximum(misses / (hits + misses), 0.05)
        )
        probability = np.exp(-self._cycle / config.stay_seconds) * moved.odds / (1 + moved.odds)
        odds = probability / (1 - probability) * ratio
        least = np.where(moved.proven, config.least_odds, 0)
        least = np.where(forgiven, 1, least)
        least = np.where(moved.detected, self._newcomer_odds(), least)
        odds = np.clip(odds, least, config.most_odds)
        return replace(
            moved,
            odds=odds,
            proven=moved.proven | (odds >= 1),
            hits=moved.hits + moved.detected,
            misses=moved.misses + (~moved.detected & (moved.odds >= 1)),
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
        alive = ~outside & ~refuted & (time - seen <= tau + _TIME_TOLERANCE)
        self.trajectories = replace(moved, seen=seen, state=state)[alive]
        return np.asarray(alive)

    def _select_births(self, detections: Detections, match: Match) -> Int64[np.ndarray, " births"]:
        """Unmatched detections that are sure enough and not on a reported track of their class."""
        unmatched = match.unmatched_detections
        confirmed = self.trajectories[self.trajectories.state == State.CONFIRMED]
        same = detections.class_id[unmatched, None] == confirmed.class_id
        taken = same & (iou(detections.xyxy[unmatched], confirmed.boxes) >= self.config.duplicate)
        sure = detections.confidence[unmatched] >= self.config.beta
        return np.asarray(unmatched[sure & ~taken.any(1)])

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
            anchor=detections.xyxy,
            velocity=np.zeros((rows, 2), np.float32),
        )


def _set_rows(column: np.ndarray, rows: Int64[np.ndarray, " hits"], values: Any) -> np.ndarray:
    """A copy of the column with new values in some rows."""
    changed = np.array(column)
    changed[rows] = values
    return changed
