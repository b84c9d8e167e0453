"""Reading videos and images with OpenCV.

Videos are opened without messages on stderr, decoded beyond damaged packets, and get strictly
increasing timestamps; image files are listed in natural order and read.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from mvot_plugin.errors import InputError

__all__ = [
    "DEFAULT_FRAME_RATE",
    "Timeline",
    "decode_frames",
    "hide_secrets",
    "image_size",
    "is_image",
    "list_images",
    "open_capture",
    "open_video",
    "rate_or_default",
    "read_first_size",
    "read_image",
    "silence_opencv",
]

_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_PLAYLIST_SUFFIXES = frozenset({".m3u", ".m3u8", ".sdp"})
_TEXT = bytes({9, 10, 13, *range(32, 127)})
DEFAULT_FRAME_RATE = 25.0
"""Frames per second, where neither the user nor the source gives a rate."""

# Within a damaged stretch every read fails until the next key frame, which most encoders place at
# most 250 frames away; at the end of a file, so many failures take some milliseconds.
_MAX_FAILED_READS = 300
_MAX_SILENCE_SECONDS = 5.0


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
    capture: cv2.VideoCapture, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[int, np.ndarray]]:
    """Decode frames, with their indices; failed reads count.

    OpenCV reports a damaged packet and the end of the file in the same way, by a failed read; so
    the end is assumed where reads keep failing.
    """
    index, failures, last = 0, 0, clock()
    while failures < _MAX_FAILED_READS and clock() - last < _MAX_SILENCE_SECONDS:
        success, image = capture.read()
        failures = 0 if success else failures + 1
        if success:
            yield index, image
            last = clock()
        index += 1


def open_capture(address: int | str, message: str) -> cv2.VideoCapture:
    """Open a file, camera or stream; raises ``InputError`` with the message if that fails."""
    with silence_opencv():
        capture = cv2.VideoCapture(address)
    if not capture.isOpened():
        raise InputError(message)
    return capture


@contextmanager
def open_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """Open a video file for a ``with`` statement."""
    hint = "check that it plays in another program, or copy it here again"
    message = f"{path} cannot be opened: it is not a video, or cut short; {hint}"
    if _is_text(path):
        raise InputError(f"{path} is not a video but a text file; name the video itself")
    capture = open_capture(str(path.resolve()), message)
    try:
        yield capture
    finally:
        capture.release()


def _is_text(path: Path) -> bool:
    """Whether a file is plain text, which FFmpeg would decode as a video of characters."""
    if path.suffix.lower() in _PLAYLIST_SUFFIXES:
        return False
    with path.open("rb") as file:
        start = file.read(512)
    return start != b"" and start.translate(None, _TEXT) == b""


@contextmanager
def silence_opencv() -> Iterator[None]:
    """Keep OpenCV and FFmpeg from writing to stderr within a ``with`` statement.

    FFmpeg takes its log level from the environment, when OpenCV opens the first video of the
    process; the variable is set just for that moment, and a user's own setting is kept.
    """
    variable, logging = "OPENCV_FFMPEG_LOGLEVEL", cv2.utils.logging
    is_unset = variable not in os.environ
    if is_unset:
        os.environ[variable] = "-8"
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
        if is_unset:
            del os.environ[variable]


def read_first_size(capture: cv2.VideoCapture, name: str) -> tuple[int, int]:
    """The (width, height) of the first frame that can be decoded; consumes that frame."""
    for _, image in decode_frames(capture):
        return image_size(image)
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
