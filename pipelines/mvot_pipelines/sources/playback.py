"""Recordings that are played as a camera would: frames do not wait."""

import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace

from mvot_pipelines.sources.base import Source
from mvot_pipelines.sources.newest import NewestFrame
from mvot_plugin.types import Frame

__all__ = ["Playback"]

_POLL_SECONDS = 0.1


class Playback(Source):
    """A recording at its own rate: each frame comes when its time has come, and is then replaced.

    Indices and timestamps are the recording's own; frames that nobody took in time are counted.

    Args:
        recording: The recording; it is closed with this source.
        clock: Returns seconds.

    Examples:
        >>> import cv2
        >>> import numpy as np
        >>> from mvot_pipelines import open_source
        >>> from mvot_pipelines.sources import Playback
        >>> for index in range(3):
        ...     _ = cv2.imwrite(f"{index}.png", np.full((48, 64, 3), 40 * index, np.uint8))
        >>> with Playback(open_source(".", frame_rate=25)) as frames:
        ...     last = [frame.index for frame in frames][-1]
        >>> last
        2
    """

    is_live = True

    def __init__(self, recording: Source, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.files, self.length = recording.name, recording.files, recording.length
        self.frame_rate, self.size = recording.frame_rate, recording.size
        self._recording, self._clock = recording, clock

    def _frames(self) -> Generator[Frame, None, None]:
        self._newest = newest = NewestFrame(self._play)
        try:
            while True:
                frame = newest.take(_POLL_SECONDS)
                self.dropped = newest.dropped
                if frame is not None:
                    yield frame
                elif newest.has_ended:
                    return
        finally:
            newest.stop()

    def _play(self, stopped: threading.Event) -> Generator[Frame, None, None]:
        """The frames, each when its time has come; runs in the thread."""
        start: float | None = None
        try:
            for frame in self._recording:
                start = self._clock() - frame.timestamp if start is None else start
                while (wait := start + frame.timestamp - self._clock()) > 0:
                    if stopped.wait(wait):
                        return
                yield replace(frame, captured=self._clock())
        finally:
            self._recording.close()
