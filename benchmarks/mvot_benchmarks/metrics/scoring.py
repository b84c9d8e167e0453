"""MOTA and IDF1, counted by ``motmetrics``, and HOTA, all by MOTChallenge's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.metrics.ground_truth import GroundTruthFrame, is_scored
from mvot_benchmarks.metrics.hota import HotaCounts, association_accuracy, hota
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Tracks

__all__ = ["compare_boxes", "Scorer", "Scores", "check_scoring_packages", "pool_scores"]

_COUNT_NAMES = {
    "num_objects": "objects",
    "num_false_positives": "false_positives",
    "num_misses": "misses",
    "num_switches": "switches",
    "num_fragmentations": "fragmentations",
    "num_unique_objects": "tracks",
    "mostly_tracked": "mostly_tracked",
    "mostly_lost": "mostly_lost",
    "idtp": "identified",
}
"""The fields of ``Scores`` by the names that ``motmetrics`` gives them."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The quality of one run, and the counts that it is computed from."""

    mota: float
    """MOTA, a share: 1.0 is perfect."""
    idf1: float
    """IDF1, a share."""
    hota: float
    """HOTA, a share (Luiten et al., 2021)."""
    switches: int
    """Identity switches."""
    fragmentations: int
    """Interruptions of the tracking of an object."""
    false_positives: int
    """Boxes of tracks that match no object."""
    misses: int
    """Boxes of objects that no track matches."""
    objects: int
    """Boxes of the ground truth."""
    identified: int
    """IDTP, the true positives of IDF1."""
    tracks: int
    """Trajectories of the ground truth."""
    mostly_tracked: int
    """Trajectories found on 80 % of their frames or more."""
    mostly_lost: int
    """Trajectories found on less than 20 % of their frames."""
    located: tuple[int, ...]
    """HOTA's true positives at an IoU of 0.05, 0.10, ... 0.95 (Luiten et al., 2021)."""
    associated: tuple[float, ...]
    """HOTA's AssA at the same thresholds."""


def pool_scores(scores: Sequence[Scores]) -> Scores:
    """Score several sequences as one, as MOTChallenge does: add up counts, not average ratios."""
    counts = {name: sum(getattr(one, name) for one in scores) for name in _COUNT_NAMES.values()}
    located = np.array([one.located for one in scores])
    associated = np.array([one.associated for one in scores])
    weighted = (located * associated).sum(0) / np.maximum(located.sum(0), 1)
    return _scores_from_counts(counts, located.sum(0), weighted)


def check_scoring_packages() -> None:
    """Raise ``UsageError`` where the package that scores need is not installed."""
    import_extra("motmetrics", "scores")


def compare_boxes(
    ground_truth: GroundTruthFrame, tracks: Tracks
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " m"], Float64[np.ndarray, "n m"]]:
    """Compare the tracks of one frame with its ground truth, without what is not scored.

    Returns:
        The ids of the N objects, those of the M tracks, and the IoU of each pair.
    """
    overlap = iou(ground_truth.xyxy.astype(np.float64), tracks.xyxy.astype(np.float64))
    scored, evaluated = is_scored(ground_truth, tracks.xyxy), ~ground_truth.ignored
    return ground_truth.id[evaluated], tracks.id[scored], overlap[np.ix_(evaluated, scored)]


class Scorer:
    """Compares the tracks of one frame after another with the ground truth.

    Raises ``UsageError`` where a package of the extra ``bench`` is missing.
    """

    def __init__(self) -> None:
        self._motmetrics = import_extra("motmetrics", "scores")
        self._events = self._motmetrics.MOTAccumulator(auto_id=True)
        self._hota_counts = HotaCounts()

    def add(self, ground_truth: GroundTruthFrame, tracks: Tracks) -> None:
        """Count one frame; for MOTA and IDF1, a track matches an object at an IoU of 0.5."""
        objects, ids, overlap = compare_boxes(ground_truth, tracks)
        distance = np.where(overlap >= 0.5, 1 - overlap, np.nan)
        self._events.update(objects, ids, distance)
        self._hota_counts.add(objects, ids, overlap)

    def scores(self) -> Scores:
        """The scores over all frames so far."""
        metrics = self._motmetrics.metrics.create()
        row = metrics.compute(self._events, metrics=list(_COUNT_NAMES)).iloc[0]
        counts = {name: int(row[original]) for original, name in _COUNT_NAMES.items()}
        return _scores_from_counts(counts, *association_accuracy(self._hota_counts))


def _scores_from_counts(
    counts: dict[str, int],
    located: Int64[np.ndarray, " alphas"],
    associated: Float64[np.ndarray, " alphas"],
) -> Scores:
    objects = counts["objects"]
    errors = counts["misses"] + counts["false_positives"] + counts["switches"]
    boxes = objects - counts["misses"] + counts["false_positives"]
    return Scores(
        mota=1 - errors / objects if objects else np.nan,
        idf1=2 * counts["identified"] / (objects + boxes) if objects + boxes else np.nan,
        hota=hota(located, associated, objects, boxes),
        located=tuple(located.tolist()),
        associated=tuple(associated.tolist()),
        **counts,
    )
