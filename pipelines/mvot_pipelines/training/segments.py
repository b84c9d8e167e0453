"""Cut-outs of the main object of photos that have no masks: rough ones, which is good enough.

What is pasted is what is tracked, so a mask that is wrong merely makes another object.
"""

import io
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Int64, UInt8

from mvot_pipelines.training.cutouts import Cast, cut, single_casts
from mvot_pipelines.training.pictures import Pictures
from mvot_plugin.errors import InputError

__all__ = ["casts_of_photos", "casts_of_tiles"]

WORKING_SIZE = 112
"""Pixels of the longer side of a photo while its object is looked for."""
MARGIN = 0.1
"""What is taken to be background at each edge of a photo without a box."""
TILES_PER_CLASS = 30
ROUNDS = 2


def casts_of_photos(photos: Pictures, stem: Path | None) -> list[Cast]:
    """What is in the middle of each photo, where that stands out at all."""
    cutouts = Pictures.kept(_beside(stem), lambda: _middles(photos))
    return single_casts(cutouts, [(-1, f"middle {n}") for n in range(len(cutouts))])


def casts_of_tiles(archive: Path, stem: Path | None) -> list[Cast]:
    """Some objects of each class of Tiny ImageNet, from its tar file.

    Raises ``InputError`` if that cannot be read.
    """
    try:
        cutouts = Pictures.kept(_beside(stem), lambda: _tiles(archive))
    except (OSError, tarfile.TarError, ValueError) as error:
        raise InputError(f"{archive} is no archive of Tiny ImageNet: {error}") from error
    return single_casts(cutouts, [(-1, f"tile {n}") for n in range(len(cutouts))])


def _beside(stem: Path | None) -> Path | None:
    return None if stem is None else stem.with_name(f"{stem.name}.segments")


def _middles(photos: Pictures) -> Iterator[UInt8[np.ndarray, "_ _ 4"]]:
    for photo in photos:
        height, width = photo.shape[:2]
        shares = np.array([MARGIN, MARGIN, 1 - MARGIN, 1 - MARGIN])
        box = shares * [width, height, width, height]
        yield from _segmented(photo, np.round(box).astype(np.int64))


def _segmented(
    image: UInt8[np.ndarray, "h w 3"], box: Int64[np.ndarray, " 4"]
) -> Iterator[UInt8[np.ndarray, "_ _ 4"]]:
    """The cut-out of the largest thing in a box, or none if that is hardly anything or all."""
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
    cv2.grabCut(small, labels, rectangle, *models, ROUNDS, cv2.GC_INIT_WITH_RECT)
    mask = _largest((labels & 1).astype(np.uint8))
    share = np.count_nonzero(mask) / ((x1 - x0) * (y1 - y0))
    if 0.2 <= share <= 0.92:
        size = image.shape[1], image.shape[0]
        whole = cv2.resize(255 * mask, size, interpolation=cv2.INTER_CUBIC)
        cutout = cut(image, np.where(whole >= 128, 255, 0).astype(np.uint8))
        if cutout is not None:
            yield cutout


def _largest(mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w"]:
    """The largest connected part of a mask, its holes filled."""
    parts, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    if parts:
        largest = max(parts, key=cv2.contourArea)
        cv2.drawContours(filled, [largest], -1, 1.0, cv2.FILLED)
    return filled


def _tiles(archive: Path) -> Iterator[UInt8[np.ndarray, "_ _ 4"]]:
    images: dict[str, bytes] = {}
    boxes: dict[str, Int64[np.ndarray, " 4"]] = {}
    found: defaultdict[str, int] = defaultdict(int)
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            name = Path(member.name)
            if not member.isfile() or "train" not in name.parts:
                continue
            kind = name.name.split("_")[0]
            if name.suffix == ".JPEG" and found[kind] < TILES_PER_CLASS:
                found[kind] += 1
                images[name.name] = _content(tar, member)
            elif name.name.endswith("_boxes.txt"):
                for line in io.StringIO(_content(tar, member).decode()):
                    file, *corners = line.split()
                    x0, y0, x1, y1 = map(int, corners)
                    boxes[file] = np.array([x0, y0, x1 + 1, y1 + 1], np.int64)
    for file in sorted(images.keys() & boxes.keys()):
        image = cv2.imdecode(np.frombuffer(images[file], np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            yield from _segmented(np.asarray(image), boxes[file])


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""
