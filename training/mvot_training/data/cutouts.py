"""Objects cut out of their images (premultiplied BGRA), to be pasted into others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_training.data.image_store import ImageStore
from mvot_training.data.photos import AnnotatedPhotos
from mvot_training.data.sequences import AnnotatedVideo, find_masks, read_masks
from mvot_training.pairs.augmentation import ObjectImage

__all__ = [
    "CutoutObject",
    "create_cutout_objects",
    "cut_out_photos",
    "cut_out_video",
    "extract_cutout",
]

MAX_CUTOUT_SIDE = 256
"""Pixels of the longer side of a cut-out; larger ones are reduced."""
MIN_CUTOUT_SIDE = 20
"""Pixels of the longer side of the smallest cut-out that is used."""
SOLID_ALPHA = 128
"""Pixels of at least this alpha belong to the object."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CutoutObject:
    """An object and its cut-outs: ``count`` of ``images``, from ``first`` on."""

    images: ImageStore
    first: int
    parent: str
    """The video or photo that the object was cut out of."""
    count: int = 1
    category: int = -1
    """The object's class, numbered within each kind of data."""

    def object_image(self, number: int) -> ObjectImage:
        """One of its cut-outs, with its outline."""
        return outline_cutout(self.images[self.first + number])


def outline_cutout(cutout: UInt8[np.ndarray, "_ _ 4"]) -> ObjectImage:
    """Find the convex hull and the box of a cut-out's solid pixels."""
    solid = (cutout[..., 3] >= SOLID_ALPHA).astype(np.uint8)
    parts, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    pixels = cv2.convexHull(np.concatenate(parts))[:, 0].astype(np.float64)
    pixel = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    corners = (pixels[:, None] + pixel).reshape(-1, 2)
    box = np.concatenate([corners.min(0), corners.max(0)])
    return ObjectImage(image=cutout, box=box, outline=corners)


def extract_cutout(
    image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "_ _ 4"] | None:
    """Cut out the pixels of a mask (0 or 255), with soft edges; None if there are too few."""
    x, y, width, height = cv2.boundingRect(mask)
    if max(width, height) < MIN_CUTOUT_SIDE or min(width, height) < MIN_CUTOUT_SIDE / 4:
        return None
    x0, y0 = max(0, x - 2), max(0, y - 2)
    window = np.s_[y0 : y + height + 2, x0 : x + width + 2]
    alpha = cv2.blur(mask[window], (3, 3))
    colour = cv2.multiply(image[window], cv2.merge([alpha] * 3), scale=1 / 255)
    cutout = cv2.merge([*cv2.split(colour), alpha])
    factor = MAX_CUTOUT_SIDE / max(cutout.shape[:2])
    if factor < 1:
        cutout = cv2.resize(cutout, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    solid = np.count_nonzero(cutout[..., 3] >= SOLID_ALPHA)
    return np.asarray(cutout) if solid >= MIN_CUTOUT_SIDE**2 / 4 else None


def cut_out_video(folder: Path, video: AnnotatedVideo, stem: Path | None) -> list[CutoutObject]:
    """Cut out the one object of a sequence that has ``mask/``, an image for each frame.

    The cut-outs are cached next to ``stem``; without masks there is no object.
    """
    if not (paths := find_masks(folder)):
        return []
    images = ImageStore.load_or_create(
        None if stem is None else stem.with_name(f"{stem.name}.cutouts"),
        lambda: _extract_cutouts(video.frames, paths),
    )
    if not len(images):
        return []
    return [CutoutObject(images=images, first=0, count=len(images), parent=video.name)]


def _extract_cutouts(frames: ImageStore, paths: list[Path]) -> Iterator[np.ndarray]:
    for frame, mask in zip(frames, read_masks(paths, frames), strict=False):
        cutout = extract_cutout(frame, mask[..., 0])
        if cutout is not None:
            yield cutout


def cut_out_photos(photos: AnnotatedPhotos) -> list[CutoutObject]:
    """Cut out every object of annotated photos."""
    cutouts: list[np.ndarray] = []
    labels: list[tuple[int, str]] = []
    for row, parts in enumerate(photos.polygons):
        image = photos.images[int(photos.image_index[row])]
        mask = np.zeros(image.shape[:2], np.uint8)
        shapes = [np.round(16 * (part - 0.5)).astype(np.int32) for part in parts]
        cv2.fillPoly(mask, shapes, 255, cv2.LINE_8, 4)
        if (cutout := extract_cutout(image, mask)) is not None:
            cutouts.append(cutout)
            labels.append((int(photos.category[row]), photos.image_name(row)))
    return create_cutout_objects(ImageStore.of(cutouts), labels)


def create_cutout_objects(
    images: ImageStore, labels: Sequence[tuple[int, str]]
) -> list[CutoutObject]:
    """Make each cut-out an object of its own; ``labels`` are their categories and parents."""
    return [
        CutoutObject(images=images, first=number, category=category, parent=parent)
        for number, (category, parent) in enumerate(labels)
    ]
