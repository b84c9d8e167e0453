"""Keeping OpenCV and the C libraries in it from writing to stderr, also in several threads."""

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache

import cv2

__all__ = ["silence_libraries", "silence_log", "silence_opencv"]


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
def _set_opencv_level() -> Iterator[None]:
    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


@contextmanager
def _set_stderr() -> Iterator[None]:
    with ExitStack() as stack:
        if (streams := _find_streams()) is not None:
            stderr, null = streams
            stack.callback(setattr, stderr, "value", stderr.value)
            stderr.value = null
        yield


@cache
def _find_streams() -> tuple[ctypes.c_void_p, int] | None:
    """C's variable ``stderr``, and a stream that leads nowhere; None where there is none to set.

    libpng, libjpeg and FFmpeg print to what the variable names, and Python prints to the file
    number 2, which stays: nothing of Python's is lost, in whatever thread.
    """
    if sys.platform == "win32":
        return None
    library = ctypes.CDLL(None)
    if sys.platform != "darwin" and not hasattr(library, "gnu_get_libc_version"):
        return None  # other libraries keep it where it cannot be written
    library.fopen.restype = ctypes.c_void_p
    null = library.fopen(os.devnull.encode(), b"w")
    name = "__stderrp" if sys.platform == "darwin" else "stderr"
    return (ctypes.c_void_p.in_dll(library, name), null) if null else None


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


_OPENCV, _FFMPEG = _SharedContext(_set_opencv_level), _SharedContext(_set_ffmpeg_level)
_STDERR = _SharedContext(_set_stderr)


@contextmanager
def silence_log() -> Iterator[None]:
    """Keep OpenCV itself from writing to stderr: where one may wait long, so that others can."""
    with _OPENCV:
        yield


@contextmanager
def silence_libraries() -> Iterator[None]:
    """Keep OpenCV and what it decodes with from writing to stderr within a ``with`` statement."""
    with _OPENCV, _STDERR:
        yield


@contextmanager
def silence_opencv() -> Iterator[None]:
    """The same where a video is opened, and FFmpeg's threads stay quiet afterwards.

    FFmpeg takes its log level from the environment, when OpenCV opens the first video of the
    process; the variable is set just for that moment, and a user's own setting is kept.
    """
    with _OPENCV, _STDERR, _FFMPEG:
        yield
