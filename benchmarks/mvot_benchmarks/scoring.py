"""MOTA, IDF1 and HOTA by MOTChallenge's rules, counted by ``motmetrics`` and TrackEval."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from mvot_benchmarks.truth import TruthFrame, counted_boxes
from mvot_plugin.errors import UsageError
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
    """Takes the tracks of one frame after another against the truth.

    Raises ``UsageError`` without TrackEval (the ``bench`` extra).
    """

    def __init__(self) -> None:
        try:
            import motmetrics  # brings pandas, which only scoring should wait for
            import trackeval.metrics
        except ImportError as error:
            raise UsageError(
                f"scoring needs TrackEval ({error}): pip install 'mvot-plugin[bench]'"
            ) from error
        self._motmetrics, self._hota = motmetrics, trackeval.metrics.HOTA()
        self._events = motmetrics.MOTAccumulator(auto_id=True)
        self._seen = _Seen()

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
        host = self._motmetrics.metrics.create()
        row = host.compute(self._events, metrics=list(_COUNTED)).iloc[0]
        counts = {name: int(row[theirs]) for theirs, name in _COUNTED.items()}
        hota = self._hota.eval_sequence(self._seen.as_trackeval())
        return _scores(counts, hota["HOTA_TP"].astype(np.int64), hota["AssA"])


@dataclass(kw_only=True)
class _Seen:
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
        self.objects.append(objects)
        self.tracks.append(tracks)
        self.overlaps.append(overlap)

    def as_trackeval(self) -> dict[str, Any]:
        """What TrackEval's metrics take: ids count from 0."""
        found: dict[str, Any] = {"similarity_scores": self.overlaps}
        for name, ids in (("gt", self.objects), ("tracker", self.tracks)):
            every = np.unique(np.concatenate([*ids, np.empty(0, np.int64)]))
            found[f"{name}_ids"] = [np.searchsorted(every, here) for here in ids]
            found[f"num_{name}_ids"] = len(every)
            found[f"num_{name}_dets"] = sum(map(len, ids))
        return found


def _scores(
    counts: dict[str, int],
    located: Int64[np.ndarray, " alphas"],
    associated: Float64[np.ndarray, " alphas"],
) -> Scores:
    """The shares that counts make."""
    objects = counts["objects"]
    wrong = counts["misses"] + counts["false_positives"] + counts["switches"]
    boxes = objects - counts["misses"] + counts["false_positives"]
    detected = located / np.maximum(objects + boxes - located, 1)
    return Scores(
        mota=1 - wrong / objects if objects else np.nan,
        idf1=2 * counts["identified"] / (objects + boxes) if objects + boxes else np.nan,
        hota=float(np.sqrt(detected * associated).mean()),
        located=tuple(located.tolist()),
        associated=tuple(associated.tolist()),
        **counts,
    )
