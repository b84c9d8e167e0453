"""``mvot-bench overhead``: the time of the pipeline itself, without detector, engine and sinks."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import XYXY, Detections, Frame

__all__ = ["Overhead", "format_table", "measure_overhead"]


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """The time of a frame without the calls of the detector and the engine."""

    targets: int
    """The number of targets."""
    k: int
    """The detector runs on every k-th frame."""
    embedder: str = "none"
    """The embedder's name; its time is part of the frame's."""
    median: float
    """In milliseconds."""
    p95: float
    """The 95th percentile, in milliseconds."""


def measure_overhead(
    targets: int,
    k: int,
    name: str = "none",
    embedder: Embedder | None = None,
    frames: int = 300,
    seed: int = 0,
) -> Overhead:
    """Measure a pipeline on ``targets`` objects that drift randomly over a 1280x720 image.

    The image is the same on all frames: the camera stands. The engine is ``hold`` and the detector
    a table; their calls are timed and subtracted. The ``name`` is that of the embedder.
    """
    rng = np.random.default_rng(seed)
    boxes, image = _sample_paths(rng, targets, frames), _sample_image(rng)
    calls = StageTimer()
    pipeline = MotPipeline(
        _time_calls(lambda frame: Detections.of(boxes[frame.index]), calls),
        _TimedEngine(HoldEngine(), calls),
        k,
        embedder=embedder,
    )
    costs = []
    for index in range(frames):
        frame = Frame(image=image, index=index, timestamp=index / 25)
        calls_before = calls.total
        start = time.perf_counter()
        pipeline.step(frame)
        seconds = time.perf_counter() - start
        costs.append(1e3 * (seconds - (calls.total - calls_before)))
    costs = costs[frames // 10 :]  # without the warm-up
    median, p95 = np.percentile(costs, (50, 95)).tolist()
    return Overhead(targets=targets, k=k, embedder=name, median=median, p95=p95)


class _TimedEngine:
    """An engine whose calls are timed."""

    def __init__(self, engine: HoldEngine, calls: StageTimer) -> None:
        self.observe = _time_calls(engine.observe, calls)
        self.enroll = _time_calls(engine.enroll, calls)
        self.track = _time_calls(engine.track, calls)


def _time_calls(function: Callable[..., Any], calls: StageTimer) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        with calls("calls"):
            return function(*arguments)

    return call


def _sample_paths(
    rng: np.random.Generator, targets: int, frames: int
) -> Float32[XYXY, "frames targets"]:
    """Boxes of about 40x80 pixels at random places that drift by about a pixel per frame."""
    start = rng.uniform([0, 0], [1200, 620], (targets, 2))
    drift = rng.normal(0, 1, (frames, targets, 2)).cumsum(0)
    corner = start + drift
    sides = rng.uniform([30, 60], [50, 100], (targets, 2))
    return np.concatenate([corner, corner + sides], axis=2).astype(np.float32)


def _sample_image(rng: np.random.Generator) -> UInt8[np.ndarray, "720 1280 3"]:
    """An image of random colours, with corners that the camera's motion is estimated from."""
    cells = rng.integers(0, 256, (45, 80, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(cells, (1280, 720), interpolation=cv2.INTER_CUBIC))


def format_table(rows: list[Overhead]) -> str:
    """The measurements as a Markdown table."""
    columns = "targets", "k", "embedder", "median, ms/frame", "95th percentile"
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for row in rows:
        key = f"{row.targets} | {row.k} | {row.embedder}"
        lines.append(f"| {key} | {row.median:.2f} | {row.p95:.2f} |")
    return "\n".join(lines)
