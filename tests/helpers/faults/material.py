"""The small video that the cases break: three squares that move over a textured background."""

import shutil
import tempfile
from functools import cache
from pathlib import Path
from threading import Lock

import cv2
import numpy as np

__all__ = ["SIZE", "copy_clip", "copy_detections", "copy_images", "draw_frame", "find_boxes"]

SIZE = 160, 120
_lock = Lock()
_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}
_COLOURS = ((40, 40, 220), (40, 220, 40), (220, 40, 40))


def find_boxes(index: int) -> np.ndarray:
    """The boxes on a frame, (3, 4) as xyxy in pixels."""
    left = 10 + 2.0 * index + np.array([0, 35, 70])
    top = np.array([15, 45, 75]) + 0.5 * index
    return np.stack([left, top, left + 24, top + 30], axis=1)


def draw_frame(index: int) -> np.ndarray:
    """A frame: (120, 160, 3), BGR uint8."""
    rng = np.random.default_rng(0)
    image = cv2.resize(rng.integers(60, 200, (15, 20, 3), np.uint8), SIZE)
    patches = rng.integers(-40, 40, (3, 6, 5, 3))
    for box, colour, patch in zip(find_boxes(index), _COLOURS, patches, strict=True):
        x0, y0, x1, y1 = map(round, box.tolist())
        cells = np.clip(np.array(colour) + patch, 0, 255).astype(np.uint8)
        image[y0:y1, x0:x1] = cv2.resize(cells, (x1 - x0, y1 - y0))
    return np.asarray(image, np.uint8)


@cache
def _folder() -> Path:
    """Where what was made once is kept, until the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="faults-")
    _kept.append(folder)
    return Path(folder.name)


_kept: list[object] = []


def copy_clip(path: Path, frames: int) -> Path:
    """Put the video there; the ending of the name decides its codec."""
    with _lock:
        kept = _folder() / f"{frames}{path.suffix}"
        if not kept.exists():
            fourcc = cv2.VideoWriter.fourcc(*_CODECS[path.suffix])
            writer = cv2.VideoWriter(str(kept), fourcc, 25, SIZE)
            for index in range(frames):
                writer.write(draw_frame(index % 24))
            writer.release()
    return Path(shutil.copy(kept, path))


def copy_images(folder: Path, count: int) -> Path:
    """Put the video there as PNG files."""
    folder.mkdir()
    for index in range(count):
        cv2.imwrite(str(folder / f"{index + 1:06}.png"), draw_frame(index % 24))
    return folder


def copy_detections(path: Path, frames: int = 24) -> Path:
    """Write the exact boxes of the frames."""
    rows = [
        f"{index + 1},-1,{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f},0.9\n"
        for index in range(frames)
        for x0, y0, x1, y1 in find_boxes(index).tolist()
    ]
    path.write_text("".join(rows))
    return path
