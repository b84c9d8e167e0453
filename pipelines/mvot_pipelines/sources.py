"""Where frames come from: video files, image folders, MOT sequences, cameras and streams.

Every source streams: one frame is in memory at a time, whatever the length of the video.
"""

import configparser
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import cv2

from mvot_pipelines.capture import (
    DEFAULT_RATE,
    Timeline,
    decoded,
    first_size,
    list_images,
    open_capture,
    opened_video,
    plausible_rate,
    read_image,
    size_of,
    without_secrets,
)
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Frame

__all__ = ["ImageSource", "LiveSource", "Source", "TruncatedError", "VideoSource", "open_source"]

_URL = re.compile(r"(rtsps?|rtmps?|https?)://", re.IGNORECASE)

SourceT = TypeVar("SourceT", bound="Source")


class TruncatedError(InputError):
    """A video that ends early or has damaged stretches; raised after its last good frame."""


class Source(ABC):
    """Frames in order; each new iteration over a file starts at its first frame again.

    ``name`` is short and for people; ``size`` is ``(width, height)`` in pixels; ``length`` is the
    number of frames to expect, None where nobody knows. Indices count from 0 and leave out what
    could not be decoded; timestamps are in seconds and increase strictly.
    """

    name: str
    frame_rate: float
    size: tuple[int, int]
    length: int | None
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
        """Release the file or device, and end the iteration under way; twice is fine."""
        self._stop()

    def __enter__(self: SourceT) -> SourceT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class VideoSource(Source):
    """A video file; timestamps are the file's own, so a variable frame rate is kept.

    With ``frame_rate``, timestamps are index / frame_rate instead. ``limit`` ends it early.
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
        with opened_video(path) as capture:
            self.size = first_size(capture, str(path))
            self._file_rate = plausible_rate(capture.get(cv2.CAP_PROP_FPS))
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_rate = frame_rate or self._file_rate
        counted = int(count) if 0 < count < 1e9 else None
        self.length = min((n for n in (counted, limit) if n is not None), default=None)

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self.frame_rate, forced=self._forced_rate is not None)
        read, index, seconds = 0, -1, 0.0
        with opened_video(self.path) as capture:
            for index, image in decoded(capture):
                seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                read += 1
                yield Frame(image=image, index=index, timestamp=timeline.at(index, seconds))
                if index + 1 == self._limit:
                    break
        skipped = index + 1 - read
        self._check_complete(read, skipped, last=max(index, round(seconds * self._file_rate)))

    def _check_complete(self, read: int, skipped: int, last: int) -> None:
        """Compare with what the container promised: an estimate, so a little less will do.

        ``last`` is where the last frame lay, by its number or by its time, whichever is later:
        where the frame rate varies, the promise is a mere duration times a rate.
        """
        expected = self.length or 0
        missing = skipped + max(0, expected - 1 - last)
        if missing > max(2.0, 0.02 * expected):
            raise TruncatedError(
                f"{self.path} is damaged or cut short: only {read} of {read + missing} frames "
                "could be read, and the results hold those alone; copy it here again for the rest"
            )


class ImageSource(Source):
    """The given image files in their order, all of one size; time is index / frame_rate."""

    def __init__(self, paths: list[Path], *, name: str, frame_rate: float | None = None) -> None:
        self._paths, self.name = paths, name
        self.frame_rate = frame_rate or DEFAULT_RATE
        self.length = len(paths)
        self.size = size_of(read_image(paths[0]))

    def _frames(self) -> Generator[Frame, None, None]:
        for index, path in enumerate(self._paths):
            image = read_image(path)
            if size_of(image) != self.size:
                raise InputError(
                    f"{path} is {size_of(image)} pixels and {self._paths[0]} is {self.size}: "
                    "the images of one folder must have one size; resize or remove it"
                )
            yield Frame(image=image, index=index, timestamp=index / self.frame_rate)


class LiveSource(Source):
    """A camera or a network stream; timestamps are seconds on ``clock`` since iteration began.

    The length is unknown. A stream that ends, or falls silent for some seconds, simply ends.
    """

    length = None

    def __init__(
        self,
        address: int | str,
        *,
        frame_rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"camera {address}" if isinstance(address, int) else without_secrets(address)
        self._clock, self._forced_rate = clock, frame_rate
        hint = "check that it is there, running, and not in use by another program"
        self._capture = open_capture(address, f"{self.name} cannot be opened: {hint}")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.size = first_size(self._capture, self.name)
        self.frame_rate = frame_rate or plausible_rate(self._capture.get(cv2.CAP_PROP_FPS))

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self.frame_rate, forced=self._forced_rate is not None)
        start = self._clock()
        for index, (_, image) in enumerate(decoded(self._capture, self._clock)):
            timestamp = timeline.at(index, self._clock() - start)
            yield Frame(image=image, index=index, timestamp=timestamp)

    def close(self) -> None:
        """Release the camera or the connection; twice is fine."""
        super().close()
        self._capture.release()


def open_source(
    spec: str | Path | int,
    *,
    frame_rate: float | int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Source:
    """Open a video file, an image folder, a MOT sequence folder, a camera number or a stream URL.

    A folder with ``seqinfo.ini`` or ``img1/`` is a MOT sequence. ``frame_rate`` overrides what
    the source says of itself; timestamps are index / frame_rate then. ``clock`` times live
    sources. A string of digits is a camera: write ``./0`` for a folder of that name.

    Raises ``InputError`` if it cannot be opened, ``UsageError`` for an impossible frame rate.
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
        place, reason = error.filename or path, error.strerror or error
        hint = "check what it is and its permissions"
        raise InputError(f"{place} cannot be read: {reason}; {hint}") from error


def _open_sequence(folder: Path, frame_rate: float | None) -> Source:
    """A MOTChallenge sequence: its ``seqinfo.ini`` governs the frame rate and the length."""
    ini, name = folder / "seqinfo.ini", folder.resolve().name
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(ini, encoding="utf-8-sig")
        if "Sequence" not in parser:
            raise configparser.NoSectionError("Sequence")
        info = parser["Sequence"]
        rate = frame_rate or float(info.get("frameRate", str(DEFAULT_RATE)))
        limit = int(info["seqLength"]) if "seqLength" in info else None
    except (configparser.Error, ValueError) as error:
        reason = " ".join(str(error).split())
        hint = "correct or remove it"
        raise InputError(f"{ini} does not describe a MOT sequence: {reason}; {hint}") from error
    if not 0 < rate < float("inf") or (limit is not None and limit < 1):
        raise InputError(f"{ini}: frameRate and seqLength must be positive numbers")
    if "video" in info:
        return VideoSource(folder / info["video"], frame_rate=rate, name=name, limit=limit)
    images = list_images(folder / info.get("imDir", "img1"))[:limit]
    return ImageSource(images, name=name, frame_rate=rate)
