"""The time of a video, whatever its timestamps are."""

import math
from dataclasses import replace

from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

__all__ = ["VideoClock"]

_LONGEST_PAUSE = 3600.0
"""Seconds that pass at most from one frame to the next; each target has ended long before."""


class VideoClock:
    """Time that passes from frame to frame: 0 on the first, never back, at most an hour at once.

    A frame that is timed before the last one, as when a file begins anew, is taken to be the next.

    Args:
        frame_rate: frames per second, for those frames.

    Raises:
        UsageError: for a ``frame_rate`` that is not above 0.
    """

    def __init__(self, frame_rate: float) -> None:
        if not frame_rate > 0:
            raise UsageError(f"frame_rate must be above 0, got {frame_rate:g}")
        self._period = 1 / frame_rate
        self._now, self._last = 0.0, math.nan
        self._origin = self._start = 0.0

    def put(self, frame: Frame) -> Frame:
        """The next frame, at the time of this clock."""
        time, pause = frame.timestamp, frame.timestamp - self._last
        if not 0 <= pause <= _LONGEST_PAUSE:
            passed = self._period if pause < 0 else _LONGEST_PAUSE
            self._start = 0.0 if math.isnan(pause) else self._now + passed
            self._origin = time
        self._last, self._now = time, self._start + (time - self._origin)
        return frame if self._now == time else replace(frame, timestamp=self._now)
