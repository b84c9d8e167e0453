"""Opening a source by a path, a camera number or a URL."""

import time
from collections.abc import Callable
from pathlib import Path

from mvot_pipelines.sources.base import Source
from mvot_pipelines.sources.capture import count_frames, is_url, list_images, open_stream
from mvot_pipelines.sources.live import LiveSource
from mvot_pipelines.sources.playback import Playback
from mvot_pipelines.sources.recordings import ImageSource, VideoSource
from mvot_pipelines.sources.seqinfo import read_sequence_info
from mvot_plugin.errors import InputError, UsageError

__all__ = ["open_source"]


def open_source(
    spec: str | Path | int,
    *,
    frame_rate: float | int | None = None,
    clock: Callable[[], float] = time.monotonic,
    live: bool = False,
    reconnect: float | int = 30.0,
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

    Returns:
        A source; use it in a ``with`` statement, or close it.

    Raises:
        InputError: if it cannot be opened.
        UsageError: for a frame rate that is not positive and finite, or a negative ``reconnect``.
    """
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise UsageError(f"the frame rate must be a positive number or left out, not {frame_rate}")
    if not reconnect >= 0:
        raise UsageError(f"seconds to reconnect must be 0 or more, not {reconnect}")
    rate = None if frame_rate is None else float(frame_rate)
    if isinstance(spec, str) and spec.isdecimal():
        spec = int(spec)
    if isinstance(spec, int) or (isinstance(spec, str) and is_url(spec)):
        source = _open_address(spec, rate, clock, reconnect)
    else:
        source = _open_path(Path(spec), rate)
    return Playback(source, clock=clock) if live and not source.is_live else source


def _open_address(
    address: int | str, rate: float | None, clock: Callable[[], float], reconnect: float | int
) -> Source:
    """Open a camera, a stream, or a file at a URL."""
    capture = open_stream(address)
    is_http = str(address).lower().startswith("http")
    if isinstance(address, str) and is_http and count_frames(capture):
        capture.release()
        return VideoSource(address, frame_rate=rate)
    return LiveSource(address, frame_rate=rate, clock=clock, reconnect=reconnect, capture=capture)


def _open_path(path: Path, rate: float | None) -> Source:
    """Open a file or folder."""
    try:
        if not path.is_dir():
            return VideoSource(path, frame_rate=rate)
        if (path / "seqinfo.ini").is_file():
            return _open_sequence(path, rate)
        folder = path / "img1" if (path / "img1").is_dir() else path
        return ImageSource(list_images(folder), name=path.resolve().name, frame_rate=rate)
    except FileNotFoundError as error:
        missing = error.filename or path
        raise InputError(f"{missing}: no such file or folder; check the spelling") from None
    except OSError as error:
        culprit, reason = error.filename or path, error.strerror or error
        hint = "check what it is and its permissions"
        raise InputError(f"{culprit} cannot be read: {reason}; {hint}") from error


def _open_sequence(folder: Path, frame_rate: float | None) -> Source:
    """Open a MOTChallenge sequence, with the frame rate and length of its ``seqinfo.ini``."""
    info, name = read_sequence_info(folder, frame_rate), folder.resolve().name
    if info.video is not None:
        path = folder / info.video
        return VideoSource(path, frame_rate=info.frame_rate, name=name, limit=info.length)
    images = list_images(folder / info.image_folder)[: info.length]
    return ImageSource(images, name=name, frame_rate=info.frame_rate)
