"""``mvot-bench peers``: our engines and other projects' trackers on the same detections.

Motion engines run in our pipeline; trackers with their own association get the detections of every
k-th frame. All are scored in the same way.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mvot_benchmarks import vot
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.mot import MotResult, score_tracks, sequence_label
from mvot_benchmarks.peers.base import PeerConfig, PeerTracker
from mvot_benchmarks.reporting.summaries import average_runs, format_summary
from mvot_benchmarks.reporting.tables import QUALITY_HEADING, format_grid, label_detectors
from mvot_pipelines.sources import Source
from mvot_plugin.detectors import Detector, as_detections, drop_unusable
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame, Tracks

__all__ = ["PeerResult", "evaluate", "format_table", "to_mot_results"]


@dataclass(frozen=True, kw_only=True)
class PeerResult:
    """One sequence tracked by one of our engines or by a peer.

    Either from the detections of every k-th frame (``detector``, ``k``, ``scores``, ``frames``), or
    from ground truth without a detector, as ``vot`` does (``motion``).
    """

    sequence: str
    engine: str
    """The name of the engine or the peer."""
    detector: str | None = None
    k: int | None = None
    scores: Scores | None = None
    frames: int | None = None
    motion: vot.VotScore | None = None
    milliseconds: float
    """Without the detector: the mean over ``frames``, or that of ``motion``."""
    run: int = 0
    """The number of the run, as in ``MotResult``."""


def evaluate(
    folder: str | Path,
    name: str,
    build: Callable[[PeerConfig], PeerTracker],
    k: int,
    detector: DetectorChoice,
    run: int = 0,
) -> MotResult:
    """Track a sequence by a peer from detections on frames 0, k, 2k, ...; score as ``mot`` does.

    Raises ``InputError`` for a sequence that lacks detections or ground truth.
    """
    if k < 1:
        raise UsageError(f"--detect-every must be 1 or more, got {k}")
    sequence = open_sequence(folder)
    costs: list[float] = []
    with sequence.open() as source:
        config = PeerConfig(
            k=k, frame_rate=source.frame_rate, has_detector_scores=not detector.is_replayed
        )
        calls = detector.for_sequence(sequence, run)
        results = _track_frames(build(config), source, calls, k, costs)
        scores = score_tracks(sequence, source, results)
    return MotResult(
        sequence=sequence_label(folder),
        engine=name,
        k=k,
        scores=scores,
        milliseconds=1e3 * float(np.mean(costs)),
        frames=len(costs),
        detector=detector.name,
        run=run,
    )


def _track_frames(
    peer: PeerTracker, source: Source, detector: Detector, k: int, costs: list[float]
) -> Iterator[tuple[Frame, Tracks]]:
    """Each frame with a peer's tracks; appends the seconds that they took to ``costs``."""
    for frame in source:
        detections = None
        if frame.index % k == 0:
            detections, _ = drop_unusable(as_detections(detector(frame)), frame.size)
        start = time.perf_counter()
        tracks = peer.step(frame, detections)
        costs.append(time.perf_counter() - start)
        yield frame, tracks


def to_mot_results(rows: Sequence[PeerResult]) -> list[MotResult]:
    """The rows that were tracked from detections, as results of ``mot``."""
    return [
        MotResult(
            sequence=row.sequence,
            engine=row.engine,
            k=row.k,
            scores=row.scores,
            milliseconds=row.milliseconds,
            frames=row.frames or 0,
            detector=row.detector,
            run=row.run,
        )
        for row in rows
        if row.scores is not None and row.k is not None and row.detector is not None
    ]


def format_table(rows: Sequence[PeerResult]) -> str:
    """For each sequence the quality and the counts behind it; then the table of ``vot``.

    The best scores at each k are bold. Runs are averaged. With several sequences, there is a table
    of their mean and spread before that of ``vot``.
    """
    averaged = average_runs(to_mot_results(rows))
    blocks, results = [], label_detectors(averaged)
    for name in dict.fromkeys(row.sequence for row in results):
        of_sequence = [row for row in results if row.sequence == name]
        blocks.append(
            format_grid(f"{name}: {QUALITY_HEADING}", of_sequence, _highlight_best(of_sequence))
        )
        blocks.append(format_grid(f"{name}: switches / FP / FN", of_sequence, _format_counts))
    motion = [(row.sequence, row.engine, row.motion) for row in rows if row.motion is not None]
    blocks += format_summary(averaged)
    return "\n\n".join([*blocks, *([vot.format_table(motion)] if motion else [])])


def _highlight_best(rows: Sequence[MotResult]) -> Callable[[MotResult], str]:
    """A function that formats a row's quality in percent, with the best at each k in bold."""

    def percentages(row: MotResult) -> list[float]:
        scores = row.scores
        return [round(100 * share, 1) for share in (scores.mota, scores.idf1, scores.hota)]

    best = {
        k: np.max([percentages(row) for row in rows if row.k == k], axis=0)
        for k in {row.k for row in rows}
    }

    def format_cell(row: MotResult) -> str:
        pairs = zip(percentages(row), best[row.k], strict=True)
        return " / ".join(f"**{one:.1f}**" if one == top else f"{one:.1f}" for one, top in pairs)

    return format_cell


def _format_counts(row: MotResult) -> str:
    scores = row.scores
    return f"{scores.switches} / {scores.false_positives} / {scores.misses}"
