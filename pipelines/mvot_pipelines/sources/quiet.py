"""Keeping OpenCV and FFmpeg from writing to stderr, also where several threads use them."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import cv2

__all__ = ["silence_log", "silence_opencv"]


class _SharedContext:
    """A context that the first of several threads enters, and the last one leaves."""

    def __init__(self, make: Callable[[], AbstractContextManager[None]]) -> None:
        self._make, self._lock, self._users = make, threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            if self._users == 0:
                self._context = self._make()
                self._context.__enter__()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._context.__exit__(None, None, None)


@contextmanager
def _set_log_level() -> Iterator[None]:
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


@contextmanager
def _set_ffmpeg_level() -> Iterator[None]:
    variable = "OPENCV_FFMPEG_LOGLEVEL"
    is_unset = variable not in os.environ
    if is_unset:
        os.environ[variable] = "-8"
    try:
        yield
    finally:
        if is_unset:
            del os.environ[variable]


_LOG, _FFMPEG = _SharedContext(_set_log_level), _SharedContext(_set_ffmpeg_level)


@contextmanager
def silence_log() -> Iterator[None]:
    """Keep OpenCV from writing to stderr within a ``with`` statement."""
    with _LOG:
        yield


@contextmanager
def silence_opencv() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from writing to stderr within a ``with`` statement.

    FFmpeg takes its log level from the environment, when OpenCV opens the first video of the
    process; the variable is set just for that moment, and a user's own setting is kept.
    """
    with _LOG, _FFMPEG:
        yield
