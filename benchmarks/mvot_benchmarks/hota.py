"""HOTA: how well objects are found and kept apart (Luiten et al., IJCV 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64

__all__ = ["ALPHAS", "Seen", "association", "hota"]

ALPHAS = np.arange(1, 20) / 20
"""The overlaps from which a track counts as on an object."""
_EPSILON = np.finfo(np.float64).eps


@dataclass(kw_only=True)
class Seen:
    """The ids of objects and tracks on each frame, and how they overlap."""

    objects: list[Int64[np.ndarray, " n"]] = field(default_factory=list)
    tracks: list[Int64[np.ndarray, " m"]] = field(default_factory=list)
    overlaps: list[Float64[np.ndarray, "n m"]] = field(default_factory=list)

    def add(
        self,
        objects: Int64[np.ndarray, " n"],
        tracks: Int64[np.ndarray, " m"],
        overlap: Float64[np.ndarray, "n m"],
    ) -> None:
        """The next frame."""
        self.objects.append(objects)
        self.tracks.append(tracks)
        self.overlaps.append(overlap)


def association(
    seen: Seen,
) -> tuple[Int64[np.ndarray, " alphas"], Float64[np.ndarray, " alphas"]]:
    """True positives and AssA at each of ``ALPHAS``."""
    from scipy.optimize import linear_sum_assignment

    objects, lengths = _numbered(seen.objects)
    tracks, track_lengths = _numbered(seen.tracks)
    either = lengths[:, None] + track_lengths
    agreement = _agreement(objects, tracks, seen.overlaps, either)
    shared = np.zeros((len(ALPHAS), *either.shape), np.int64)
    for here, there, overlap in zip(objects, tracks, seen.overlaps, strict=True):
        rows, columns = linear_sum_assignment(
            agreement[np.ix_(here, there)] * overlap, maximize=True
        )
        fits = overlap[rows, columns] >= ALPHAS[:, None] - _EPSILON
        shared[:, here[rows], there[columns]] += fits
    found = shared.sum((1, 2))
    likeness = shared / np.maximum(either - shared, 1)
    return found, (shared * likeness).sum((1, 2)) / np.maximum(found, 1)


def hota(
    located: Int64[np.ndarray, " alphas"],
    associated: Float64[np.ndarray, " alphas"],
    objects: int,
    boxes: int,
) -> float:
    """HOTA from what ``association`` found among so many objects' and tracks' boxes."""
    detected = located / np.maximum(objects + boxes - located, 1)
    return float(np.sqrt(detected * associated).mean())


def _numbered(
    ids: Sequence[Int64[np.ndarray, " _"]],
) -> tuple[list[Int64[np.ndarray, " _"]], Int64[np.ndarray, " every"]]:
    """The ids of each frame counted from 0, and on how many frames each of them is."""
    every, counts = np.unique(np.concatenate([*ids, np.empty(0, np.int64)]), return_counts=True)
    return [np.searchsorted(every, here) for here in ids], counts


def _agreement(
    objects: Sequence[Int64[np.ndarray, " _"]],
    tracks: Sequence[Int64[np.ndarray, " _"]],
    overlaps: Sequence[Float64[np.ndarray, "_ _"]],
    either: Int64[np.ndarray, "objects tracks"],
) -> Float64[np.ndarray, "objects tracks"]:
    """How much of the whole video each object and each track are together, at most 1."""
    together = np.zeros(either.shape)
    for here, there, overlap in zip(objects, tracks, overlaps, strict=True):
        rivals = overlap.sum(0) + overlap.sum(1)[:, None] - overlap
        share = np.divide(overlap, rivals, out=np.zeros_like(overlap), where=rivals > _EPSILON)
        together[np.ix_(here, there)] += share
    return together / (either - together)
