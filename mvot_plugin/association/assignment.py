"""Hungarian assignment of detections to targets."""

from dataclasses import dataclass

import lap
import numpy as np
from jaxtyping import Float32, Float64, Int64

__all__ = ["Match", "assign"]


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


def assign(
    affinity: Float32[np.ndarray, "n m"], gate: float, rank: Int64[np.ndarray, " n"] | None = None
) -> Match:
    """Find the pairs with the largest total affinity, none of them below ``gate``.

    Rows and columns are used at most once (Hungarian assignment, by Jonker and Volgenant's
    algorithm). With ``rank``, the rows of the lowest rank are assigned first, and those of each
    further rank to the remaining columns.
    """
    rows, columns = affinity.shape
    partner = np.full(rows, -1)
    allowed = np.where(affinity >= max(gate, 1e-6), affinity, 0).astype(np.float64)
    for current in [0] if rank is None else np.unique(rank):
        selected = np.ones(rows, np.bool_) if rank is None else rank == current
        partner[selected] = _solve_assignment(allowed[selected])
        allowed[:, partner[selected & (partner >= 0)]] = 0
    paired = partner >= 0
    return Match(
        targets=np.flatnonzero(paired),
        detections=partner[paired],
        unmatched_targets=np.flatnonzero(~paired),
        unmatched_detections=np.setdiff1d(np.arange(columns), partner),
    )


def _solve_assignment(affinity: Float64[np.ndarray, "n m"]) -> Int64[np.ndarray, " n"]:
    """Each row's column in the assignment of the largest total; -1 for none."""
    if not affinity.any():
        return np.full(len(affinity), -1)
    _, partner, _ = lap.lapjv(-affinity, extend_cost=True)
    rows = np.arange(len(affinity))
    return np.where((partner >= 0) & (affinity[rows, partner] > 0), partner, -1).astype(np.int64)
