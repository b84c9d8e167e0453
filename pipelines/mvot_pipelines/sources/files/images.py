"""Image files: finding them in a folder, and reading them."""

import math
import re
from pathlib import Path

import cv2
import numpy as np

from mvot_pipelines.sources.files.headers import (
    FORMATS,
    count_passes,
    has_false_lengths,
    is_known_format,
    read_image_size,
)
from mvot_pipelines.sources.files.kinds import check_file
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_pipelines.sources.quiet import silence_libraries
from mvot_plugin.errors import InputError

__all__ = ["UnreadableImageError", "is_image", "list_images", "read_image"]

_IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_MOST_BYTES_PER_PIXEL = 8
"""Of a file, in the mean over the most pixels that it may have: four channels of 16 bits."""
_MOST_PASSES = 64
"""Scans of a JPEG file of the most pixels; smaller ones may have more. Few have over ten."""
_DEFAULTS = LimitsConfig()


class UnreadableImageError(InputError):
    """A file is no image of a known format, or damaged."""


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


def read_image(path: Path, limits: LimitsConfig = _DEFAULTS) -> np.ndarray:
    """Read an image as BGR.

    Raises ``UnreadableImageError`` if that fails, and ``InputError`` for what is beyond the limits.
    """
    try:
        check_file(path)
        _check_bytes(path, limits)
        image = _decode(path, path.read_bytes(), limits)
    except (OSError, cv2.error):
        image = None
    if image is None:
        raise UnreadableImageError(f"{path} cannot be read as an image; replace or remove it")
    return image


def _decode(path: Path, data: bytes, limits: LimitsConfig) -> np.ndarray | None:
    if data and not is_known_format(data):
        reason = f"its content is not {FORMATS}"
        raise UnreadableImageError(f"{path} cannot be read as an image: {reason}; replace it")
    size = read_image_size(data)
    if size is None or has_false_lengths(data):
        return None
    limits.check_size(path, *size)
    passes = count_passes(data)
    if passes * math.prod(size) > _MOST_PASSES * limits.pixels:
        raise InputError(
            f"{path} has {passes} scans, which would take too long: save it in another format, or "
            "raise limits.pixels in a --config file"
        )
    with silence_libraries():
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def _check_bytes(path: Path, limits: LimitsConfig) -> None:
    size, most = path.stat().st_size, _MOST_BYTES_PER_PIXEL * limits.pixels + 2**20
    if size > most:
        raise InputError(
            f"{path} has {size} bytes, more than an image of limits.pixels ({limits.pixels}) "
            "needs: make it smaller, or raise the limit in a --config file"
        )
