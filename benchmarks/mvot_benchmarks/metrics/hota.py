"""HOTA, from detection and association accuracy (Luiten et al., IJCV 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import lap
import numpy as np
from jaxtyping import Float64, Int64

__all__ = ["ALPHAS", "HotaCounts", "association_accuracy", "detection_accuracy", "hota"]

ALPHAS = np.arange(1, 20) / 20
"""The IoU thresholds at which a track matches an object."""
_EPSILON = np.finfo(np.float64).eps


@dataclass(kw_only=True)
class HotaCounts:
    """The ids of objects and tracks on each frame, and the IoU of each pair."""

    objects: list[Int64[np.ndarray, " n"]] = field(default_factory=list)
    tracks: list[Int64[np.ndarray, " m"]] = field(default_factory=list)
    overlaps: list[Float64[np.ndarray, "n m"]] = field(default_factory=list)

    def add(
        self,
        objects: Int64[np.ndarray, " n"],
        tracks: Int64[np.ndarray, " m"],
        overlap: Float64[np.ndarray, "n m"],
    ) -> None:
        """Append a frame."""
        self.objects.append(objects)
        self.tracks.append(tracks)
        self.overlaps.append(overlap)


def association_accuracy(
    counts: HotaCounts,
) -> tuple[Int64[np.ndarray, " alphas"], Float64[np.ndarray, " alphas"]]:
    """Count the true positives and compute AssA at each of ``ALPHAS``."""
    objects, object_lengths = _index_ids(counts.objects)
    tracks, track_lengths = _index_ids(counts.tracks)
    lengths = object_lengths[:, None] + track_lengths
    alignment = _global_alignment(objects, tracks, counts.overlaps, lengths)
    matches = np.zeros((len(ALPHAS), *lengths.shape), np.int64)
    for object_ids, track_ids, overlap in zip(objects, tracks, counts.overlaps, strict=True):
        rows, columns = _solve_assignment(alignment[np.ix_(object_ids, track_ids)] * overlap)
        is_match = overlap[rows, columns] >= ALPHAS[:, None] - _EPSILON
        matches[:, object_ids[rows], track_ids[columns]] += is_match
    true_positives = matches.sum((1, 2))
    jaccard = matches / np.maximum(lengths - matches, 1)
    return true_positives, (matches * jaccard).sum((1, 2)) / np.maximum(true_positives, 1)


def detection_accuracy(
    true_positives: Int64[np.ndarray, " alphas"], objects: int, boxes: int
) -> Float64[np.ndarray, " alphas"]:
    """DetA at each of ``ALPHAS``; ``objects`` and ``boxes`` are as in ``hota``."""
    return np.asarray(true_positives / np.maximum(objects + boxes - true_positives, 1))


def hota(
    true_positives: Int64[np.ndarray, " alphas"],
    association: Float64[np.ndarray, " alphas"],
    objects: int,
    boxes: int,
) -> float:
    """HOTA, the mean over ``ALPHAS`` of the geometric mean of DetA and AssA.

    ``objects`` and ``boxes`` are the total numbers of ground-truth and of track boxes.
    """
    detection = detection_accuracy(true_positives, objects, boxes)
    return float(np.sqrt(detection * association).mean())


def _solve_assignment(
    gain: Float64[np.ndarray, "n m"],
) -> tuple[Int64[np.ndarray, " pairs"], Int64[np.ndarray, " pairs"]]:
    """The rows and columns of the pairs with the largest total gain."""
    if not gain.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    _, partner, _ = lap.lapjv(-gain, extend_cost=True)
    rows = np.flatnonzero(partner >= 0)
    return rows, partner[rows].astype(np.int64)


def _index_ids(
    ids: Sequence[Int64[np.ndarray, " _"]],
) -> tuple[list[Int64[np.ndarray, " _"]], Int64[np.ndarray, " unique"]]:
    """The ids of each frame renumbered from 0, and the number of frames that each id is on."""
    unique, lengths = np.unique(np.concatenate([*ids, np.empty(0, np.int64)]), return_counts=True)
    return [np.searchsorted(unique, on_frame) for on_frame in ids], lengths


def _global_alignment(
    objects: Sequence[Int64[np.ndarray, " _"]],
    tracks: Sequence[Int64[np.ndarray, " _"]],
    overlaps: Sequence[Float64[np.ndarray, "_ _"]],
    lengths: Int64[np.ndarray, "objects tracks"],
) -> Float64[np.ndarray, "objects tracks"]:
    """The global alignment score of each object and track over the whole video, at most 1."""
    shared = np.zeros(lengths.shape)
    for object_ids, track_ids, overlap in zip(objects, tracks, overlaps, strict=True):
        total = overlap.sum(0) + overlap.sum(1)[:, None] - overlap
        share = np.divide(overlap, total, out=np.zeros_like(overlap), where=total > _EPSILON)
        shared[np.ix_(object_ids, track_ids)] += share
    return shared / (lengths - shared)
