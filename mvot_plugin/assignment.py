"""Which detection is which target: the Hungarian assignment."""

from dataclasses import dataclass

import lap
import numpy as np
from jaxtyping import Float32, Float64, Int64

__all__ = ["Match", "assign"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Match:
    """Matched pairs (``targets[i]``, ``detections[i]``) by ascending target, and the rest."""

    targets: Int64[np.ndarray, " pairs"]
    detections: Int64[np.ndarray, " pairs"]
    unmatched_targets: Int64[np.ndarray, " _"]
    unmatched_detections: Int64[np.ndarray, " _"]


def assign(
    affinity: Float32[np.ndarray, "n m"], gate: float, turn: Int64[np.ndarray, " n"] | None = None
) -> Match:
    """The pairs with the largest total affinity, none of them below ``gate``.

    Rows and columns are used at most once (Hungarian assignment, by Jonker and Volgenant's
    algorithm). With ``turn``, the rows of the lowest turn choose first, and each later turn from
    the columns that are left.
    """
    rows, columns = affinity.shape
    partner = np.full(rows, -1)
    allowed = np.where(affinity >= max(gate, 1e-6), affinity, 0).astype(np.float64)
    for now in [0] if turn is None else np.unique(turn):
        chosen = np.ones(rows, np.bool_) if turn is None else turn == now
        partner[chosen] = _largest_total(allowed[chosen])
        allowed[:, partner[chosen & (partner >= 0)]] = 0
    paired = partner >= 0
    return Match(
        targets=np.flatnonzero(paired),
        detections=partner[paired],
        unmatched_targets=np.flatnonzero(~paired),
        unmatched_detections=np.setdiff1d(np.arange(columns), partner),
    )


def _largest_total(affinity: Float64[np.ndarray, "n m"]) -> Int64[np.ndarray, " n"]:
    """Each row's column in the assignment of the largest total; -1 for none."""
    if not affinity.any():
        return np.full(len(affinity), -1)
    _, partner, _ = lap.lapjv(-affinity, extend_cost=True)
    rows = np.arange(len(affinity))
    return np.where((partner >= 0) & (affinity[rows, partner] > 0), partner, -1).astype(np.int64)
