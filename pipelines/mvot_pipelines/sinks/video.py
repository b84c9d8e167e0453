"""Sinks that draw the tracks over the video: into a video file, or into a window."""

import math
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from mvot_pipelines.sinks.base import Sink, StopRun, claim_output
from mvot_pipelines.sinks.overlay import Painter
from mvot_pipelines.sources.capture import silence_opencv
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

__all__ = ["OverlayVideoSink", "WindowSink"]

_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
_FRAMES_PER_DISK_CHECK = 25
_SPARE_BYTES = 16 << 20
_LONGEST_REPEAT = 2.0
"""Seconds."""
_QUIT_KEYS = frozenset({ord("q"), ord("Q"), 27})
_LARGEST_WINDOW = (1600, 900)


class OverlayVideoSink(Sink):
    """Writes the video with its tracks, as MPEG-4 in ``.mp4`` or as motion JPEG in ``.avi``.

    The codecs need an even width and height: odd ones are padded by a repeated column or row.
    OpenCV does not report failed writes, so the free disk space is checked on the way, and the
    number of frames in the finished file at the end.

    With ``keep_time``, for sources that drop frames, each frame is repeated until the time of the
    next one, for two seconds at most.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        frame_rate: float | int,
        size: tuple[int, int],
        class_names: Mapping[int, str] | None = None,
        keep_time: bool = False,
    ) -> None:
        self._path, self._rate, self._keep_time = Path(path), frame_rate, keep_time
        self._image: np.ndarray | None = None
        self._left_out = 0
        codec = _CODECS.get(self._path.suffix.lower())
        if codec is None:
            raise OutputError(f"cannot write {path}: a video must end in {' or '.join(_CODECS)}")
        self._size, self._written, self._open = size, 0, True
        self._painter = Painter(frame_rate=frame_rate, class_names=class_names)
        claim_output(self._path).close()
        self._check_disk()
        even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        fourcc = cv2.VideoWriter.fourcc(*codec)
        with silence_opencv():
            self._writer = cv2.VideoWriter(str(self._path.resolve()), fourcc, frame_rate, even)
        if not self._writer.isOpened():
            self._path.unlink()
            raise OutputError(
                f"cannot write {path}: OpenCV cannot encode {codec} video of "
                f"{even[0]}x{even[1]} pixels at {frame_rate:g} frames per second; "
                f"try another frame rate or ending ({' or '.join(_CODECS)})"
            )

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw and encode one frame of the size given on construction."""
        if frame.size != self._size:
            raise OutputError(
                f"cannot write {self._path}: frame {frame.index} is {frame.size} pixels, but the "
                f"video has {self._size}; all frames of a video must have one size"
            )
        if self._keep_time and math.isfinite(frame.timestamp):
            self._repeat_until(frame.timestamp)
        image = self._painter.paint(frame, tracks)
        width, height = frame.size
        if width % 2 or height % 2:
            border = (0, height % 2, 0, width % 2)
            image = np.asarray(cv2.copyMakeBorder(image, *border, cv2.BORDER_REPLICATE), np.uint8)
        self._encode(image)
        self._image = image

    def _repeat_until(self, timestamp: float) -> None:
        """Repeat the last frame until the time of the next one, in seconds."""
        missing = round(timestamp * self._rate) - self._written - self._left_out
        repeats = min(missing, round(_LONGEST_REPEAT * self._rate))
        self._left_out += max(missing - repeats, 0)
        if self._image is not None:
            for _ in range(repeats):
                self._encode(self._image)

    def _encode(self, image: np.ndarray) -> None:
        """Encode a drawn frame, where there is room for it."""
        if self._written % _FRAMES_PER_DISK_CHECK == 0:
            self._check_disk()
        self._writer.write(image)
        self._written += 1

    def _check_disk(self) -> None:
        """Raise ``OutputError`` early enough that the file can still be finished.

        A compressed pixel takes at most a byte.
        """
        needed = _SPARE_BYTES + _FRAMES_PER_DISK_CHECK * math.prod(self._size)
        if shutil.disk_usage(self._path.parent).free < needed:
            hint = "free some space or write elsewhere"
            raise OutputError(f"cannot write {self._path}: the disk is nearly full; {hint}")

    def close(self) -> None:
        """Finish the file and check that it holds all frames; a second call does nothing."""
        if not self._open:
            return
        self._open = False
        self._writer.release()
        with silence_opencv():
            video = cv2.VideoCapture(str(self._path.resolve()))
        readable = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
        video.release()
        if readable < self._written:
            raise OutputError(
                f"{self._path} holds only {readable} of {self._written} frames: check that the "
                "disk is not full, and run again"
            )


class WindowSink(Sink):
    """Shows each frame in a window; q, Esc or closing it raises ``StopRun``."""

    def __init__(
        self,
        title: str,
        *,
        frame_rate: float | int = 25.0,
        class_names: Mapping[int, str] | None = None,
    ) -> None:
        self._title, self._open, self._resized = title, True, False
        self._painter = Painter(frame_rate=frame_rate, class_names=class_names)
        message = f"cannot open the window {title!r}: there is no display; write a file instead"
        if not _has_display():  # without one, Qt ends the whole process
            raise OutputError(message)
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise OutputError(message) from error

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Show one frame; raises ``StopRun`` if the user wants to stop."""
        if not self._resized:
            width, height = frame.size
            fit = min(1.0, _LARGEST_WINDOW[0] / width, _LARGEST_WINDOW[1] / height)
            cv2.resizeWindow(self._title, round(fit * width), round(fit * height))
            self._resized = True
        cv2.imshow(self._title, self._painter.paint(frame, tracks))
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


def _has_display() -> bool:
    x11_or_wayland = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform in ("darwin", "win32") or bool(x11_or_wayland)
