"""Where frames come from: video files, image folders, MOT sequences, cameras and streams.

Every source streams: one frame is in memory at a time, whatever the length of the video.
"""

import configparser
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import cv2
import numpy as np

from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Frame

__all__ = ["ImageSource", "LiveSource", "Source", "TruncatedError", "VideoSource", "open_source"]

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
DEFAULT_RATE = 25.0

# Within a damaged stretch every read fails until the next key frame, 250 frames away at most by
# the habits of encoders; at the end of a file, failing this often takes some milliseconds.
_MAX_FAILED_READS = 300
_MAX_SILENCE_SECONDS = 5.0

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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class VideoSource(Source):
    """A video file; timestamps are the file's own, so a variable frame rate is kept.

    With ``frame_rate``, timestamps are index / frame_rate instead. ``limit`` ends it early.
    """

    def __init__(
        self,
        path: Path,
        *,
        frame_rate: float | None = None,
        name: str | None = None,
        limit: int | None = None,
    ) -> None:
        self._path, self._forced_rate, self._limit = path, frame_rate, limit
        self.name = name or path.name
        path.open("rb").close()  # OpenCV does not say why it cannot open a file
        with self._capture() as capture:
            self.size = _first_size(capture, str(path))
            self._file_rate = _plausible_rate(capture.get(cv2.CAP_PROP_FPS))
            count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frame_rate = frame_rate or self._file_rate
        counted = int(count) if 0 < count < 1e9 else None
        self.length = min((n for n in (counted, limit) if n is not None), default=None)

    @contextmanager
    def _capture(self) -> Iterator[cv2.VideoCapture]:
        complaint = f"{self._path} cannot be opened: it is not a video, or cut short"
        capture = _opened(str(self._path.resolve()), complaint)
        try:
            yield capture
        finally:
            capture.release()

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = _Timeline(self.frame_rate, forced=self._forced_rate is not None)
        read, index, seconds = 0, -1, 0.0
        with self._capture() as capture:
            for index, image in _decoded(capture, time.monotonic):
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
                f"{self._path} is damaged or cut short: only {read} of {read + missing} frames "
                "could be read, and the results hold those alone"
            )


class ImageSource(Source):
    """The given image files in their order, all of one size; time is index / frame_rate."""

    def __init__(self, paths: list[Path], *, name: str, frame_rate: float | None = None) -> None:
        self._paths = paths
        self.name = name
        self.frame_rate = frame_rate or DEFAULT_RATE
        self.length = len(paths)
        self.size = _size_of(_read_image(paths[0]))

    def _frames(self) -> Generator[Frame, None, None]:
        for index, path in enumerate(self._paths):
            image = _read_image(path)
            if _size_of(image) != self.size:
                raise InputError(
                    f"{path} is {_size_of(image)} pixels and {self._paths[0]} is {self.size}: "
                    "the images of one folder must have one size"
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
        self.name = f"camera {address}" if isinstance(address, int) else _without_secrets(address)
        self._clock, self._forced_rate = clock, frame_rate
        hint = "check that it is there, running, and not in use by another program"
        self._capture = _opened(address, f"{self.name} cannot be opened: {hint}")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self.size = _first_size(self._capture, self.name)
        self.frame_rate = frame_rate or _plausible_rate(self._capture.get(cv2.CAP_PROP_FPS))

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = _Timeline(self.frame_rate, forced=self._forced_rate is not None)
        start = self._clock()
        for index, (_, image) in enumerate(_decoded(self._capture, self._clock)):
            timestamp = timeline.at(index, self._clock() - start)
            yield Frame(image=image, index=index, timestamp=timestamp)

    def close(self) -> None:
        """Release the camera or the connection; twice is fine."""
        super().close()
        self._capture.release()


def open_source(
    spec: str | Path | int,
    *,
    frame_rate: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Source:
    """Open a video file, an image folder, a MOT sequence folder, a camera number or a stream URL.

    A folder with ``seqinfo.ini`` or ``img1/`` is a MOT sequence. ``frame_rate`` overrides what
    the source says of itself; timestamps are index / frame_rate then. ``clock`` times live
    sources. A string of digits is a camera: write ``./0`` for a folder of that name.

    Raises ``InputError`` if it cannot be opened, ``UsageError`` for an impossible frame rate.
    """
    if frame_rate is not None and not 0 < frame_rate < float("inf"):
        raise UsageError(f"the frame rate must be a positive number, not {frame_rate}")
    if isinstance(spec, str) and (spec.isdecimal() or _URL.match(spec)):
        spec = int(spec) if spec.isdecimal() else spec
        return LiveSource(spec, frame_rate=frame_rate, clock=clock)
    if isinstance(spec, int):
        return LiveSource(spec, frame_rate=frame_rate, clock=clock)
    path = Path(spec)
    try:
        if not path.is_dir():
            return VideoSource(path, frame_rate=frame_rate)
        if (path / "seqinfo.ini").is_file() or (path / "img1").is_dir():
            return _open_sequence(path, frame_rate)
        return ImageSource(_images_in(path), name=path.resolve().name, frame_rate=frame_rate)
    except FileNotFoundError as error:
        missing = error.filename or path
        raise InputError(f"{missing}: no such file or folder; check the spelling") from None
    except OSError as error:
        raise InputError(f"{error.filename or path} cannot be read: {error.strerror}") from error


def _open_sequence(folder: Path, frame_rate: float | None) -> Source:
    """A MOTChallenge sequence: its ``seqinfo.ini`` governs the frame rate and the length."""
    ini = folder / "seqinfo.ini"
    name = folder.resolve().name
    if not ini.is_file():
        return ImageSource(_images_in(folder / "img1"), name=name, frame_rate=frame_rate)
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(ini, encoding="utf-8-sig")
        info = parser["Sequence"]
        rate = frame_rate or float(info.get("frameRate", str(DEFAULT_RATE)))
        limit = int(info["seqLength"]) if "seqLength" in info else None
    except (configparser.Error, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{ini} does not describe a MOT sequence: {reason}") from error
    if not 0 < rate < float("inf") or (limit is not None and limit < 1):
        raise InputError(f"{ini}: frameRate and seqLength must be positive numbers")
    if "video" in info:
        return VideoSource(folder / info["video"], frame_rate=rate, name=name, limit=limit)
    images = _images_in(folder / info.get("imDir", "img1"))[:limit]
    return ImageSource(images, name=name, frame_rate=rate)


class _Timeline:
    """Times that increase strictly: as measured, or by the frame rate where those do not."""

    def __init__(self, rate: float, *, forced: bool) -> None:
        self._rate, self._forced, self._last = rate, forced, -0.001

    def at(self, index: int, measured: float) -> float:
        if self._forced:
            return index / self._rate
        later = measured > self._last
        self._last = measured if later else max(index / self._rate, self._last + 0.001)
        return self._last


def _decoded(
    capture: cv2.VideoCapture, clock: Callable[[], float]
) -> Iterator[tuple[int, np.ndarray]]:
    """Frames with their places, which count the failed reads too.

    OpenCV answers a damaged packet and the end of the file alike, with a failed read; so the end
    is where reads keep failing.
    """
    index, failures, last = 0, 0, clock()
    while failures < _MAX_FAILED_READS and clock() - last < _MAX_SILENCE_SECONDS:
        good, image = capture.read()
        failures = 0 if good else failures + 1
        if good:
            yield index, image
            last = clock()
        index += 1


def _opened(address: int | str, complaint: str) -> cv2.VideoCapture:
    with quiet_opencv():
        capture = cv2.VideoCapture(address)
    if not capture.isOpened():
        raise InputError(complaint)
    return capture


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from writing to stderr: what is wrong, our errors say.

    FFmpeg takes its level from the environment only, and only when OpenCV opens the first video
    of the process; it is set just for that moment, and a user's own setting is left alone.
    """
    name, logging = "OPENCV_FFMPEG_LOGLEVEL", cv2.utils.logging
    ours = name not in os.environ
    if ours:
        os.environ[name] = "-8"
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
        if ours:
            del os.environ[name]


def _first_size(capture: cv2.VideoCapture, name: str) -> tuple[int, int]:
    for _, image in _decoded(capture, time.monotonic):
        return _size_of(image)
    raise InputError(f"{name} has no frame that can be decoded")


def _images_in(folder: Path) -> list[Path]:
    found = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    ]
    if not found:
        raise InputError(f"{folder} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(found, key=_natural)


def _natural(path: Path) -> tuple[list[int | str], str]:
    parts = re.split("([0-9]+)", path.name)
    return [int(p) if i % 2 else p.lower() for i, p in enumerate(parts)], path.name


def _read_image(path: Path) -> np.ndarray:
    try:
        with quiet_opencv():
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise InputError(f"{path} cannot be read as an image; replace or remove it")
    return image


def _plausible_rate(rate: float) -> float:
    """What a container or a driver says of its frame rate, if it can be true."""
    return rate if 0 < rate <= 1000 else DEFAULT_RATE


def _size_of(image: np.ndarray) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def _without_secrets(url: str) -> str:
    return re.sub("//[^/]*@", "//", url).split("?")[0]
