"""Hungarian assignment of detections to targets, in stages."""

from collections.abc import Sequence
from dataclasses import dataclass

import lap
import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

__all__ = ["Match", "Stage", "assign", "assign_in_stages"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Match:
    """An assignment, as indices of targets and of detections."""

    targets: Int64[np.ndarray, " pairs"]
    """The matched targets, ascending."""
    detections: Int64[np.ndarray, " pairs"]
    """The detection of each."""
    unmatched_targets: Int64[np.ndarray, " _"]
    """Ascending, as are the unmatched detections."""
    unmatched_detections: Int64[np.ndarray, " _"]

    def extend(
        self, targets: Int64[np.ndarray, " more"], detections: Int64[np.ndarray, " more"]
    ) -> "Match":
        """The match with more pairs, of targets and detections that were unmatched."""
        together = np.concatenate([self.targets, targets])
        order = np.argsort(together)
        return Match(
            targets=together[order],
            detections=np.concatenate([self.detections, detections])[order],
            unmatched_targets=np.setdiff1d(self.unmatched_targets, targets),
            unmatched_detections=np.setdiff1d(self.unmatched_detections, detections),
        )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stage:
    """Which targets and detections are assigned to each other at once."""

    targets: Bool[np.ndarray, " n"]
    detections: Bool[np.ndarray, " m"]
    gate: float
    """The least affinity of a pair."""


def assign(affinity: Float32[np.ndarray, "n m"], gate: float) -> Match:
    """Find the pairs with the largest total affinity, none of them below ``gate``.

    Rows and columns are used at most once (Hungarian assignment, by Jonker and Volgenant's
    algorithm).
    """
    rows, columns = (np.ones(count, np.bool_) for count in affinity.shape)
    return assign_in_stages(affinity, [Stage(targets=rows, detections=columns, gate=gate)])


def assign_in_stages(affinity: Float32[np.ndarray, "n m"], stages: Sequence[Stage]) -> Match:
    """Assign stage after stage; each takes what the ones before have left."""
    rows, columns = affinity.shape
    partner, free = np.full(rows, -1), np.ones(columns, np.bool_)
    for stage in stages:
        left = np.flatnonzero(stage.targets & (partner < 0))
        open_columns = np.flatnonzero(stage.detections & free)
        part = affinity[np.ix_(left, open_columns)]
        found = _solve_assignment(np.where(part >= max(stage.gate, 1e-6), part, 0))
        paired = found >= 0
        partner[left[paired]] = open_columns[found[paired]]
        free[open_columns[found[paired]]] = False
    paired = partner >= 0
    return Match(
        targets=np.flatnonzero(paired),
        detections=partner[paired],
        unmatched_targets=np.flatnonzero(~paired),
        unmatched_detections=np.flatnonzero(free),
    )


def _solve_assignment(affinity: Float32[np.ndarray, "n m"]) -> Int64[np.ndarray, " n"]:
    """Each row's column in the assignment of the largest total; -1 for none."""
    if not affinity.any():
        return np.full(len(affinity), -1)
    gain: Float64[np.ndarray, "n m"] = affinity.astype(np.float64)
    _, partner, _ = lap.lapjv(-gain, extend_cost=True)
    rows = np.arange(len(gain))
    return np.where((partner >= 0) & (gain[rows, partner] > 0), partner, -1).astype(np.int64)
