"""When a trajectory is born, confirmed, lost and removed: an online solver.

The semantics are SiamMOT's (section 3.4): a trajectory goes on while it is seen with confidence
``alpha``, one is born from a free detection of confidence ``beta``, and one ends when it has not
been seen for ``tau``. Ages are seconds and detector cycles, never frames, so that the same settings
hold for any frame rate and any ``detect_every``.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from mvot_plugin.assignment import Match
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import inside_fraction, iou
from mvot_plugin.trajectories import State, Trajectories
from mvot_plugin.types import Detections, Tracks

__all__ = ["Lifecycle", "LifecycleConfig"]

_MOMENT = 1e-6
"""Seconds by which times may differ and still be the same."""


@dataclass(frozen=True, kw_only=True)
class LifecycleConfig:
    """Settings of the lifecycle."""

    alpha: float = 0.4
    """Motion confidence from which a target counts as seen (SiamMOT's alpha)."""
    beta: float = 0.0
    """Detection confidence from which a free detection starts a trajectory (SiamMOT's beta)."""
    tau: float = 2.0
    """Seconds unseen after which a trajectory is removed (SiamMOT's tau, there 30 frames)."""
    tau_cycles: float = 2.0
    """The least of detector cycles unseen after which a trajectory is removed."""
    newcomer_seconds: float = 0.5
    """Seconds in which as many newcomers as false alarms are expected: in longer detector cycles a
    first detection is reported at once, in shorter ones a second one must agree."""
    first_odds: float = 4.0
    """The most that a first detection is trusted, as all are on the first frame of a video."""
    stay_seconds: float = 5.0
    """How long a target stays in view, on average: over a long cycle what was believed fades."""
    hit_odds: float = 5.0
    """How many times likelier than a false alarm a target is to be detected again."""
    prior_hits: float = 2.0
    prior_misses: float = 1.0
    """What a target's hit rate is counted from. One that was always detected and now is not is
    doubted sooner than one that is detected now and then."""
    patience: float = 0.4
    """Seconds since the last match within which a first miss is forgiven, if ``well_seen``."""
    well_seen: float = 0.8
    """Motion confidence from which the engine is trusted against a first miss of the detector."""
    least_odds: float = 0.125
    """The least odds of a target that was once confirmed: two matches in a row bring it back."""
    most_odds: float = 50.0
    """The most that any target is believed in."""
    refuted: float = 0.1
    """Odds under which a tentative trajectory is removed when a detector misses it."""
    memory: float = 0.5
    """Seconds over which a target's velocity is learnt from its detections."""
    inside: float = 0.3
    """A trajectory with a smaller share of its box inside the image has left it."""
    crowded: float = 0.3
    """Overlap (IoU) with another target's box from which the two may be mistaken for each other."""
    duplicate: float = 0.25
    """Overlap (IoU) with a reported track of its class from which a detection starts nothing."""


class Lifecycle:
    """Decides which trajectories live; one per pipeline, so ids are the pipeline's own.

    Whether a target exists is kept as odds: a match multiplies them, a miss divides them by as much
    as misses are rare for this target (as in integrated probabilistic data association, Musicki et
    al. 1994). A target is reported while the odds are even or better and the engine sees it.
    """

    def __init__(self, config: LifecycleConfig) -> None:
        self.config = config
        self._born = 0
        self._looked = -np.inf
        self._cycle = 0.0
        self.trajectories = self._births(Detections.empty(), time=0.0, odds=0.0)

    def missing(self, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Which of the known targets the engine does not see, or sees where nothing was detected.

        One that looks at pixels may have stayed behind with what hides the target.
        """
        unsure = (self.trajectories.odds < 1) | (motion.scores < self.config.alpha)
        return np.asarray(self.trajectories.proven & unsure)

    def crowded(self, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Which of the known targets overlap another: the engine may have taken it for them."""
        overlap = iou(motion.boxes, motion.boxes)
        np.fill_diagonal(overlap, 0)
        shared = overlap.max(1, initial=0) >= self.config.crowded
        return np.asarray(self.trajectories.proven & shared)

    def coast(
        self, motion: Motion, time: float, image_size: tuple[int, int]
    ) -> Bool[np.ndarray, " n"]:
        """A frame without detector: N trajectories move; returns which of them live on."""
        none = np.zeros(len(self.trajectories), np.bool_)
        moved = replace(self.trajectories, boxes=motion.boxes, score=motion.scores, detected=none)
        return self._settle(moved, none, time, image_size)

    def update(
        self,
        motion: Motion,
        detections: Detections,
        match: Match,
        time: float,
        image_size: tuple[int, int],
    ) -> tuple[Bool[np.ndarray, " n"], Int64[np.ndarray, " births"]]:
        """A detector frame: which of the N trajectories live on, and which detections are born.

        The new trajectories stand behind the surviving ones, in the order of their detections.
        """
        previous, self._looked = self._looked, time
        self._cycle = max(time - previous, 0.0)
        moved = self._matched(motion, detections, match, time)
        forgiven = (moved.measured == previous) & (moved.odds >= 1) & self._well_seen(moved)
        moved = self._judged(moved, forgiven)
        refuted = ~moved.proven & ~moved.detected & (moved.odds < self.config.refuted)
        alive = self._settle(moved, refuted, time, image_size)
        births = self._free(detections, match)
        born = self._births(detections[births], time=time, odds=self._newcomer_odds())
        self.trajectories = Trajectories.cat([self.trajectories, born])
        return alive, births

    def tracks(self) -> Tracks:
        """The confirmed trajectories as they stand."""
        shown = self.trajectories[self.trajectories.state == State.CONFIRMED]
        return Tracks(
            id=shown.id,
            xyxy=shown.boxes,
            score=shown.score,
            class_id=shown.class_id,
            detected=shown.detected,
        )

    def _matched(
        self, motion: Motion, detections: Detections, match: Match, time: float
    ) -> Trajectories:
        """The table with each matched target on its detection, each other on its motion."""
        old, hit, found = self.trajectories, match.targets, detections[match.detections]
        step = np.maximum(time - old.measured[hit], 1e-3)[:, None]
        shift = (found.xyxy - old.anchor[hit]).reshape(-1, 2, 2).mean(1)
        share = np.where(old.hits[hit, None] <= 1, 1, step / (step + self.config.memory))
        velocity = old.velocity[hit] + share * (shift / step - old.velocity[hit])
        class_id, votes = old.elected(hit, found.class_id)
        return replace(
            old,
            boxes=_put(motion.boxes, hit, found.xyxy),
            score=_put(motion.scores, hit, found.confidence),
            class_id=class_id,
            votes=votes,
            detected=_put(np.zeros(len(old), np.bool_), hit, True),
            measured=_put(old.measured, hit, time),
            anchor=_put(old.anchor, hit, found.xyxy),
            velocity=_put(old.velocity, hit, velocity),
        )

    def _newcomer_odds(self) -> float:
        """Odds that a free detection is a newcomer: in a long cycle more of them come."""
        return float(min(self._cycle / self.config.newcomer_seconds, self.config.first_odds))

    def _well_seen(self, moved: Trajectories) -> Bool[np.ndarray, " n"]:
        """Targets that the engine is sure of, and that were measured a moment ago."""
        lately = self._looked - moved.measured <= self.config.patience + _MOMENT
        return np.asarray(lately & (moved.score >= self.config.well_seen))

    def _judged(self, moved: Trajectories, forgiven: Bool[np.ndarray, " n"]) -> Trajectories:
        """The table with the odds after this cycle's hits and misses.

        A target that returns is trusted no less than a newcomer; a ``forgiven`` miss takes no
        target off the report.
        """
        config = self.config
        hits, misses = moved.hits + config.prior_hits, moved.misses + config.prior_misses
        ratio = np.where(
            moved.detected, config.hit_odds, np.maximum(misses / (hits + misses), 0.05)
        )
        belief = np.exp(-self._cycle / config.stay_seconds) * moved.odds / (1 + moved.odds)
        odds = belief / (1 - belief) * ratio
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

    def _settle(
        self,
        moved: Trajectories,
        refuted: Bool[np.ndarray, " n"],
        time: float,
        image_size: tuple[int, int],
    ) -> Bool[np.ndarray, " n"]:
        """Set each trajectory's state from what was seen of it; drop the dead ones."""
        config = self.config
        visible = (moved.odds >= 1) & (moved.detected | (moved.score >= config.alpha))
        seen = np.where(visible, time, moved.seen)
        state = np.where(visible, State.CONFIRMED, State.LOST)
        state = np.where(moved.proven, state, State.TENTATIVE)
        left = ~moved.detected & (inside_fraction(moved.boxes, image_size) < config.inside)
        cycle = self._cycle if np.isfinite(self._cycle) else 0.0
        tau = max(config.tau, config.tau_cycles * cycle)
        alive = ~left & ~refuted & (time - seen <= tau + _MOMENT)
        self.trajectories = replace(moved, seen=seen, state=state)[alive]
        return np.asarray(alive)

    def _free(self, detections: Detections, match: Match) -> Int64[np.ndarray, " births"]:
        """Unmatched detections that are sure enough and not on a reported track of their class."""
        free = match.unmatched_detections
        shown = self.trajectories[self.trajectories.state == State.CONFIRMED]
        same = detections.class_id[free, None] == shown.class_id
        taken = same & (iou(detections.xyxy[free], shown.boxes) >= self.config.duplicate)
        sure = detections.confidence[free] >= self.config.beta
        return np.asarray(free[sure & ~taken.any(1)])

    def _births(self, detections: Detections, *, time: float, odds: float) -> Trajectories:
        rows = len(detections)
        self._born += rows
        state = State.CONFIRMED if odds >= 1 else State.TENTATIVE
        return Trajectories(
            id=np.arange(self._born - rows, self._born) + 1,
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


def _put(column: np.ndarray, rows: Int64[np.ndarray, " hits"], values: Any) -> np.ndarray:
    """A copy of the column with new values in some rows."""
    changed = np.array(column)
    changed[rows] = values
    return changed
