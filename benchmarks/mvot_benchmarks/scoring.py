"""MOTA, IDF1 and what they are made of, by MOTChallenge's rules, counted by ``motmetrics``."""

from dataclasses import dataclass

import numpy as np

from mvot_benchmarks.truth import TruthFrame, counted_boxes
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Tracks

__all__ = ["Scorer", "Scores"]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Figures of one run; ``mota`` and ``idf1`` are shares (1.0 is perfect), the rest counts."""

    mota: float
    idf1: float
    switches: int
    false_positives: int
    misses: int
    objects: int
    mostly_tracked: int
    mostly_lost: int


class Scorer:
    """Takes the tracks of one frame after another against the truth."""

    def __init__(self) -> None:
        import motmetrics  # brings pandas, which only scoring should wait for

        self._events = motmetrics.MOTAccumulator(auto_id=True)

    def add(self, truth: TruthFrame, tracks: Tracks) -> None:
        """Count one frame; a track and an object fit at an IoU of 0.5 or more."""
        overlap = iou(truth.xyxy.astype(np.float64), tracks.xyxy.astype(np.float64))
        counted = counted_boxes(truth, tracks.xyxy)
        tracks, overlap = tracks[counted], overlap[:, counted]
        distance = np.where(overlap >= 0.5, 1 - overlap, np.nan)[~truth.ignored]
        self._events.update(truth.id[~truth.ignored], tracks.id, distance)

    def scores(self) -> Scores:
        """The figures of all frames so far."""
        import motmetrics

        names = {
            "mota": "mota",
            "idf1": "idf1",
            "num_switches": "switches",
            "num_false_positives": "false_positives",
            "num_misses": "misses",
            "num_objects": "objects",
            "mostly_tracked": "mostly_tracked",
            "mostly_lost": "mostly_lost",
        }
        table = motmetrics.metrics.create().compute(self._events, metrics=list(names))
        row = table.iloc[0].to_dict()
        mota, idf1 = float(row.pop("mota")), float(row.pop("idf1"))
        counts = {names[key]: int(value) for key, value in row.items()}
        return Scores(mota=mota, idf1=idf1, **counts)
