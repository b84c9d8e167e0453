"""``mvot-bench peers``: ours and what a user would take instead, on the same frames and detections.

Motion engines run in our pipeline; trackers that bring their own merging are given the detections
of every k-th frame. All are scored alike.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mvot_benchmarks import vot
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detection import DetectorChoice
from mvot_benchmarks.mot import QUALITY, MotResult, grid, name_of, score, told_apart
from mvot_benchmarks.peers.base import Given, PeerTracker
from mvot_benchmarks.scoring import Scores
from mvot_pipelines.sources import Source
from mvot_plugin.detectors import Detector, as_detections, usable
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame, Tracks

__all__ = ["PeerResult", "evaluate", "table", "tracked"]


@dataclass(frozen=True, kw_only=True)
class PeerResult:
    """One sequence by one of ours or of the peers, which is ``engine``.

    Either it was tracked from a ``detector`` at one ``k``: ``scores``, and ``milliseconds`` a frame
    without the detector, in the mean of ``frames``. Or all objects were followed from ground truth
    without one, as ``vot`` does: ``motion``, and its milliseconds.
    """

    sequence: str
    engine: str
    detector: str | None = None
    k: int | None = None
    scores: Scores | None = None
    frames: int | None = None
    motion: vot.VotScore | None = None
    milliseconds: float


def evaluate(
    folder: str | Path,
    name: str,
    build: Callable[[Given], PeerTracker],
    k: int,
    detector: DetectorChoice,
) -> MotResult:
    """Track a sequence by a peer from detections on frames 0, k, 2k, ...; score as ``mot`` does.

    Raises ``InputError`` for a sequence that lacks detections or truth.
    """
    if k < 1:
        raise UsageError(f"--detect-every must be 1 or more, got {k}")
    sequence = open_sequence(folder)
    costs: list[float] = []
    with sequence.open() as source:
        peer = build(Given(k=k, frame_rate=source.frame_rate, scored=not detector.replayed))
        steps = _steps(peer, source, detector.on(sequence), k, costs)
        scores = score(sequence, source, steps)
    return MotResult(
        sequence=name_of(folder),
        engine=name,
        k=k,
        scores=scores,
        milliseconds=1e3 * float(np.mean(costs)),
        frames=len(costs),
        detector=detector.name,
    )


def _steps(
    peer: PeerTracker, source: Source, detector: Detector, k: int, costs: list[float]
) -> Iterator[tuple[Frame, Tracks]]:
    """Each frame with a peer's tracks; adds to ``costs`` the seconds that it took."""
    for frame in source:
        found = None
        if frame.index % k == 0:
            found, _ = usable(as_detections(detector(frame)), frame.size)
        start = time.perf_counter()
        tracks = peer.step(frame, found)
        costs.append(time.perf_counter() - start)
        yield frame, tracks


def tracked(rows: Sequence[PeerResult]) -> list[MotResult]:
    """The rows from a detector, as those of ``mot``."""
    return [
        MotResult(
            sequence=row.sequence,
            engine=row.engine,
            k=row.k,
            scores=row.scores,
            milliseconds=row.milliseconds,
            frames=row.frames or 0,
            detector=row.detector,
        )
        for row in rows
        if row.scores is not None and row.k is not None and row.detector is not None
    ]


def table(rows: Sequence[PeerResult]) -> str:
    """For each sequence the quality and what it is made of; then ``vot``'s of the engines.

    The best figures at each k are bold.
    """
    blocks, results = [], told_apart(tracked(rows))
    for name in dict.fromkeys(row.sequence for row in results):
        here = [row for row in results if row.sequence == name]
        blocks.append(grid(f"{name}: {QUALITY}", here, _marked(here)))
        blocks.append(grid(f"{name}: switches / FP / FN", here, _counts))
    motion = [(row.sequence, row.engine, row.motion) for row in rows if row.motion is not None]
    return "\n\n".join([*blocks, *([vot.table(motion)] if motion else [])])


def _marked(rows: Sequence[MotResult]) -> Callable[[MotResult], str]:
    """What writes ``QUALITY`` in percent, the best of each k in bold."""

    def shown(row: MotResult) -> list[float]:
        scores = row.scores
        return [round(100 * share, 1) for share in (scores.mota, scores.idf1, scores.hota)]

    best = {
        k: np.max([shown(row) for row in rows if row.k == k], axis=0) for k in {r.k for r in rows}
    }

    def cell(row: MotResult) -> str:
        pairs = zip(shown(row), best[row.k], strict=True)
        return " / ".join(f"**{one:.1f}**" if one == top else f"{one:.1f}" for one, top in pairs)

    return cell


def _counts(row: MotResult) -> str:
    scores = row.scores
    return f"{scores.switches} / {scores.false_positives} / {scores.misses}"
