"""A live stream whose tracks come from a worker, or from one worker after another."""

import time
from collections.abc import Generator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import numpy as np

from mvot_pipelines.cluster.live import LiveFrames
from mvot_pipelines.config import RunConfig
from mvot_pipelines.outputs import open_sinks
from mvot_pipelines.report import RunReport
from mvot_pipelines.sinks import Sink
from mvot_pipelines.sources import Source
from mvot_plugin.types import Frame, Tracks

__all__ = ["FollowedStream", "RemoteSource"]


class RemoteSource(Source):
    """A live stream that another process reads: a name, and what is known of the frames."""

    length, is_live = None, True

    def __init__(self, name: str) -> None:
        self.name, self.size, self.frame_rate = name, (1, 1), 25.0

    def _frames(self) -> Generator[Frame, None, None]:
        yield from ()


@dataclass(frozen=True, kw_only=True)
class _Offset:
    """What a stream that was opened again adds to what it says."""

    index: int = 0
    time: float = 0.0
    id: int = 0
    dropped: int = 0
    detector_calls: int = 0
    detections: int = 0


class FollowedStream:
    """Writes the tracks of a live stream as they come; numbers go on where it is opened again.

    Args:
        config: The settings, with the stream's name.
        outputs: The files to write, by kind.

    Attributes:
        report: What was written so far.
        deaths: How many workers have died one after another without a frame between.
        is_done: Whether the stream has ended.
    """

    def __init__(self, config: RunConfig, source: RemoteSource, outputs: dict[str, str]) -> None:
        self.config, self.deaths, self.is_done = config, 0, False
        self._source, self._outputs = source, outputs
        self.report = RunReport(
            name=source.name,
            engine=config.engine,
            detector="",
            detect_every=config.detect_every,
            frame_rate=source.frame_rate,
            is_live=True,
        )
        self._epoch = time.time() - time.monotonic()
        self._offset, self._is_new, self._last = _Offset(), False, (-1, 0.0, 0.0)
        self._opened = ExitStack()
        self._sinks: list[Sink] | None = None
        self._begin = time.perf_counter()

    def open_again(self) -> None:
        """The next frames come from another worker, which has opened the stream anew."""
        report = self.report
        self._offset = _Offset(
            id=report.tracks,
            dropped=report.dropped,
            detector_calls=report.detector_calls,
            detections=report.detections,
        )
        self._is_new = True

    def write(self, batch: LiveFrames) -> None:
        """Write what a worker has sent; raises ``OutputError``."""
        sinks, report = self._open(batch), self.report
        for index, timestamp, captured, tracks in batch.frames:
            self.deaths = 0
            if self._is_new:
                self._go_on(index, timestamp, captured)
            frame, tracks = self._shift(batch, index, timestamp, captured, tracks)
            for sink in sinks:
                sink.write(frame, tracks)
            report.count(frame, tracks, time.monotonic())
            self._last = frame.index, frame.timestamp, captured
        report.dropped = self._offset.dropped + batch.dropped
        report.detector_calls = self._offset.detector_calls + batch.detector_calls
        report.detections = self._offset.detections + batch.detections

    def _open(self, batch: LiveFrames) -> list[Sink]:
        """The sinks, opened with the first frames."""
        if self._sinks is None:
            source, report = self._source, self.report
            source.size, source.frame_rate = batch.size, batch.frame_rate
            report.frame_rate = batch.frame_rate / self.config.stride
            names = batch.class_names
            self._sinks, opened = open_sinks(self.config, self._outputs, source, names, report)
            self._opened.enter_context(opened)
        return self._sinks

    def _go_on(self, index: int, timestamp: float, captured: float) -> None:
        """Let a stream that was opened again go on behind its last frame, by the time between."""
        last_index, last_time, last_captured = self._last
        if last_index >= 0:
            pause = max(captured - last_captured, 1 / self.report.frame_rate)
            self._offset = replace(
                self._offset,
                index=last_index + 1 - index,
                time=last_time + pause - timestamp,
            )
        self._is_new = False

    def _shift(
        self, batch: LiveFrames, index: int, timestamp: float, captured: float, tracks: Tracks
    ) -> tuple[Frame, Tracks]:
        offset, (width, height) = self._offset, batch.size
        frame = Frame(
            image=np.broadcast_to(np.uint8(0), (height, width, 3)),
            index=index + offset.index,
            timestamp=timestamp + offset.time,
            captured=captured - self._epoch,
        )
        return frame, replace(tracks, id=tracks.id + offset.id)

    def close(self) -> None:
        """Close the outputs; a second call does nothing."""
        self._opened.close()
        if not self.report.seconds:
            self.report.seconds = time.perf_counter() - self._begin
        if self.report.frames == 0:
            self.report.saved = []
