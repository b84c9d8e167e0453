"""When a trajectory is born, confirmed, lost and removed: an online solver.

The semantics are SiamMOT's (section 3.4): a trajectory goes on while it is seen with confidence
``alpha``, one is born from a free detection of confidence ``beta``, and one ends when it has not
been seen for ``tau``. Ages are seconds and detector cycles, never frames, so that the same settings
hold for any frame rate and any ``detect_every``.
"""

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.assignment import Match
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import inside_fraction, iou
from mvot_plugin.types import Detections, Tracks


__all__ = ["Lifecycle", "LifecycleConfig", "State", "Trajectories"]


class State(IntEnum):
    """The life of a trajectory; a removed one is no longer in the table."""

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


@dataclass(frozen=True, kw_only=True)
class LifecycleConfig:
    """Settings of the lifecycle."""

    alpha: float = 0.4
    """Motion confidence from which a target counts as seen (SiamMOT's alpha)."""
    beta: float = 0.0
    """Detection confidence from which a free detection starts a trajectory (SiamMOT's beta)."""
    tau: float = 2.0
    """Seconds unseen after which a trajectory is removed (SiamMOT's tau: 30 frames at 30 fps)."""
    confirm: int = 2
    """Detector cycles a trajectory must match in before it is reported."""
    patience: int = 2
    """Detector cycles in a row that may miss a target which the engine still sees."""
    patience_seconds: float = 0.5
    """The least time those cycles must span before the target counts as lost."""
    inside: float = 0.3
    """A trajectory with a smaller share of its box inside the image has left it."""
    duplicate: float = 0.5
    """Overlap (IoU) with a reported track from which a free detection starts nothing new."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trajectories:
    """What the pipeline knows of N trajectories, row by row with the engine's ``Targets``.

    ``hits`` and ``misses`` count detector cycles, the latter in a row; ``seen`` and ``measured``
    are when the target was last seen at all, and last matched by a detection (seconds).
    """

    id: Int64[np.ndarray, " n"]
    state: Int64[np.ndarray, " n"]
    boxes: Float32[np.ndarray, "n 4"]
    score: Float32[np.ndarray, " n"]
    class_id: Int64[np.ndarray, " n"]
    detected: Bool[np.ndarray, " n"]
    hits: Int64[np.ndarray, " n"]
    misses: Int64[np.ndarray, " n"]
    seen: Float64[np.ndarray, " n"]
    measured: Float64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.id)

    def __getitem__(self, rows: Bool[np.ndarray, " n"]) -> "Trajectories":
        return Trajectories(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def joined(self, other: "Trajectories") -> "Trajectories":
        """These trajectories followed by the others."""
        columns = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return Trajectories(**{name: np.concatenate(pair) for name, pair in columns.items()})


class Lifecycle:
    """Decides which trajectories live; one per pipeline, so ids are the pipeline's own."""

    def __init__(self, config: LifecycleConfig) -> None:
        self.config = config
        self._born = 0
        self.trajectories = self._births(Detections.empty(), 0.0)

    def coast(
        self, motion: Motion, time: float, image_size: tuple[int, int]
    ) -> Bool[np.ndarray, " n"]:
        """A frame without detector: N trajectories move; returns which of them live on."""
        rows = len(self.trajectories)
        moved = replace(
            self.trajectories,
            boxes=motion.boxes,
            score=motion.scores,
            detected=np.zeros(rows, np.bool_),
        )
        return self._settle(moved, time, image_size)

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
        alive = self._settle(self._matched(motion, detections, match, time), time, image_size)
        births = self._free(detections, match)
        self.trajectories = self.trajectories.joined(self._births(detections[births], time))
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
        old = self.trajectories
        hit, by = match.targets, match.detections
        boxes, score = motion.boxes.copy(), motion.scores.copy()
        hits, misses, measured = old.hits.copy(), old.misses + 1, old.measured.copy()
        detected = np.zeros(len(old), np.bool_)
        boxes[hit], score[hit] = detections.xyxy[by], detections.confidence[by]
        hits[hit] += 1
        misses[hit], measured[hit], detected[hit] = 0, time, True
        return replace(
            old,
            boxes=boxes,
            score=score,
            hits=hits,
            misses=misses,
            measured=measured,
            detected=detected,
        )

    def _settle(
        self, moved: Trajectories, time: float, image_size: tuple[int, int]
    ) -> Bool[np.ndarray, " n"]:
        """Set each trajectory's state from what was seen of it; drop the dead ones."""
        config = self.config
        unsupported = (moved.misses >= config.patience) & (
            time - moved.measured >= config.patience_seconds
        )
        visible = moved.detected | ((moved.score >= config.alpha) & ~unsupported)
        seen = np.where(visible, time, moved.seen)
        proven = moved.hits >= config.confirm
        state = np.where(visible, State.CONFIRMED, State.LOST)
        state = np.where(proven, state, State.TENTATIVE)
        left = ~moved.detected & (inside_fraction(moved.boxes, image_size) < config.inside)
        refuted = ~proven & (moved.misses > 0)
        alive = ~left & ~refuted & (time - seen <= config.tau)
        self.trajectories = replace(moved, seen=seen, state=state)[alive]
        return alive

    def _free(self, detections: Detections, match: Match) -> Int64[np.ndarray, " births"]:
        """Unmatched detections that are sure enough and not on a reported track already."""
        free = match.unmatched_detections
        shown = self.trajectories.boxes[self.trajectories.state == State.CONFIRMED]
        taken = iou(detections.xyxy[free], shown).max(1, initial=0) >= self.config.duplicate
        return free[(detections.confidence[free] >= self.config.beta) & ~taken]

    def _births(self, detections: Detections, time: float) -> Trajectories:
        rows = len(detections)
        self._born += rows
        proven = self.config.confirm <= 1
        return Trajectories(
            id=np.arange(self._born - rows, self._born) + 1,
            state=np.full(rows, State.CONFIRMED if proven else State.TENTATIVE, np.int64),
            boxes=detections.xyxy,
            score=detections.confidence,
            class_id=detections.class_id,
            detected=np.ones(rows, np.bool_),
            hits=np.ones(rows, np.int64),
            misses=np.zeros(rows, np.int64),
            seen=np.full(rows, time),
            measured=np.full(rows, time),
        )
