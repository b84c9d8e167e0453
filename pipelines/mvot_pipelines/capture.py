"""What OpenCV leaves to do for whoever reads videos and images with it.

It opens videos without noise on stderr, reads on after damaged packets, makes times of what
containers say, and lists and reads image files.
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
    "DEFAULT_RATE",
    "Timeline",
    "decoded",
    "first_size",
    "is_image",
    "list_images",
    "open_capture",
    "opened_video",
    "plausible_rate",
    "quiet_opencv",
    "read_image",
    "size_of",
    "without_secrets",
]

_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_PLAYLIST_SUFFIXES = frozenset({".m3u", ".m3u8", ".sdp"})
_TEXT = bytes({9, 10, 13, *range(32, 127)})
DEFAULT_RATE = 25.0

# Within a damaged stretch every read fails until the next key frame, 250 frames away at most by
# the habits of encoders; at the end of a file, failing this often takes some milliseconds.
_MAX_FAILED_READS = 300
_MAX_SILENCE_SECONDS = 5.0


class Timeline:
    """Times that increase strictly: as measured, or by the frame rate where those do not."""

    def __init__(self, rate: float, *, forced: bool) -> None:
        self._rate, self._forced, self._last = rate, forced, -0.001

    def at(self, index: int, measured: float) -> float:
        """The time of the frame ``index``, in seconds, given what was measured for it."""
        if self._forced:
            return index / self._rate
        later = measured > self._last
        self._last = measured if later else max(index / self._rate, self._last + 0.001)
        return self._last


def decoded(
    capture: cv2.VideoCapture, clock: Callable[[], float] = time.monotonic
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


def open_capture(address: int | str, complaint: str) -> cv2.VideoCapture:
    """Open a file, camera or stream; raises ``InputError`` with the complaint if that fails."""
    with quiet_opencv():
        capture = cv2.VideoCapture(address)
    if not capture.isOpened():
        raise InputError(complaint)
    return capture


@contextmanager
def opened_video(path: Path) -> Iterator[cv2.VideoCapture]:
    """Open a video file, and release it in the end."""
    hint = "check that it plays in another program, or copy it here again"
    complaint = f"{path} cannot be opened: it is not a video, or cut short; {hint}"
    if _is_text(path):
        raise InputError(f"{path} is not a video but a text file; name the video itself")
    capture = open_capture(str(path.resolve()), complaint)
    try:
        yield capture
    finally:
        capture.release()


def _is_text(path: Path) -> bool:
    """Whether a file is plain text, which FFmpeg would render as a film of characters."""
    if path.suffix.lower() in _PLAYLIST_SUFFIXES:
        return False
    with path.open("rb") as file:
        start = file.read(512)
    return start != b"" and start.translate(None, _TEXT) == b""


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


def first_size(capture: cv2.VideoCapture, name: str) -> tuple[int, int]:
    """The size of the first frame that can be decoded, which is used up by this."""
    for _, image in decoded(capture):
        return size_of(image)
    raise InputError(
        f"{name} has no frame that can be decoded: check that it plays in another program"
    )


def is_image(path: Path) -> bool:
    """Whether a file is an image by its name; hidden ones are not."""
    return path.suffix.lower() in _IMAGE_SUFFIXES and not path.name.startswith(".")


def list_images(folder: Path) -> list[Path]:
    """The images in a folder, ``img2.png`` before ``img10.png``; hidden files are left out."""
    found = [path for path in folder.iterdir() if is_image(path)]
    if not found:
        known = ", ".join(sorted(_IMAGE_SUFFIXES))
        raise InputError(f"{folder} holds no images: it needs files that end in one of {known}")
    return sorted(found, key=_natural)


def _natural(path: Path) -> tuple[list[int | str], str]:
    parts = re.split("([0-9]+)", path.name)
    return [int(p) if i % 2 else p.lower() for i, p in enumerate(parts)], path.name


def read_image(path: Path) -> np.ndarray:
    """An image as BGR; raises ``InputError`` if it cannot be read."""
    try:
        with quiet_opencv():
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise InputError(f"{path} cannot be read as an image; replace or remove it")
    return image


def plausible_rate(rate: float) -> float:
    """What a container or a driver says of its frame rate, if it can be true."""
    return rate if 0 < rate <= 1000 else DEFAULT_RATE


def size_of(image: np.ndarray) -> tuple[int, int]:
    """``(width, height)``."""
    return image.shape[1], image.shape[0]


def without_secrets(url: str) -> str:
    """A stream's address to show to people: without its password and query."""
    return re.sub("//[^/]*@", "//", url).split("?")[0]
