"""The lifecycle's table of trajectories."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.ops.kalman import FilteredBoxes
from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY

__all__ = ["State", "Trajectories"]

_MAX_VOTES = 10


class State(IntEnum):
    """The state of a trajectory; removed ones are not in the table."""

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trajectories(Rows):
    """N trajectories, in the same rows as the engine's ``Targets``; times are in seconds."""

    id: Int64[np.ndarray, " n"]
    state: Int64[np.ndarray, " n"]
    boxes: Float32[XYXY, " n"]
    """The boxes on the current frame, in pixels."""
    score: Float32[np.ndarray, " n"]
    """Confidence of the detection or of the motion."""
    class_id: Int64[np.ndarray, " n"]
    votes: Int64[np.ndarray, " n"]
    """Votes for the class, over those for others."""
    detected: Bool[np.ndarray, " n"]
    """Whether the box was measured by a detection on the current frame."""
    odds: Float64[np.ndarray, " n"]
    """Odds that the target exists."""
    proven: Bool[np.ndarray, " n"]
    """Whether the odds were ever even or better."""
    hits: Int64[np.ndarray, " n"]
    """Detector cycles with a matched detection."""
    misses: Int64[np.ndarray, " n"]
    """Detector cycles without one, while the odds were even or better."""
    seen: Float64[np.ndarray, " n"]
    """When the target was last seen, by the detector or by the engine."""
    measured: Float64[np.ndarray, " n"]
    """When it was last matched with a detection."""
    course: FilteredBoxes
    """Its motion from detection to detection, at the last detector call."""

    def vote_classes(
        self, rows: Int64[np.ndarray, " hits"], class_id: Int64[np.ndarray, " hits"]
    ) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """Update classes and votes after the rows were detected as ``class_id``.

        Majority vote (Boyer and Moore): a detection of another class takes a vote away and, where
        no vote is left, changes the class.
        """
        classes, votes = self.class_id.copy(), self.votes.copy()
        same = classes[rows] == class_id
        changed = ~same & (votes[rows] == 0)
        classes[rows[changed]] = class_id[changed]
        votes[rows] = np.minimum(votes[rows] + np.where(same | changed, 1, -1), _MAX_VOTES)
        return classes, votes
