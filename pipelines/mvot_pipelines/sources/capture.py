"""Reading videos and images with OpenCV.

Videos are opened without messages on stderr, decoded beyond damaged packets, and get strictly
increasing timestamps; image files are listed in natural order and read.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from mvot_pipelines.sources.quiet import silence_opencv
from mvot_plugin.errors import InputError

__all__ = [
    "DEFAULT_FRAME_RATE",
    "SILENCE_SECONDS",
    "Timeline",
    "count_frames",
    "decode_frames",
    "hide_secrets",
    "image_size",
    "is_image",
    "is_url",
    "list_images",
    "open_capture",
    "open_stream",
    "open_video",
    "rate_or_default",
    "read_first_image",
    "read_image",
    "silence_opencv",
]

_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_PLAYLIST_SUFFIXES = frozenset({".m3u", ".m3u8", ".sdp"})
_URL = re.compile(r"(rtsps?|rtmps?|https?)://", re.IGNORECASE)
_TEXT = bytes({9, 10, 13, *range(32, 127)})
DEFAULT_FRAME_RATE = 25.0
"""Frames per second, where neither the user nor the source gives a rate."""

# Within a damaged stretch every read fails until the next key frame, which most encoders place at
# most 250 frames away; at the end of a file, so many failures take some milliseconds.
_MAX_FAILED_READS = 300
_MAX_SILENCE_SECONDS = 5.0
_MAX_OPENING_SECONDS = 10.0
"""RTMP streams without sound take four."""
SILENCE_SECONDS = 2.0
"""A camera or stream that sends no frame for so long is lost."""


class Timeline:
    """Strictly increasing timestamps: measured ones, corrected where they do not increase.

    With ``forced``, they are index / ``rate`` instead.
    """

    def __init__(self, rate: float, *, forced: bool) -> None:
        self._rate, self._forced, self._last = rate, forced, -0.001

    def timestamp(self, index: int, measured: float) -> float:
        """The timestamp of the frame ``index``, from the one that was measured; both in seconds."""
        if self._forced:
            return index / self._rate
        increases = measured > self._last
        self._last = measured if increases else max(index / self._rate, self._last + 0.001)
        return self._last


def decode_frames(
    capture: cv2.VideoCapture,
    clock: Callable[[], float] = time.monotonic,
    silence: float = _MAX_SILENCE_SECONDS,
) -> Iterator[tuple[int, np.ndarray]]:
    """Decode frames, with their indices; failed reads count.

    OpenCV reports a damaged packet and the end of the file in the same way, by a failed read; so
    the end is assumed where reads keep failing, many times or for ``silence`` seconds. The first
    frame may take longer: a stream is joined between its key frames.
    """
    index, failures, last, patience = 0, 0, clock(), _MAX_SILENCE_SECONDS
    while failures < _MAX_FAILED_READS and clock() - last < patience:
        success, image = capture.read()
        failures = 0 if success else failures + 1
        if success:
            yield index, image
            last, patience = clock(), silence
        index += 1


def open_capture(
    address: int | str, message: str, parameters: Sequence[int] = ()
) -> cv2.VideoCapture:
    """Open a file, camera or URL; raises ``InputError`` with the message if that fails.

    ``parameters`` are OpenCV's properties, each followed by its value; for URLs only.
    """
    with silence_opencv():
        has_ffmpeg = cv2.CAP_FFMPEG in cv2.videoio_registry.getStreamBackends()
        if isinstance(address, str) and is_url(address) and has_ffmpeg:
            timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(1000 * _MAX_OPENING_SECONDS)]
            capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, [*timeouts, *parameters])
        else:
            capture = cv2.VideoCapture(address)
    if not capture.isOpened():
        raise InputError(message)
    return capture


def open_stream(address: int | str) -> cv2.VideoCapture:
    """Open a camera or a URL with little delay: nothing is buffered by OpenCV.

    A decoder with several threads would keep back a frame for each of them.
    """
    name = f"camera {address}" if isinstance(address, int) else hide_secrets(address)
    hint = "check that it is there, running, and not in use by another program"
    timeout = [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(1000 * SILENCE_SECONDS)]
    parameters = [*timeout, cv2.CAP_PROP_N_THREADS, 1]
    capture = open_capture(address, f"{name} cannot be opened: {hint}", parameters)
    if isinstance(address, int):
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture


@contextmanager
def open_video(address: Path | str) -> Iterator[cv2.VideoCapture]:
    """Open a video file, or one at a URL, for a ``with`` statement."""
    hint = "check that it plays in another program, or copy it here again"
    name = hide_secrets(address) if isinstance(address, str) else address
    message = f"{name} cannot be opened: it is not a video, or cut short; {hint}"
    if isinstance(address, Path) and _is_text(address):
        raise InputError(f"{name} is not a video but a text file; name the video itself")
    timeout = [cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(1000 * _MAX_SILENCE_SECONDS)]
    where = address if isinstance(address, str) else str(address.resolve())
    capture = open_capture(where, message, timeout)
    try:
        yield capture
    finally:
        capture.release()


def count_frames(capture: cv2.VideoCapture) -> int | None:
    """The number of frames by the container, an estimate; None for streams."""
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return int(count) if 0 < count < 1e9 else None


def is_url(address: str) -> bool:
    """Whether an address is a URL that can be opened, rather than a path."""
    return _URL.match(address) is not None


def _is_text(path: Path) -> bool:
    """Whether a file is plain text, which FFmpeg would decode as a video of characters."""
    if path.suffix.lower() in _PLAYLIST_SUFFIXES:
        return False
    with path.open("rb") as file:
        start = file.read(512)
    return start != b"" and start.translate(None, _TEXT) == b""


def read_first_image(capture: cv2.VideoCapture, name: str) -> np.ndarray:
    """The first frame that can be decoded."""
    for _, image in decode_frames(capture):
        return image
    raise InputError(
        f"{name} has no frame that can be decoded: check that it plays in another program"
    )


def is_image(path: Path) -> bool:
    """Whether a file is an image by its suffix; hidden files are not."""
    return path.suffix.lower() in _IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: Path) -> list[Path]:
    """The images in a folder in natural order: ``img2.png`` before ``img10.png``."""
    images = [path for path in folder.iterdir() if is_image(path)]
    if not images:
        known = ", ".join(sorted(_IMAGE_SUFFIXES))
        raise InputError(f"{folder} holds no images: it needs files that end in one of {known}")
    return sorted(images, key=_natural_key)


def _natural_key(path: Path) -> tuple[list[int | str], str]:
    parts = re.split("([0-9]+)", path.name)
    return [int(p) if i % 2 else p.lower() for i, p in enumerate(parts)], path.name


def read_image(path: Path) -> np.ndarray:
    """Read an image as BGR; raises ``InputError`` if that fails."""
    try:
        with silence_opencv():
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise InputError(f"{path} cannot be read as an image; replace or remove it")
    return image


def rate_or_default(rate: float) -> float:
    """The frame rate that a container or driver reports, or the default if it is implausible."""
    return rate if 0 < rate <= 1000 else DEFAULT_FRAME_RATE


def image_size(image: np.ndarray) -> tuple[int, int]:
    """The (width, height) of an image."""
    return image.shape[1], image.shape[0]


def hide_secrets(url: str) -> str:
    """The URL of a stream without its password and query, for messages."""
    return re.sub("//[^/]*@", "//", url).split("?")[0]
