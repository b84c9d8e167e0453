"""Cameras and network streams."""

import time
from collections.abc import Callable, Generator

import cv2

from mvot_pipelines.sources.base import Source
from mvot_pipelines.sources.capture import (
    Timeline,
    decode_frames,
    hide_secrets,
    open_capture,
    rate_or_default,
    read_first_size,
)
from mvot_plugin.types import Frame

__all__ = ["LiveSource"]


class LiveSource(Source):
    """A camera or a network stream; timestamps are seconds on ``clock`` since iteration began.

    The length is unknown. A stream without frames for some seconds has ended.
    """

    length = None

    def __init__(
        self,
        address: int | str,
        *,
        frame_rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"camera {address}" if isinstance(address, int) else hide_secrets(address)
        self._clock, self._forced_rate = clock, frame_rate
        hint = "check that it is there, running, and not in use by another program"
        self._capture = open_capture(address, f"{self.name} cannot be opened: {hint}")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.size = read_first_size(self._capture, self.name)
        self.frame_rate = frame_rate or rate_or_default(self._capture.get(cv2.CAP_PROP_FPS))

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self.frame_rate, forced=self._forced_rate is not None)
        start = self._clock()
        for index, (_, image) in enumerate(decode_frames(self._capture, self._clock)):
            timestamp = timeline.timestamp(index, self._clock() - start)
            yield Frame(image=image, index=index, timestamp=timestamp)

    def close(self) -> None:
        """Release the camera or the connection; a second call does nothing."""
        super().close()
        self._capture.release()
