"""Cameras and network streams."""

import threading
import time
from collections.abc import Callable, Generator

import cv2
import numpy as np

from mvot_pipelines.sources.base import Source
from mvot_pipelines.sources.capture import (
    Timeline,
    decode_frames,
    hide_secrets,
    image_size,
    open_stream,
    rate_or_default,
    read_first_image,
)
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_pipelines.sources.newest import NewestFrame
from mvot_pipelines.sources.outages import Outages
from mvot_pipelines.sources.quiet import silence_log
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame

__all__ = ["LiveSource"]

_POLL_SECONDS = 0.1


class LiveSource(Source):
    """A camera or a network stream, read by a thread of its own that keeps the newest frame.

    An iteration starts with the newest frame, whose index and timestamp are 0. The index counts
    every frame that was captured, so that those which nobody took leave gaps; timestamps are
    seconds on ``clock``, and go on while the stream is away. The length is unknown.

    Args:
        address: A camera number or a URL.
        frame_rate: Frames per second instead of the stream's own, for what is written.
        clock: Returns seconds.
        reconnect: For how many seconds to go on trying when the stream is lost; 0 for not at all.
        limits: How large an image may be, and how long to wait for one.
        capture: The address, where it is open already.

    Raises:
        InputError: If it cannot be opened or sends no image; while iterating, if it was lost and
            did not come back, or came back with another image size.
    """

    length = None
    is_live = True

    def __init__(
        self,
        address: int | str,
        *,
        frame_rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        reconnect: float | int = 30.0,
        limits: LimitsConfig | None = None,
        capture: cv2.VideoCapture | None = None,
    ) -> None:
        self.name = f"camera {address}" if isinstance(address, int) else hide_secrets(address)
        self._address, self._clock = address, clock
        self._limits = limits or LimitsConfig()
        self._outages = Outages(self.name, reconnect, clock, self._limits.silence)
        capture = capture or open_stream(address, self._limits)
        image = read_first_image(capture, self.name, self._limits)
        self.size = image_size(image)
        self.frame_rate = frame_rate or rate_or_default(capture.get(cv2.CAP_PROP_FPS))
        first = self._make_frame(image, 0)
        self._newest: NewestFrame = NewestFrame(
            lambda stopped: self._read(capture, first, stopped),
            max(self._limits.silence, self._limits.opening),
        )

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self.frame_rate, forced=False)
        first, before, self.dropped = None, 0, 0
        while (frame := self._take()) is not None:
            if first is None:
                first, before = frame, self._newest.dropped
            self.dropped = self._newest.dropped - before
            index = frame.index - first.index
            timestamp = timeline.timestamp(index, frame.captured - first.captured)
            yield Frame(
                image=frame.image, index=index, timestamp=timestamp, captured=frame.captured
            )

    def _take(self) -> Frame | None:
        """The newest frame, waited for as long as it may come, though the thread be stuck."""
        while (frame := self._newest.take(_POLL_SECONDS)) is None:
            if self._newest.has_ended:
                return None
            self._outages.check()
        return frame

    def _read(
        self, capture: cv2.VideoCapture, frame: Frame, stopped: threading.Event
    ) -> Generator[Frame, None, None]:
        """The frames of one connection after another, after the first; runs in the thread."""
        try:
            yield frame
            while not stopped.is_set():
                for _, image in decode_frames(capture, self._limits, self._clock, silence_log):
                    frame = self._make_frame(image, frame.index + 1)
                    self._tell(self._outages.see_frame(frame.captured))
                    yield frame
                capture.release()
                self._tell(self._outages.begin())
                capture = self._connect_again(capture, stopped)
        finally:
            capture.release()

    def _connect_again(
        self, capture: cv2.VideoCapture, stopped: threading.Event
    ) -> cv2.VideoCapture:
        """A new connection, after a pause, or the ended one where that fails."""
        self._outages.pause(stopped)
        try:
            return capture if stopped.is_set() else open_stream(self._address, self._limits)
        except InputError:
            return capture

    def _make_frame(self, image: np.ndarray, index: int) -> Frame:
        captured = self._clock()
        if image_size(image) != self.size:
            raise InputError(
                f"{self.name} now sends images of {image_size(image)} pixels, and sent "
                f"{self.size} before: a run has one image size; start another for the new one"
            )
        return Frame(image=image, index=index, timestamp=np.nan, captured=captured)

    def _tell(self, message: str | None) -> None:
        if message is not None and self.on_event is not None:
            self.on_event(message)

    @property
    def notes(self) -> list[str]:
        """How often and how long the stream was away."""
        return self._outages.notes

    def close(self) -> None:
        """Release the camera or the connection; a second call does nothing."""
        super().close()
        self._newest.stop()
