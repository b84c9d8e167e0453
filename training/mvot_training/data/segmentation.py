"""Rough cut-outs (GrabCut) of the main object of photos that have no masks.

What is pasted defines the ground truth, so an inexact mask only changes the object's shape.
"""

import io
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

from mvot_plugin.errors import InputError
from mvot_training.data.cutouts import CutoutObject, create_cutout_objects, extract_cutout
from mvot_training.data.image_store import ImageStore

__all__ = ["segment_photos", "segment_tiny_imagenet"]

WORKING_SIZE = 112
"""Pixels of the longer side of a photo while its object is segmented."""
MARGIN = 0.1
"""The share of a photo without a box that is taken to be background, at each edge."""
TILES_PER_CLASS = 30
"""Photos of Tiny ImageNet that are used of each class."""
ITERATIONS = 2
"""Iterations of GrabCut."""
MIN_COVERAGE, MAX_COVERAGE = 0.2, 0.92
"""The shares of its box that a segment may cover; others are taken to be failures."""


def segment_photos(photos: ImageStore, stem: Path | None) -> list[CutoutObject]:
    """Cut out the object in the middle of each photo, if one is found; cached next to ``stem``."""
    images = ImageStore.load_or_create(_cutouts_stem(stem), lambda: _segment_centres(photos))
    return create_cutout_objects(images, [(-1, f"middle {n}") for n in range(len(images))])


def segment_tiny_imagenet(archive: Path, stem: Path | None) -> list[CutoutObject]:
    """Cut out some objects of each class of Tiny ImageNet; cached next to ``stem``.

    Raises ``InputError`` if the archive cannot be read.
    """
    try:
        images = ImageStore.load_or_create(_cutouts_stem(stem), lambda: _segment_tiles(archive))
    except (OSError, tarfile.TarError, ValueError) as error:
        raise InputError(f"{archive} is not an archive of Tiny ImageNet: {error}") from error
    return create_cutout_objects(images, [(-1, f"tile {n}") for n in range(len(images))])


def _cutouts_stem(stem: Path | None) -> Path | None:
    return None if stem is None else stem.with_name(f"{stem.name}.segments")


def _segment_centres(photos: ImageStore) -> Iterator[UInt8[np.ndarray, "_ _ 4"]]:
    for photo in photos:
        height, width = photo.shape[:2]
        shares = np.array([MARGIN, MARGIN, 1 - MARGIN, 1 - MARGIN])
        box = shares * [width, height, width, height]
        yield from _segment(photo, np.round(box).astype(np.int64))


def _segment(
    image: UInt8[np.ndarray, "h w 3"], box: Int64[np.ndarray, " 4"]
) -> Iterator[UInt8[np.ndarray, "_ _ 4"]]:
    """Cut out the largest foreground segment in a box; none if it covers too little or too much."""
    factor = min(1.0, WORKING_SIZE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = (round(factor * v) for v in box.tolist())
    x0, y0 = max(x0, 1), max(y0, 1)
    x1, y1 = min(x1, small.shape[1] - 1), min(y1, small.shape[0] - 1)
    if min(x1 - x0, y1 - y0) < 8:
        return
    labels = np.zeros(small.shape[:2], np.uint8)
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    rectangle = x0, y0, x1 - x0, y1 - y0
    cv2.grabCut(small, labels, rectangle, *models, ITERATIONS, cv2.GC_INIT_WITH_RECT)
    mask = _fill_largest_part((labels & 1).astype(np.uint8))
    coverage = np.count_nonzero(mask) / ((x1 - x0) * (y1 - y0))
    if MIN_COVERAGE <= coverage <= MAX_COVERAGE:
        size = image.shape[1], image.shape[0]
        full = cv2.resize(255 * mask, size, interpolation=cv2.INTER_CUBIC)
        cutout = extract_cutout(image, np.where(full >= 128, 255, 0).astype(np.uint8))
        if cutout is not None:
            yield cutout


def _fill_largest_part(mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The largest connected part of a mask, with its holes filled."""
    parts, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    if parts:
        largest = max(parts, key=cv2.contourArea)
        cv2.drawContours(filled, [largest], -1, 1.0, cv2.FILLED)
    return filled


def _segment_tiles(archive: Path) -> Iterator[UInt8[np.ndarray, "_ _ 4"]]:
    images: dict[str, bytes] = {}
    boxes: dict[str, Int64[np.ndarray, " 4"]] = {}
    counts: defaultdict[str, int] = defaultdict(int)
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            name = Path(member.name)
            if not member.isfile() or "train" not in name.parts:
                continue
            label = name.name.split("_")[0]
            if name.suffix == ".JPEG" and counts[label] < TILES_PER_CLASS:
                counts[label] += 1
                images[name.name] = _read_member(tar, member)
            elif name.name.endswith("_boxes.txt"):
                for line in io.StringIO(_read_member(tar, member).decode()):
                    file, *corners = line.split()
                    x0, y0, x1, y1 = map(int, corners)
                    boxes[file] = np.array([x0, y0, x1 + 1, y1 + 1], np.int64)
    for file in sorted(images.keys() & boxes.keys()):
        image = cv2.imdecode(np.frombuffer(images[file], np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            yield from _segment(np.asarray(image), boxes[file])


def _read_member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""
