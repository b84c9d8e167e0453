"""The sink that shows the video with its tracks in a window."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import cv2

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.base import Sink, StopRun
from mvot_pipelines.sinks.overlay import Painter
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

__all__ = ["WindowSink", "can_open_window"]

_QUIT_KEYS = frozenset({ord("q"), ord("Q"), 27})
_LARGEST_WINDOW = (1600, 900)
_SECONDS = 20.0
"""In which a window must open."""


class WindowSink(Sink):
    """Shows each frame in a window.

    Args:
        title: of the window.
        frame_rate: frames per second, for the length of trails.
        class_names: the names of the classes by number, where the tracks have none.

    Raises:
        OutputError: where no window can be opened.
        StopRun: on ``write``, where the user pressed q or Esc, or closed the window.
    """

    def __init__(
        self,
        title: str,
        *,
        frame_rate: float | int = 25.0,
        class_names: Mapping[int, str] | None = None,
    ) -> None:
        self._title, self._open, self._resized = title, True, False
        self._painter = Painter(frame_rate=frame_rate, class_names=class_names)
        if not can_open_window():
            display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
            reason = f"the display {display!r} cannot be used" if display else "there is no display"
            raise OutputError(f"cannot open the window {title!r}: {reason}; write a file instead")
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Show one frame; raises ``StopRun`` if the user wants to stop."""
        if not self._resized:
            width, height = frame.size
            fit = min(1.0, _LARGEST_WINDOW[0] / width, _LARGEST_WINDOW[1] / height)
            cv2.resizeWindow(self._title, round(fit * width), round(fit * height))
            self._resized = True
        cv2.imshow(self._title, self._painter.paint(frame, tracks, counts))
        key = cv2.waitKey(1) & 0xFF
        closed = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        if closed or key in _QUIT_KEYS:
            raise StopRun

    def close(self) -> None:
        """Close the window; a second call does nothing."""
        if self._open:
            self._open = False
            with suppress(cv2.error):  # the user may have closed it already
                cv2.destroyWindow(self._title)


def can_open_window() -> bool:
    """Whether OpenCV can open a window; tried in another process, since Qt aborts if it cannot."""
    has_display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if sys.platform.startswith("linux") and not has_display:
        return False
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import cv2; cv2.namedWindow('mvot')"],
            cwd=Path(sys.executable).parent,  # no modules of the current folder
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
