"""Reading videos with OpenCV.

They are opened without messages on stderr, decoded beyond damaged packets, and get strictly
increasing timestamps.
"""

import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import cv2
import numpy as np

from mvot_pipelines.sources.files import check_file, is_image, plain_name
from mvot_pipelines.sources.files.headers import read_image_size
from mvot_pipelines.sources.limits import DEFAULT_FRAME_RATE, FRAME_RATES, LimitsConfig
from mvot_pipelines.sources.quiet import silence_libraries, silence_opencv
from mvot_plugin.errors import InputError, format_value

__all__ = [
    "Timeline",
    "check_video_file",
    "count_frames",
    "decode_frames",
    "hide_secrets",
    "image_size",
    "is_url",
    "open_capture",
    "open_stream",
    "open_video",
    "rate_or_default",
    "read_beginning",
    "read_first_image",
]

_PLAYLIST_SUFFIXES = frozenset({".m3u", ".m3u8", ".sdp"})
_URL = re.compile(r"(rtsps?|rtmps?|https?)://", re.IGNORECASE)
_TEXT = bytes({9, 10, 13, *range(32, 127)})
_HEADER_BYTES = 1 << 20
"""Of a file, which hold the size of an image even behind previews and colour profiles."""

# Within a damaged stretch every read fails until the next key frame, which most encoders place at
# most 250 frames away; at the end of a file, so many failures take some milliseconds.
_MAX_FAILED_READS = 300
_MOST_CAMERAS = 2**31
"""OpenCV takes no higher numbers."""
_LONGEST_GAP, _LONGEST_STEP_BACK = 1e6, 1.0
"""Seconds by which a clock may jump ahead or go back without having been set."""


class Timeline:
    """Strictly increasing timestamps: measured ones, corrected where they do not increase.

    Where the clock that measures was set, far back or by days ahead, time goes on by one frame.
    With ``forced``, timestamps are index / ``rate`` instead.
    """

    def __init__(self, rate: float, *, forced: bool) -> None:
        self._rate, self._forced = rate, forced
        self._index, self._last, self._offset = 0, -0.001, 0.0

    def timestamp(self, index: int, measured: float) -> float:
        """The timestamp of the frame ``index``, from the one that was measured; both in seconds."""
        if self._forced:
            return index / self._rate
        time, expected = measured + self._offset, self._last + (index - self._index) / self._rate
        if not -_LONGEST_STEP_BACK < time - self._last < _LONGEST_GAP:
            self._offset += expected - time if math.isfinite(time) else 0.0
            time = expected
        increases = time > self._last
        self._index = index
        self._last = time if increases else max(index / self._rate, self._last + 0.001)
        return self._last


def decode_frames(
    capture: cv2.VideoCapture,
    limits: LimitsConfig,
    clock: Callable[[], float] = time.monotonic,
    silence: Callable[[], AbstractContextManager[None]] = silence_libraries,
) -> Iterator[tuple[int, np.ndarray]]:
    """Decode frames, with their indices; failed reads count.

    OpenCV reports a damaged packet and the end of the file in the same way, by a failed read; so
    the end is assumed where reads keep failing, many times or for as long as ``limits.silence``.
    The first frame may take as long as opening: a stream is joined between its key frames.
    ``silence`` makes the context of each read.
    """
    index, failures, last, patience = 0, 0, clock(), limits.opening
    while failures < _MAX_FAILED_READS and clock() - last < patience:
        with silence():
            success, image = capture.read()
        failures = 0 if success else failures + 1
        if success:
            yield index, image
            last, patience = clock(), limits.silence
        index += 1


def open_capture(
    address: int | str, message: str, limits: LimitsConfig, parameters: Sequence[int] = ()
) -> cv2.VideoCapture:
    """Open a file, camera or URL; raises ``InputError`` with the message if that fails.

    ``parameters`` are OpenCV's properties, each followed by its value; for URLs and playlists only,
    which may keep one waiting.
    """
    with silence_opencv():
        has_ffmpeg = cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends()
        if isinstance(address, str) and _may_wait(address) and has_ffmpeg:
            opening, silence = int(1000 * limits.opening), int(1000 * limits.silence)
            timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, opening]
            timeouts += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, silence]
            capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, [*timeouts, *parameters])
        elif isinstance(address, str) and is_image(Path(address)) and has_ffmpeg:
            capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG)  # others read all of 1.png, 2.png
        else:
            capture = cv2.VideoCapture(address)
    if not capture.isOpened():
        raise InputError(message)
    return capture


def open_stream(address: int | str, limits: LimitsConfig) -> cv2.VideoCapture:
    """Open a camera or a URL with little delay: nothing is buffered by OpenCV.

    A decoder with several threads would keep back a frame for each of them.
    """
    _check_address(address)
    name = f"camera {address}" if isinstance(address, int) else hide_secrets(address)
    hint = "check that it is there, running, and not in use by another program"
    message = f"{name} cannot be opened: {hint}"
    capture = open_capture(address, message, limits, [cv2.CAP_PROP_N_THREADS, 1])
    _check_frame_size(capture, name, limits)
    if isinstance(address, int):
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture


def _check_address(address: int | str) -> None:
    """Raise ``InputError`` for what OpenCV would crash on."""
    if isinstance(address, int):
        if not 0 <= address < _MOST_CAMERAS:
            number = format_value(address)
            raise InputError(f"camera {number} does not exist: cameras are numbered from 0")
    elif not _is_plain(address):
        raise InputError(f"{format_value(address)} is no address: it holds what is no character")


def _is_plain(text: str) -> bool:
    """Whether a text is UTF-8 without null bytes, as C libraries expect it."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _may_wait(address: str) -> bool:
    """Whether what comes from an address may come late, or never."""
    return is_url(address) or Path(address).suffix.lower() in _PLAYLIST_SUFFIXES


def read_beginning(path: Path) -> bytes:
    """As much of a file as holds the headers of an image."""
    with path.open("rb") as file:
        return file.read(_HEADER_BYTES)


def check_video_file(path: Path, limits: LimitsConfig) -> None:
    """Raise ``InputError`` for plain text, and for an image of too many pixels.

    FFmpeg would decode the one as a video of characters, the other as a video of one frame.
    """
    check_file(path)
    start = read_beginning(path)
    text = start[:512]
    is_playlist = path.suffix.lower() in _PLAYLIST_SUFFIXES
    if text and not is_playlist and text.translate(None, _TEXT) == b"":
        raise InputError(f"{path} is not a video but a text file; name the video itself")
    if (size := read_image_size(start)) is not None:
        limits.check_size(path, *size)


@contextmanager
def open_video(address: Path | str, limits: LimitsConfig) -> Iterator[cv2.VideoCapture]:
    """Open a video file, or one at a URL, for a ``with`` statement."""
    hint = "check that it plays in another program, or copy it here again"
    name = hide_secrets(address) if isinstance(address, str) else address
    message = f"{name} cannot be opened: it is not a video, or cut short; {hint}"
    if isinstance(address, Path) and not address.is_file():
        raise InputError(message)
    with nullcontext(address) if isinstance(address, str) else plain_name(address) as plain:
        capture = open_capture(plain, message, limits)
    try:
        _check_frame_size(capture, name, limits)
        yield capture
    finally:
        capture.release()


def _check_frame_size(capture: cv2.VideoCapture, name: object, limits: LimitsConfig) -> None:
    """Raise ``InputError`` for frames of too many pixels, before one is decoded."""
    width, height = (capture.get(p) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
    limits.check_size(name, int(width), int(height))


def count_frames(capture: cv2.VideoCapture) -> int | None:
    """The number of frames by the container, an estimate; None for streams."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 1e9 else None


def is_url(address: str) -> bool:
    """Whether an address is a URL that can be opened, rather than a path."""
    return _URL.match(address) is not None


def read_first_image(capture: cv2.VideoCapture, name: str, limits: LimitsConfig) -> np.ndarray:
    """The first frame that can be decoded."""
    for _, image in decode_frames(capture, limits):
        return image
    hint = (
        " (an MP4 at an address is read from its beginning where the server cannot seek: write it "
        "with its index in front, ffmpeg -movflags faststart)"
    )
    raise InputError(
        f"{name} has no frame that can be decoded: check that it plays in another program"
        + (hint if is_url(name) else "")
    )


def rate_or_default(rate: float) -> float:
    """The frame rate that a container or driver reports, or the default if it is implausible."""
    return rate if FRAME_RATES.least <= rate <= 1000 else DEFAULT_FRAME_RATE


def image_size(image: np.ndarray) -> tuple[int, int]:
    """The (width, height) of an image."""
    return image.shape[1], image.shape[0]


def hide_secrets(url: str) -> str:
    """The URL of a stream without its password and query, for messages."""
    return re.sub("//[^/]*@", "//", url).split("?")[0]
