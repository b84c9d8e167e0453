"""Sources of frames: video files, image folders, MOT sequences, cameras and streams.

Every source streams: one frame is in memory at a time.
"""

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import cv2

from mvot_pipelines.capture import (
    DEFAULT_FRAME_RATE,
    Timeline,
    decode_frames,
    hide_secrets,
    image_size,
    list_images,
    open_capture,
    open_video,
    rate_or_default,
    read_first_size,
    read_image,
)
from mvot_pipelines.seqinfo import read_sequence_info
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Frame

__all__ = ["ImageSource", "LiveSource", "Source", "TruncatedError", "VideoSource", "open_source"]

_URL = re.compile(r"(rtsps?|rtmps?|https?)://", re.IGNORECASE)

SourceT = TypeVar("SourceT", bound="Source")


class TruncatedError(InputError):
    """A video ends early or has damaged stretches; raised after its last readable frame."""


class Source(ABC):
    """An iterable of frames in order, and a context manager.

    Each iteration over files starts at their first frame. Frames are BGR uint8 of shape (height,
    width, 3); their indices count from 0 and skip what could not be decoded; their timestamps are
    in seconds and increase strictly.

    Raises (while iterating):
        InputError: for a frame that cannot be read, or a video that is cut short; raised after
            the last readable frame.
    """

    name: str
    """A short name for messages and output files."""
    frame_rate: float
    """Frames per second."""
    size: tuple[int, int]
    """(width, height) in pixels."""
    length: int | None
    """The expected number of frames; None where it is unknown."""
    path: Path | None = None
    """The file that is read, if it is one file."""
    _running: Generator[Frame, None, None] | None = None

    @abstractmethod
    def _frames(self) -> Generator[Frame, None, None]: ...

    def __iter__(self) -> Iterator[Frame]:
        self._stop()
        self._running = self._frames()
        return self._running

    def _stop(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def close(self) -> None:
        """Release the file or device, and end a running iteration; a second call does nothing."""
        self._stop()

    def __enter__(self: SourceT) -> SourceT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class VideoSource(Source):
    """A video file; timestamps are the file's own, so a variable frame rate is kept.

    With ``frame_rate``, timestamps are index / frame_rate instead. ``limit`` is the largest
    number of frames.
    """

    path: Path

    def __init__(
        self,
        path: Path,
        *,
        frame_rate: float | None = None,
        name: str | None = None,
        limit: int | None = None,
    ) -> None:
        self.path, self._forced_rate, self._limit = path, frame_rate, limit
        self.name = name or path.name
        path.open("rb").close()  # OpenCV does not say why it cannot open a file
        with open_video(path) as capture:
            self.size = read_first_size(capture, str(path))
            self._file_rate = rate_or_default(capture.get(cv2.CAP_PROP_FPS))
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_rate = frame_rate or self._file_rate
        reported = int(count) if 0 < count < 1e9 else None
        self.length = min((n for n in (reported, limit) if n is not None), default=None)

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self.frame_rate, forced=self._forced_rate is not None)
        read, index, seconds = 0, -1, 0.0
        with open_video(self.path) as capture:
            for index, image in decode_frames(capture):
                seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                read += 1
                yield Frame(image=image, index=index, timestamp=timeline.timestamp(index, seconds))
                if index + 1 == self._limit:
                    break
        skipped = index + 1 - read
        self._check_complete(read, skipped, last=max(index, round(seconds * self._file_rate)))

    def _check_complete(self, read: int, skipped: int, last: int) -> None:
        """Compare with the length by the container, which is an estimate: 2 % may be missing.

        ``last`` is the index of the last frame, by its number or its time, whichever is later:
        where the frame rate varies, the length is computed from the duration and the rate.
        """
        expected = self.length or 0
        missing = skipped + max(0, expected - 1 - last)
        if missing > max(2.0, 0.02 * expected):
            raise TruncatedError(
                f"{self.path} is damaged or cut short: only {read} of {read + missing} frames "
                "could be read, and the results hold those alone; copy it here again for the rest"
            )


class ImageSource(Source):
    """Image files of one size, in the given order; timestamps are index / frame_rate."""

    def __init__(self, paths: list[Path], *, name: str, frame_rate: float | None = None) -> None:
        self._paths, self.name = paths, name
        self.frame_rate = frame_rate or DEFAULT_FRAME_RATE
        self.length = len(paths)
        self.size = image_size(read_image(paths[0]))

    def _frames(self) -> Generator[Frame, None, None]:
        for index, path in enumerate(self._paths):
            image = read_image(path)
            if image_size(image) != self.size:
                raise InputError(
                    f"{path} is {image_size(image)} pixels and {self._paths[0]} is {self.size}: "
                    "the images of one folder must have one size; resize or remove it"
                )
            yield Frame(image=image, index=index, timestamp=index / self.frame_rate)


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


def open_source(
    spec: str | Path | int,
    *,
    frame_rate: float | int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Source:
    """Open a video file, an image folder, a MOT sequence folder, a camera number or a stream URL.

    Args:
        spec: a path, a camera number or a URL (rtsp, rtmp, http). A folder with ``seqinfo.ini``
            or ``img1/`` is a MOT sequence; a string of digits is a camera, so write ``./0`` for
            a folder of that name.
        frame_rate: frames per second instead of the source's own; timestamps are then
            index / frame_rate.
        clock: returns seconds; timestamps of cameras and streams are taken from it.

    Returns:
        A source; use it in a ``with`` statement, or close it.

    Raises:
        InputError: if it cannot be opened.
        UsageError: for a frame rate that is not positive and finite.
    """
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise UsageError(f"the frame rate must be a positive number or left out, not {frame_rate}")
    rate = None if frame_rate is None else float(frame_rate)
    if isinstance(spec, str) and spec.isdecimal():
        spec = int(spec)
    if isinstance(spec, int) or (isinstance(spec, str) and _URL.match(spec)):
        return LiveSource(spec, frame_rate=rate, clock=clock)
    path = Path(spec)
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
