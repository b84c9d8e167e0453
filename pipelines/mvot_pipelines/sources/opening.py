"""Opening a source by a path, a camera number or a URL."""

import time
from collections.abc import Callable
from pathlib import Path

from mvot_pipelines.sources.base import Source
from mvot_pipelines.sources.capture import count_frames, is_url, open_stream, read_beginning
from mvot_pipelines.sources.files import (
    UnreadableImageError,
    check_file,
    check_name,
    is_image,
    list_images,
)
from mvot_pipelines.sources.files.headers import is_animation
from mvot_pipelines.sources.files.seqinfo import read_sequence_info
from mvot_pipelines.sources.limits import FRAME_RATES, LimitsConfig
from mvot_pipelines.sources.live import LiveSource
from mvot_pipelines.sources.playback import Playback
from mvot_pipelines.sources.recordings import ImageSource, VideoSource
from mvot_plugin.errors import InputError, UsageError

__all__ = ["open_source"]

_MOST_DIGITS = 20
"""Of a camera number: no camera has so many, and Python reads no number of thousands."""


def open_source(
    spec: str | Path | int,
    *,
    frame_rate: float | int | None = None,
    clock: Callable[[], float] = time.monotonic,
    live: bool = False,
    reconnect: float | int = 30.0,
    limits: LimitsConfig | None = None,
) -> Source:
    """Open a video file, an image folder, a MOT sequence folder, a camera number or a URL.

    A file at a URL (http) is read like any other file, and loses no frame; a URL without a known
    number of frames is a stream.

    Args:
        spec: a path, a camera number or a URL (rtsp, rtmp, http). A folder with ``seqinfo.ini``
            or ``img1/`` is a MOT sequence; a string of digits is a camera, so write ``./0`` for
            a folder of that name.
        frame_rate: frames per second instead of the source's own; timestamps of recordings are
            then index / frame_rate.
        clock: returns seconds; timestamps of cameras and streams are taken from it.
        live: play a file or folder as a camera would, at its own rate, where frames that nobody
            takes in time are dropped; cameras and streams always are like that.
        reconnect: for how many seconds to go on trying when a camera or stream is lost; 0 for
            not at all.
        limits: how large an image may be, and how long to wait for one.

    Returns:
        A source; use it in a ``with`` statement, or close it.

    Raises:
        InputError: if it cannot be opened.
        UsageError: for a frame rate that is not in 0.001 to 10000, or a negative ``reconnect``.

    Examples:
        >>> import cv2
        >>> import numpy as np
        >>> from mvot_pipelines import open_source
        >>> for index in range(3):
        ...     _ = cv2.imwrite(f"{index}.png", np.full((48, 64, 3), 40 * index, np.uint8))
        >>> with open_source(".", frame_rate=25) as frames:
        ...     print([frame.timestamp for frame in frames])
        [0.0, 0.04, 0.08]
    """
    if frame_rate is not None:
        FRAME_RATES.check(frame_rate, "the frame rate")
    if not reconnect >= 0:
        raise UsageError(f"seconds to reconnect must be 0 or more, not {reconnect}")
    rate = None if frame_rate is None else float(frame_rate)
    limits = limits or LimitsConfig()
    if isinstance(spec, str) and spec.isdecimal():
        spec = int(spec[:_MOST_DIGITS])
    if isinstance(spec, int) or (isinstance(spec, str) and is_url(spec)):
        source = _open_address(spec, rate, clock, reconnect, limits)
    else:
        source = _open_path(Path(spec), rate, limits)
    return Playback(source, clock=clock) if live and not source.is_live else source


def _open_address(
    address: int | str,
    rate: float | None,
    clock: Callable[[], float],
    reconnect: float | int,
    limits: LimitsConfig,
) -> Source:
    """Open a camera, a stream, or a file at a URL."""
    capture = open_stream(address, limits)
    is_http = str(address).lower().startswith("http")
    if isinstance(address, str) and is_http and count_frames(capture):
        capture.release()
        return VideoSource(address, frame_rate=rate, limits=limits)
    return LiveSource(
        address,
        frame_rate=rate,
        clock=clock,
        reconnect=reconnect,
        limits=limits,
        capture=capture,
    )


def _open_path(path: Path, rate: float | None, limits: LimitsConfig) -> Source:
    """Open a file or folder."""
    check_name(path)
    try:
        if not path.is_dir():
            return _open_file(path, rate, limits)
        if (path / "seqinfo.ini").exists():
            sequence = _open_sequence(path, rate, limits)
            sequence.files = (path / "seqinfo.ini", *sequence.files)
            return sequence
        folder = path / "img1" if (path / "img1").is_dir() else path
        name = path.resolve().name
        return ImageSource(list_images(folder), name=name, frame_rate=rate, limits=limits)
    except FileNotFoundError as error:
        missing = error.filename or path
        raise InputError(f"{missing}: no such file or folder; check the spelling") from None
    except OSError as error:
        culprit, reason = error.filename or path, error.strerror or error
        hint = "check what it is and its permissions"
        raise InputError(f"{culprit} cannot be read: {reason}; {hint}") from error


def _open_file(path: Path, rate: float | None, limits: LimitsConfig) -> Source:
    """Open a video or an image; an animation, and an image that FFmpeg alone reads, is a video."""
    check_file(path)
    if not is_image(path) or is_animation(read_beginning(path)):
        return VideoSource(path, frame_rate=rate, limits=limits)
    try:
        return ImageSource([path], name=path.name, frame_rate=rate, limits=limits)
    except UnreadableImageError as error:
        try:
            return VideoSource(path, frame_rate=rate, limits=limits)
        except InputError:
            raise error from None


def _open_sequence(folder: Path, frame_rate: float | None, limits: LimitsConfig) -> Source:
    """Open a MOTChallenge sequence, with the frame rate and length of its ``seqinfo.ini``."""
    info, name = read_sequence_info(folder, frame_rate), folder.resolve().name
    rate = info.frame_rate
    if info.video is not None:
        length = info.length
        return VideoSource(info.video, frame_rate=rate, name=name, limit=length, limits=limits)
    images = list_images(info.images)[: info.length]
    return ImageSource(images, name=name, frame_rate=rate, limits=limits)
