"""``mvot-bench rt``: tracking in real time, on a virtual clock (VOT-RT; SiamMT 4.2).

Frames arrive at a fixed rate, and the time that the pipeline spends on one moves the clock. Frames
that arrive in the meantime are skipped; processing continues with the next frame to arrive. Each
frame is scored with the latest tracks that are complete before the following frame arrives, even
if they are of an earlier frame. The clock has no other effect: frames keep the timestamps of the
recording, even where they arrive faster.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any

from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detectors import PUBLIC, DetectorChoice
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.mot import score_tracks, sequence_label
from mvot_benchmarks.reporting.tables import (
    QUALITY_HEADING,
    format_grid,
    format_quality,
    group_across_sequences,
    label_detectors,
    pool_rows,
)
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.sources import Source
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import Motion, MotionEngine
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame, Tracks

__all__ = [
    "RealTimePipeline",
    "RealTimeScheduler",
    "RtConfig",
    "RtResult",
    "evaluate",
    "format_table",
    "parse_rate",
    "parse_rates",
]

_WARM_UP = 3
"""Frames that are tracked once before the clock starts: a network's first calls are slower."""


@dataclass(frozen=True, kw_only=True)
class RtConfig:
    """The time that the parts of the pipeline take; None means the measured time."""

    detector_ms: float | None = None
    """Milliseconds for a call of the detector."""
    engine_ms: float | None = None
    """Milliseconds for the rest of a frame: motion and merging, with the embedder."""

    def __post_init__(self) -> None:
        for name, value in (("detector", self.detector_ms), ("engine", self.engine_ms)):
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"--{name}-ms must be a number of milliseconds, got {value:g}")


@dataclass(frozen=True, kw_only=True)
class RtResult:
    """One sequence at ``fps`` frames per second, tracked by one engine at one k."""

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name."""
    k: int
    """The detector's interval in frames."""
    fps: float
    """Frames that arrive per second."""
    scores: Scores
    """The quality of the tracks."""
    frames: int
    """Frames that have arrived."""
    processed: int
    """Frames that were processed, out of ``frames``."""
    detected: int
    """Frames that the detector ran on, out of ``processed``."""
    milliseconds: float
    """The mean time of a processed frame, detector included."""
    detector: str = PUBLIC
    """The detector's name; "replay" for the sequence's public detections."""


@dataclass(kw_only=True)
class RealTimeScheduler:
    """The detector is due once ``k`` frames of the video have arrived since it last ran."""

    k: int
    """In frames of the video."""
    _next: int = 0
    """The index of the first frame on which the detector is due."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.k}")

    def due(self, frame: Frame, motion: Motion) -> bool:
        """True on the first frame, and on the first processed k frames or more after the last."""
        due = frame.index >= self._next
        if due:
            self._next = frame.index + self.k
        return due


class RealTimePipeline:
    """A pipeline on frames that arrive at ``fps``, whether it is ready or not.

    ``frames`` is the number of frames that have arrived, ``milliseconds`` the time spent on them.
    """

    def __init__(self, pipeline: MotPipeline, fps: float, config: RtConfig) -> None:
        self.pipeline, self._fps, self._config = pipeline, fps, config
        self.frames = 0
        self.milliseconds = 0.0

    def run(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Tracks]]:
        """Each frame of a video with the tracks that are complete when the next one arrives."""
        shown = pending = Tracks.empty()
        free_from = 0
        for frame in frames:
            self.frames += 1
            if frame.index >= free_from:
                shown, (pending, cost) = pending, self._step(frame)
                self.milliseconds += cost
                free_from = frame.index + max(1, ceil(cost * self._fps / 1e3 - 1e-9))
            if frame.index >= free_from - 1:
                shown = pending
            yield frame, shown

    def _step(self, frame: Frame) -> tuple[Tracks, float]:
        """The tracks on a frame, and the milliseconds they took."""
        calls, detector, rest = self._read_timer()
        tracks = self.pipeline.step(frame)
        after = self._read_timer()
        calls, detector, rest = after[0] - calls, after[1] - detector, after[2] - rest
        config = self._config
        cost = detector if config.detector_ms is None else calls * config.detector_ms
        return tracks, cost + (rest if config.engine_ms is None else config.engine_ms)

    def _read_timer(self) -> tuple[int, float, float]:
        """The detector's calls so far, its milliseconds, and those of all other stages."""
        timer = self.pipeline.timer
        detector = timer.seconds.get("detect", 0.0)
        return timer.calls.get("detect", 0), 1e3 * detector, 1e3 * (timer.total - detector)


def evaluate(
    folder: str | Path,
    name: str,
    engine: MotionEngine[Any, Any],
    k: int,
    fps: float,
    config: RtConfig | None = None,
    choice: DetectorChoice | None = None,
    embedder: Embedder | str | None = "colour",
) -> RtResult:
    """Track a sequence in real time, by default from its public detections; score as ``mot`` does.

    Raises ``InputError`` for a sequence that lacks detections or ground truth.
    """
    sequence = open_sequence(folder)
    config, choice = config or RtConfig(), choice or DetectorChoice()
    build = partial(MotPipeline, choice.for_sequence(sequence), engine, embedder=embedder)
    with sequence.open() as source:
        if config.engine_ms is None or config.detector_ms is None:
            _warm_up(build(1), source)
        live = RealTimePipeline(build(RealTimeScheduler(k=k)), fps, config)
        scores = score_tracks(sequence, source, live.run(source))
    return RtResult(
        sequence=sequence_label(folder),
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


def parse_rates(folder: str | Path, texts: Sequence[str]) -> list[float]:
    """Frame rates from numbers and "own", which is the sequence's; each rate once.

    Raises ``UsageError`` for other texts.
    """
    rates = [
        parse_rate(_read_frame_rate(folder) if text == "own" else text, "own") for text in texts
    ]
    return list(dict.fromkeys(rates))


def parse_rate(value: str | float, keyword: str) -> float:
    """A rate in frames per second.

    Raises ``UsageError`` for what is not a number above 0; the message names ``keyword`` as the
    only other value that the option takes.
    """
    try:
        rate = float(value)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float("inf"):
        raise UsageError(f"--fps {value!r}: a rate is a number above 0, or {keyword}")
    return rate


def _read_frame_rate(folder: str | Path) -> float:
    with open_sequence(folder).open() as source:
        return source.frame_rate


def format_table(results: Sequence[RtResult]) -> str:
    """Markdown tables for each sequence and rate: as ``mot``'s, and the share of frames processed.

    At rates that all of several sequences were run at, there is one for all together.
    """
    blocks = []
    groups = group_across_sequences(results, "engine", "k", "fps", "detector")
    pooled = [pool_rows(rows, "processed", "frames", "detected") for rows in groups]
    results = label_detectors([*results, *pooled])
    for name, fps in dict.fromkeys((one.sequence, one.fps) for one in results):
        rows = [one for one in results if (one.sequence, one.fps) == (name, fps)]
        title = f"{name} at {fps:g} fps"
        blocks.append(format_grid(f"{title}: {QUALITY_HEADING}", rows, format_quality))
        blocks.append(format_grid(f"{title}: frames processed", rows, _format_share))
    return "\n\n".join(blocks)


def _format_share(result: RtResult) -> str:
    return f"{100 * result.processed / result.frames:.0f} %"
