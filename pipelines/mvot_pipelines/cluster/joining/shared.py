"""Which tracks of two pieces are in the same place on the frames that both have."""

import numpy as np
from jaxtyping import Float64, Int64

from mvot_pipelines.cluster.pieces import PieceResult
from mvot_plugin.association.assignment import assign
from mvot_plugin.ops.boxes import iou

__all__ = ["match_shared"]

_LEAST_OVERLAP = 0.5
"""The IoU from which two boxes are in the same place."""
_LEAST_SHARE = 0.5
"""Of the frames on which both tracks of a pair are reported, the least share in the same place; of
all on which the rarer one is, half as many."""


def match_shared(
    before: PieceResult, after: PieceResult
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    """Match the tracks of a piece with those of the next one that go on behind it.

    Frames count more the later they are, since the next piece's tracks are used from there on, and
    know more of what was before.

    Returns:
        The ids of each pair, in the one and in the other piece.
    """
    last = before.index[-1] if len(before) else -1
    going_on = np.unique(after.tracks.id[after.index[after.row_frames()] > last])
    known = np.unique(before.tracks.id)
    same = np.zeros((len(known), len(going_on)))
    both, total = same.copy(), [np.zeros(len(known)), np.zeros(len(going_on))]
    _, mine, theirs = np.intersect1d(before.index, after.index, return_indices=True)
    for number, (left, right) in enumerate(zip(mine.tolist(), theirs.tolist(), strict=True), 1):
        weight = number / len(mine)
        tracks, others = before.on(left), after.on(right)
        others = others[np.isin(others.id, going_on)]
        rows, columns = np.searchsorted(known, tracks.id), np.searchsorted(going_on, others.id)
        overlap = iou(tracks.xyxy.astype(np.float64), others.xyxy.astype(np.float64))
        place = np.ix_(rows, columns)
        same[place] += weight * np.where(overlap >= _LEAST_OVERLAP, overlap, 0)
        both[place] += weight * (overlap >= _LEAST_OVERLAP)
        total[0][rows] += weight
        total[1][columns] += weight
    return _assign(known, going_on, same, both, total)


def _assign(
    known: Int64[np.ndarray, " n"],
    going_on: Int64[np.ndarray, " m"],
    same: Float64[np.ndarray, "n m"],
    both: Float64[np.ndarray, "n m"],
    total: list[np.ndarray],
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    rarer = np.minimum(total[0][:, None], total[1][None])
    gain = np.where(both >= _LEAST_SHARE * rarer, same, 0)
    match = assign(gain.astype(np.float32), 0.0)
    return known[match.targets], going_on[match.detections]
