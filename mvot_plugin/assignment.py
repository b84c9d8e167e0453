"""Which detection is which target: the Hungarian assignment."""

from dataclasses import dataclass

import lap
import numpy as np
from jaxtyping import Float32, Int64

__all__ = ["Match", "assign"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Match:
    """Matched pairs (``targets[i]``, ``detections[i]``), and who found no partner, all ascending."""

    targets: Int64[np.ndarray, " pairs"]
    detections: Int64[np.ndarray, " pairs"]
    unmatched_targets: Int64[np.ndarray, " _"]
    unmatched_detections: Int64[np.ndarray, " _"]


def assign(affinity: Float32[np.ndarray, "n m"], gate: float) -> Match:
    """The pairs with the largest total affinity, none of them below ``gate``.

    Each row and each column is used at most once (Jonker and Volgenant's algorithm).
    """
    rows, columns = affinity.shape
    allowed = np.where(affinity >= max(gate, 1e-6), affinity, 0).astype(np.float64)
    partner = np.full(rows, -1)
    if allowed.any():
        _, partner, _ = lap.lapjv(-allowed, extend_cost=True)
    paired = partner >= 0
    paired[paired] = allowed[np.flatnonzero(paired), partner[paired]] > 0
    targets = np.flatnonzero(paired)
    detections = partner[paired].astype(np.int64)
    return Match(
        targets=targets,
        detections=detections,
        unmatched_targets=np.flatnonzero(~paired),
        unmatched_detections=np.setdiff1d(np.arange(columns), detections),
    )
