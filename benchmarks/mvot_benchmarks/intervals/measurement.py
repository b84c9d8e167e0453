"""The quality of tracking by how often the detector is called, and by what decides when."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mvot_benchmarks import datasets
from mvot_benchmarks.detectors import PUBLIC, DetectorChoice
from mvot_benchmarks.metrics.scoring import Scores
from mvot_benchmarks.mot import score_tracks, sequence_label
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.scheduling import Adaptive, AdaptiveConfig, EveryK, Scheduler
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import Motion, MotionEngine
from mvot_plugin.types import Frame

__all__ = ["ADAPTIVE", "FIXED_K", "FIXED_SECONDS", "IntervalResult", "evaluate"]

FIXED_K, FIXED_SECONDS, ADAPTIVE = "fixed k", "fixed seconds", "adaptive"
"""What decides on which frames the detector runs; fixed seconds adapt to
the frame rate of a video, and to nothing else."""


@dataclass(frozen=True, kw_only=True)
class IntervalResult:
    """One sequence tracked by one engine at one interval."""

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name."""
    scheduler: str
    """What decides on which frames the detector runs."""
    interval: float
    """Its interval, in seconds where those are fixed, else in frames."""
    scores: Scores
    """The quality of the tracks."""
    frames: int
    """Frames of the sequence."""
    calls: int
    """Frames that the detector ran on."""
    detector: str = PUBLIC
    """The detector's name; "replay" for the sequence's public detections."""
    run: int = 0
    """The number of the run; from 1 on the detections are perturbed (``PerturbedDetector``)."""


@dataclass(kw_only=True)
class EverySeconds:
    """A scheduler that lets the same time pass between all calls."""

    seconds: float
    _next: float = -np.inf

    def due(self, frame: Frame, motion: Motion) -> bool:
        """True on the first frame, and when the time has passed."""
        if frame.timestamp < self._next - 1e-6:
            return False
        self._next = frame.timestamp + self.seconds
        return True


def evaluate(
    folder: str | Path,
    name: str,
    engine: MotionEngine[Any, Any],
    scheduler: str,
    interval: float,
    choice: DetectorChoice | None = None,
    embedder: Embedder | str | None = "colour",
    run: int = 0,
) -> IntervalResult:
    """Track a sequence at an interval, and score as ``mot`` does.

    Raises ``InputError`` for a sequence that lacks detections or ground truth.
    """
    sequence, choice = datasets.open_sequence(folder), choice or DetectorChoice()
    detector = choice.for_sequence(sequence, run)
    pipeline = MotPipeline(detector, engine, _build(scheduler, interval), embedder=embedder)
    with sequence.open() as source:
        scores = score_tracks(sequence, source, pipeline.run(source))
    return IntervalResult(
        sequence=sequence_label(folder),
        engine=name,
        scheduler=scheduler,
        interval=interval,
        scores=scores,
        frames=pipeline.steps,
        calls=pipeline.detector_calls,
        detector=choice.name,
        run=run,
    )


def _build(scheduler: str, interval: float) -> Scheduler:
    if scheduler == FIXED_K:
        return EveryK(k=int(interval))
    if scheduler == FIXED_SECONDS:
        return EverySeconds(seconds=interval)
    return Adaptive(AdaptiveConfig(interval=interval))
