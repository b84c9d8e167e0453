"""Tracking a live stream on a worker: its tracks go to the command as they come."""

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mvot_pipelines.config import RunConfig
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.detection.worker import DetectionWorker, Stage
from mvot_pipelines.loading import build_scheduler
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.streams.parts import Parts
from mvot_pipelines.streams.stream import open_configured_source
from mvot_plugin.types import Tracks

__all__ = ["LiveFrames", "LiveTracker"]

_PERIOD = 0.2
"""Seconds for which frames are collected before they are sent."""

TrackerT = TypeVar("TrackerT", bound="LiveTracker")


@dataclass(frozen=True, kw_only=True)
class LiveFrames:
    """A few frames of a live stream: numbers, times, times of capture, and tracks."""

    size: tuple[int, int]
    """(width, height) of the frames, in pixels."""
    frame_rate: float
    """Frames per second of the stream."""
    class_names: Mapping[int, str] | None
    """The names of the classes by number, where they are known."""
    frames: list[tuple[int, float, float, Tracks]] = field(default_factory=list)
    """Of each: number, timestamp, when it was captured (seconds since 1970), and tracks."""
    dropped: int = 0
    """Frames so far that were not looked at."""
    detector_calls: int = 0
    """Frames so far that the detector was given."""
    detections: int = 0
    """Detections so far."""
    events: tuple[str, ...] = ()
    """What happened to the stream."""


class LiveTracker:
    """Tracks one live stream; a context manager.

    Args:
        config: The settings.
        parts: What it tracks with, which it may share with other streams.
    """

    def __init__(self, config: RunConfig, parts: Parts) -> None:
        self._config, self._parts = config, parts
        self._stopped, self._events = threading.Event(), list[str]()
        self._stack = ExitStack()
        self._source = self._stack.enter_context(open_configured_source(config))
        self._source.on_event = self._events.append
        if isinstance(parts.detector, SharedDetector):
            self._stack.enter_context(parts.detector.join())
        self._pipeline = self._stack.enter_context(self._build_pipeline())

    def _build_pipeline(self) -> MotPipeline:
        config, period = self._config, 1e3 * self._config.stride / self._source.frame_rate
        late = config.pipeline.late
        if late.budget is None:
            late = replace(late, budget=config.budget or period)
        return MotPipeline(
            self._parts.detector,
            self._parts.engine,
            build_scheduler(config),
            embedder=self._parts.embedder,
            config=replace(config.pipeline, late=late),
            asynchronous=self._share,
        )

    def _share(self, stage: Stage) -> DetectionWorker:
        detector, timeout = self._parts.detector, self._config.pipeline.detector_timeout
        assert isinstance(detector, SharedDetector)
        return SharedWorker(stage, detector, timeout, waits=self._config.asynchronous == "wait")

    def run(self, class_names: Mapping[int, str] | None) -> Iterator[LiveFrames]:
        """Track to the end of the stream, or until ``interrupt``; yields frames as they come."""
        config, epoch = self._config, time.time() - time.monotonic()
        batch = self._collect([], class_names)
        yield batch
        frames, sent = batch.frames, time.monotonic()
        for frame in self._source.select(stride=config.stride, count=config.frames):
            tracks = replace(self._pipeline.step(frame), data={})
            captured = frame.captured + epoch if math.isfinite(frame.captured) else math.nan
            frames.append((frame.index, frame.timestamp, captured, tracks))
            if time.monotonic() - sent >= _PERIOD:
                yield self._collect(frames, class_names)
                frames, sent = [], time.monotonic()
            if self._stopped.is_set():
                break
        self._events += self._source.notes
        yield self._collect(frames, class_names)

    def _collect(
        self, frames: list[tuple[int, float, float, Tracks]], names: Mapping[int, str] | None
    ) -> LiveFrames:
        events, self._events[:] = tuple(self._events), []
        return LiveFrames(
            size=self._source.size,
            frame_rate=self._source.frame_rate,
            class_names=names,
            frames=frames,
            dropped=self._source.dropped,
            detector_calls=self._pipeline.detector_calls,
            detections=self._pipeline.calls.detections,
            events=events,
        )

    def interrupt(self) -> None:
        """Let ``run`` end, also while it waits for a frame; from any thread."""
        self._stopped.set()
        self._source.interrupt()

    def __enter__(self: TrackerT) -> TrackerT:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
