"""``mvot-bench overhead``: what the pipeline itself costs, without detector, engine and sinks."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.timing import StageTimer
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.types import Detections, Frame

__all__ = ["Overhead", "measure", "table"]


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Milliseconds a frame of everything but detector and engine calls."""

    targets: int
    k: int
    median: float
    p95: float


def measure(targets: int, k: int, frames: int = 300, seed: int = 0) -> Overhead:
    """Step a pipeline over ``targets`` objects that drift about a 1280x720 image.

    The engine is ``hold`` and the detector a table; their calls are timed and taken off.
    """
    boxes = _paths(np.random.default_rng(seed), targets, frames)
    image = np.zeros((720, 1280, 3), np.uint8)
    calls = StageTimer()
    pipeline = MotPipeline(
        _timed(lambda frame: Detections.of(boxes[frame.index]), calls),
        _TimedEngine(HoldEngine(), calls),
        k,
    )
    costs = []
    for index in range(frames):
        frame = Frame(image=image, index=index, timestamp=index / 25)
        away = calls.total
        start = time.perf_counter()
        pipeline.step(frame)
        whole = time.perf_counter() - start
        costs.append(1e3 * (whole - (calls.total - away)))
    warm = costs[frames // 10 :]
    return Overhead(
        targets=targets, k=k, median=float(np.median(warm)), p95=float(np.percentile(warm, 95))
    )


class _TimedEngine:
    """An engine whose calls are timed."""

    def __init__(self, engine: HoldEngine, calls: StageTimer) -> None:
        self.observe = _timed(engine.observe, calls)
        self.enroll = _timed(engine.enroll, calls)
        self.track = _timed(engine.track, calls)


def _timed(function: Callable[..., Any], calls: StageTimer) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with calls("calls"):
            return function(*arguments)

    return call


def _paths(
    rng: np.random.Generator, targets: int, frames: int
) -> Float32[np.ndarray, "frames targets 4"]:
    """Boxes of about 40x80 pixels that start anywhere and drift by about a pixel a frame."""
    start = rng.uniform([0, 0], [1200, 620], (targets, 2))
    drift = rng.normal(0, 1, (frames, targets, 2)).cumsum(0)
    corner = start + drift
    sides = rng.uniform([30, 60], [50, 100], (targets, 2))
    return np.concatenate([corner, corner + sides], axis=2).astype(np.float32)


def table(rows: list[Overhead]) -> str:
    """The measurements as a Markdown table."""
    lines = ["| targets | k | median, ms/frame | 95th percentile |", "| --- | --- | --- | --- |"]
    lines += [f"| {row.targets} | {row.k} | {row.median:.2f} | {row.p95:.2f} |" for row in rows]
    return "\n".join(lines)
