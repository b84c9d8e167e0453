"""The table of trajectories that the lifecycle keeps."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.engines.base import Motion
from mvot_plugin.rows import Rows

__all__ = ["State", "Trajectories"]

_MOST_VOTES = 10


class State(IntEnum):
    """The life of a trajectory; a removed one is no longer in the table."""

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Trajectories(Rows):
    """What the pipeline knows of N trajectories, row by row with the engine's ``Targets``.

    ``votes`` for its class over others; ``odds`` that the target exists, and whether they were ever
    even (``proven``); ``hits`` and ``misses`` in detector cycles; when it was last seen at all and
    last ``measured`` by a detection (seconds), where that was (``anchor``), and its ``velocity``
    then (pixels per second).
    """

    id: Int64[np.ndarray, " n"]
    state: Int64[np.ndarray, " n"]
    boxes: Float32[np.ndarray, "n 4"]
    score: Float32[np.ndarray, " n"]
    class_id: Int64[np.ndarray, " n"]
    votes: Int64[np.ndarray, " n"]
    detected: Bool[np.ndarray, " n"]
    odds: Float64[np.ndarray, " n"]
    proven: Bool[np.ndarray, " n"]
    hits: Int64[np.ndarray, " n"]
    misses: Int64[np.ndarray, " n"]
    seen: Float64[np.ndarray, " n"]
    measured: Float64[np.ndarray, " n"]
    anchor: Float32[np.ndarray, "n 4"]
    velocity: Float32[np.ndarray, "n 2"]

    def inertia(self, time: float) -> Motion:
        """Where they are if they have kept their velocity, as a second guess at their motion.

        Scores halve with every second since a trajectory was last measured.
        """
        away = (time - self.measured).astype(np.float32)
        boxes = self.anchor + np.tile(self.velocity * away[:, None], 2)
        return Motion(boxes=boxes, scores=np.float32(0.5) ** away)

    def elected(
        self, rows: Int64[np.ndarray, " hits"], class_id: Int64[np.ndarray, " hits"]
    ) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
        """Classes and votes after the rows were detected as ``class_id``.

        The majority wins (Boyer and Moore's vote): a dissenting detection takes a vote away, and
        the next one after the last vote changes the class.
        """
        classes, votes = self.class_id.copy(), self.votes.copy()
        same = classes[rows] == class_id
        fallen = ~same & (votes[rows] == 0)
        classes[rows[fallen]] = class_id[fallen]
        votes[rows] = np.minimum(votes[rows] + np.where(same | fallen, 1, -1), _MOST_VOTES)
        return classes, votes
