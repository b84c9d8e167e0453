"""``mvot-bench rt``: tracking in real time, on a virtual clock (VOT-RT; SiamMT 4.2).

Frames arrive at a fixed rate, and what the pipeline spends on one moves the clock. Frames that
arrive meanwhile are never looked at, and the next one is begun when it arrives. What is scored on a
frame is the last answer that is ready before the following frame: an answer that takes longer than
that comes late, and the tracks of before stand in for it. The clock decides nothing else: a video
that is played faster than it was recorded keeps its timestamps.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detection import PUBLIC, DetectorChoice
from mvot_benchmarks.mot import QUALITY, alike, grid, merged, name_of, quality, score, told_apart
from mvot_benchmarks.scoring import Scores
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.sources import Source
from mvot_plugin.engines.base import Motion, MotionEngine
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame, Tracks

__all__ = ["Given", "LivePipeline", "Overdue", "RtResult", "evaluate", "rate_of", "rates", "table"]

_WARM_UP = 3
"""Frames that are tracked once before, for what networks do on their first calls only."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """Milliseconds a call of the detector, and a frame of all else; None is measured."""

    detector: float | None = None
    engine: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("detector", self.detector), ("engine", self.engine)):
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"--{name}-ms must be a number of milliseconds, got {value:g}")


@dataclass(frozen=True, kw_only=True)
class RtResult:
    """One sequence at ``fps`` frames a second, by one engine at one k.

    ``processed`` of ``frames`` frames were looked at, ``detected`` of them by the detector too;
    ``milliseconds`` is what one of them cost in the mean, detector included.
    """

    sequence: str
    engine: str
    k: int
    fps: float
    scores: Scores
    frames: int
    processed: int
    detected: int
    milliseconds: float
    detector: str = PUBLIC


@dataclass(kw_only=True)
class Overdue:
    """The detector is due where ``k`` frames of the video have passed since it last ran."""

    k: int
    _next: int = 0

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.k}")

    def due(self, frame: Frame, motion: Motion) -> bool:
        """True on the first frame, and on the first that is processed k frames after a true."""
        due = frame.index >= self._next
        if due:
            self._next = frame.index + self.k
        return due


class LivePipeline:
    """A pipeline on frames that come at ``fps`` and wait for nobody; counts ``frames``."""

    def __init__(self, pipeline: MotPipeline, fps: float, given: Given) -> None:
        self.pipeline, self._fps, self._given = pipeline, fps, given
        self.frames = 0
        self.milliseconds = 0.0

    def run(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Tracks]]:
        """Each frame of a video with the tracks that there are when the next one arrives."""
        shown = coming = Tracks.empty()
        free = 0
        for frame in frames:
            self.frames += 1
            if frame.index >= free:
                shown, (coming, cost) = coming, self._step(frame)
                self.milliseconds += cost
                free = frame.index + max(1, ceil(cost * self._fps / 1e3 - 1e-9))
            if frame.index >= free - 1:
                shown = coming
            yield frame, shown

    def _step(self, frame: Frame) -> tuple[Tracks, float]:
        """The tracks on a frame, and what they cost in milliseconds."""
        calls, detector, rest = self._spent()
        tracks = self.pipeline.step(frame)
        now = self._spent()
        calls, detector, rest = now[0] - calls, now[1] - detector, now[2] - rest
        given = self._given
        cost = detector if given.detector is None else calls * given.detector
        return tracks, cost + (rest if given.engine is None else given.engine)

    def _spent(self) -> tuple[int, float, float]:
        """Calls of the detector so far, its milliseconds, and those of all else."""
        timer = self.pipeline.timer
        detector = timer.seconds.get("detect", 0.0)
        return timer.calls.get("detect", 0), 1e3 * detector, 1e3 * (timer.total - detector)


def evaluate(
    folder: str | Path,
    name: str,
    engine: MotionEngine[Any, Any],
    k: int,
    fps: float,
    given: Given | None = None,
    choice: DetectorChoice | None = None,
) -> RtResult:
    """Track a sequence in real time, by default from its own detections; score as ``mot`` does.

    Raises ``InputError`` for a sequence that lacks detections or truth.
    """
    sequence = open_sequence(folder)
    given, choice = given or Given(), choice or DetectorChoice()
    detector = choice.on(sequence)
    with sequence.open() as source:
        if given.engine is None or given.detector is None:
            _warm_up(MotPipeline(detector, engine, 1), source)
        live = LivePipeline(MotPipeline(detector, engine, Overdue(k=k)), fps, given)
        scores = score(sequence, source, live.run(source))
    return RtResult(
        sequence=name_of(folder),
        engine=name,
        k=k,
        fps=fps,
        scores=scores,
        frames=live.frames,
        processed=live.pipeline.steps,
        detected=live.pipeline.timer.calls["detect"],
        milliseconds=live.milliseconds / live.pipeline.steps,
        detector=choice.name,
    )


def _warm_up(pipeline: MotPipeline, source: Source) -> None:
    for frame in islice(source, _WARM_UP):
        pipeline.step(frame)


def rates(folder: str | Path, wanted: Sequence[str]) -> list[float]:
    """Frame rates from numbers and "own", which is the sequence's; each rate once.

    Raises ``UsageError`` for what is neither.
    """
    found = [rate_of(_own_rate(folder) if text == "own" else text, "own") for text in wanted]
    return list(dict.fromkeys(found))


def rate_of(given: str | float, word: str) -> float:
    """Frames a second; raises ``UsageError`` for what is no such number, nor this other word."""
    try:
        rate = float(given)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UsageError(f"--fps {given!r}: a rate is a number above 0, or {word}")
    return rate


def _own_rate(folder: str | Path) -> float:
    with open_sequence(folder).open() as source:
        return source.frame_rate


def table(results: Sequence[RtResult]) -> str:
    """Markdown tables for each sequence and rate, as ``mot``'s, and of how many frames were seen.

    At rates that all of several sequences were shown at, there is one for all together.
    """
    blocks = []
    groups = alike(results, "engine", "k", "fps", "detector")
    together = [merged(rows, "processed", "frames", "detected") for rows in groups]
    results = told_apart([*results, *together])
    for name, fps in dict.fromkeys((one.sequence, one.fps) for one in results):
        here = [one for one in results if (one.sequence, one.fps) == (name, fps)]
        title = f"{name} at {fps:g} fps"
        blocks.append(grid(f"{title}: {QUALITY}", here, quality))
        blocks.append(grid(f"{title}: frames processed", here, _share))
    return "\n\n".join(blocks)


def _share(result: RtResult) -> str:
    return f"{100 * result.processed / result.frames:.0f} %"
