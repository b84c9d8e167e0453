"""MOTA and IDF1, counted by ``motmetrics``, and HOTA, all by MOTChallenge's rules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from mvot_benchmarks.hota import Seen, association, hota
from mvot_benchmarks.truth import TruthFrame, counted_boxes
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Tracks

__all__ = ["Scorer", "Scores", "overall"]

_COUNTED = {
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
"""By ``motmetrics``' names, those of ``Scores``."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Figures of one run; ``mota``, ``idf1`` and ``hota`` are shares (1.0 is perfect).

    The rest are what they are made of. Of ``objects`` (boxes of the truth), ``misses`` were not
    found and ``identified`` are IDTP; of ``tracks`` (of the truth), mostly tracked are those found
    on 80 % of their frames or more, mostly lost those on less than 20 %. ``located`` (TP) and
    ``associated`` (AssA) are HOTA's, at an IoU of 0.05, 0.10, ... 0.95 (Luiten et al., 2021).
    """

    mota: float
    idf1: float
    hota: float
    switches: int
    fragmentations: int
    false_positives: int
    misses: int
    objects: int
    identified: int
    tracks: int
    mostly_tracked: int
    mostly_lost: int
    located: tuple[int, ...]
    associated: tuple[float, ...]


def overall(scores: Sequence[Scores]) -> Scores:
    """Several sequences as one, as MOTChallenge does: counts are added up, not ratios averaged."""
    counts = {name: sum(getattr(one, name) for one in scores) for name in _COUNTED.values()}
    located = np.array([one.located for one in scores])
    associated = np.array([one.associated for one in scores])
    weighted = (located * associated).sum(0) / np.maximum(located.sum(0), 1)
    return _scores(counts, located.sum(0), weighted)


class Scorer:
    """Takes the tracks of one frame after another against the truth."""

    def __init__(self) -> None:
        import motmetrics  # brings pandas, which only scoring should wait for

        self._events = motmetrics.MOTAccumulator(auto_id=True)
        self._seen = Seen()

    def add(self, truth: TruthFrame, tracks: Tracks) -> None:
        """Count one frame; for MOTA and IDF1, track and object fit at an IoU of 0.5 or more."""
        overlap = iou(truth.xyxy.astype(np.float64), tracks.xyxy.astype(np.float64))
        counted = counted_boxes(truth, tracks.xyxy)
        objects, tracks = truth.id[~truth.ignored], tracks[counted]
        overlap = overlap[np.ix_(~truth.ignored, counted)]
        distance = np.where(overlap >= 0.5, 1 - overlap, np.nan)
        self._events.update(objects, tracks.id, distance)
        self._seen.add(objects, tracks.id, overlap)

    def scores(self) -> Scores:
        """The figures of all frames so far."""
        import motmetrics

        host = motmetrics.metrics.create()
        row = host.compute(self._events, metrics=list(_COUNTED)).iloc[0]
        counts = {name: int(row[theirs]) for theirs, name in _COUNTED.items()}
        return _scores(counts, *association(self._seen))


def _scores(
    counts: dict[str, int],
    located: Int64[np.ndarray, " alphas"],
    associated: Float64[np.ndarray, " alphas"],
) -> Scores:
    """The shares that counts make."""
    objects = counts["objects"]
    wrong = counts["misses"] + counts["false_positives"] + counts["switches"]
    boxes = objects - counts["misses"] + counts["false_positives"]
    return Scores(
        mota=1 - wrong / objects if objects else np.nan,
        idf1=2 * counts["identified"] / (objects + boxes) if objects + boxes else np.nan,
        hota=hota(located, associated, objects, boxes),
        located=tuple(located.tolist()),
        associated=tuple(associated.tolist()),
        **counts,
    )
