"""The quality of tracking in real time, by a detector that blocks the tracker or runs beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mvot_benchmarks import datasets
from mvot_benchmarks.detectors import PUBLIC, DetectorChoice
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.mot import score_tracks, sequence_label
from mvot_benchmarks.realtime.clock import (
    RealTimePipeline,
    RtConfig,
    VirtualClock,
    VirtualWorker,
)
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import Adaptive, EveryK, Scheduler
from mvot_pipelines.sources import Source
from mvot_pipelines.tracking.config import LateConfig
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import Motion, MotionEngine
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

__all__ = [
    "ADAPTIVE",
    "ASYNCHRONOUS",
    "BLOCKING",
    "UNCLOCKED",
    "RealTimeBenchmark",
    "RtResult",
    "parse_rate",
    "parse_rates",
]

BLOCKING, ASYNCHRONOUS, ADAPTIVE, UNCLOCKED = "blocking", "asynchronous", "adaptive", "no clock"
"""The modes: the tracker waits for the detector; the detector runs beside it, on every k-th frame
or as often where it is worth most; and, to compare with, no clock at all, with as many calls of the
detector, evenly spread, as asynchronous ones were made."""
_WARM_UP = 3
"""Frames that are tracked once before the clock starts: a network's first calls are slower."""


@dataclass(frozen=True, kw_only=True)
class RtResult:
    """One sequence at ``fps`` frames per second, tracked by one engine at one k."""

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name."""
    k: int
    """The detector's interval in frames; 1 where it is adaptive: any frame may be detected on."""
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
    """The mean time that the tracker was busy with a processed frame."""
    latency: tuple[float, float] = (np.nan, np.nan)
    """Milliseconds from a frame's arrival to its tracks: the median, the 95th percentile."""
    detector: str = PUBLIC
    """The detector's name; "replay" for the sequence's public detections."""
    detector_ms: float | None = None
    """Milliseconds for a call of the detector; None where they were measured."""
    mode: str = BLOCKING
    """How the detector runs."""


@dataclass(kw_only=True)
class EvenCalls:
    """A scheduler that spreads a number of calls evenly over the frames of a video."""

    calls: int
    frames: int

    def due(self, frame: Frame, motion: Motion) -> bool:
        """True on the first frame, and on each on which a further call is due."""
        return frame.index * self.calls % self.frames < self.calls


@dataclass(frozen=True, kw_only=True)
class RealTimeBenchmark:
    """Measures pipelines on sequences, from public detections unless there is a ``choice``."""

    config: RtConfig = field(default_factory=RtConfig)
    """The time that the parts of the pipeline take."""
    choice: DetectorChoice = field(default_factory=DetectorChoice)
    """The detector."""
    embedder: Embedder | str | None = "colour"
    """What describes how detections look."""

    def evaluate(
        self,
        folder: str | Path,
        name: str,
        engine: MotionEngine[Any, Any],
        k: int,
        fps: float,
        mode: str = BLOCKING,
    ) -> RtResult:
        """Track a sequence in real time, and score as ``mot`` does.

        Raises ``InputError`` for a sequence that lacks detections or ground truth.
        """
        sequence = datasets.open_sequence(folder)
        detector = self.choice.for_sequence(sequence)
        build = partial(MotPipeline, detector, engine, embedder=self.embedder)
        scheduler: Scheduler = EveryK(k=k)
        if mode == ADAPTIVE:
            scheduler = Adaptive()
        with sequence.open() as source:
            if self.config.engine_ms is None or self.config.detector_ms is None:
                _warm_up(build(EveryK(k=1)), source)
            live = self._start(build, scheduler, fps, mode)
            scores = score_tracks(sequence, source, live.run(source))
        return RtResult(
            sequence=sequence_label(folder),
            engine=name,
            k=k,
            fps=fps,
            scores=scores,
            frames=live.frames,
            processed=live.pipeline.steps,
            detected=live.pipeline.detector_calls,
            milliseconds=float(np.mean(live.latencies)),
            latency=tuple(np.percentile(live.latencies, (50, 95)).tolist()),
            detector=self.choice.name,
            detector_ms=self.config.detector_ms,
            mode=mode,
        )

    def evaluate_without_clock(
        self, folder: str | Path, engine: MotionEngine[Any, Any], timed: RtResult
    ) -> RtResult:
        """Track without a clock, with as many calls of the detector as in a ``timed`` result."""
        sequence = datasets.open_sequence(folder)
        detector = self.choice.for_sequence(sequence)
        scheduler = EvenCalls(calls=timed.detected, frames=timed.frames)
        pipeline = MotPipeline(detector, engine, scheduler, embedder=self.embedder)
        with sequence.open() as source:
            scores = score_tracks(sequence, source, pipeline.run(source))
        return replace(
            timed,
            scores=scores,
            processed=pipeline.steps,
            detected=pipeline.detector_calls,
            milliseconds=0.0,
            latency=(0.0, 0.0),
            mode=UNCLOCKED,
        )

    def _start(
        self, build: "partial[MotPipeline]", scheduler: Scheduler, fps: float, mode: str
    ) -> RealTimePipeline:
        """The pipeline at its first frame, the detector beside it unless it blocks.

        As in ``mvot-run``, tracking again is spread over frames by their period; where costs are
        given, it is all at once, so that the results are the same on every run.
        """
        if mode == BLOCKING:
            return RealTimePipeline(build(scheduler), fps, self.config)
        clock = VirtualClock()
        worker = partial(VirtualWorker, clock=clock, config=self.config)
        budget = 1e3 / fps if self.config.engine_ms is None else None
        config = PipelineConfig(late=LateConfig(budget=budget))
        pipeline = build(scheduler, asynchronous=worker, config=config)
        return RealTimePipeline(pipeline, fps, self.config, clock)


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
    with datasets.open_sequence(folder).open() as source:
        return source.frame_rate
