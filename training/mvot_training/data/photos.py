"""Photos with the boxes and polygons of their objects, in COCO's format."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from mvot_pipelines.sources.files import list_images, read_image
from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY
from mvot_training.data.image_store import ImageStore, limit_size
from mvot_training.pairs.augmentation import ObjectImage

__all__ = ["AnnotatedPhotos", "read_annotated_photos", "read_photos"]

MIN_OBJECT_SIDE = 24
"""Pixels of the longer side of the smallest object that is used."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotatedPhotos:
    """Photos with their objects, one row per object; coordinates in pixels of the photo."""

    images: ImageStore
    image_index: Int64[np.ndarray, " n"]
    """The photo that the object is on, an index into ``images``."""
    category: Int64[np.ndarray, " n"]
    """COCO's ``category_id`` of the object."""
    xyxy: Float64[XYXY, " n"]
    polygons: tuple[tuple[Float64[np.ndarray, "_ 2"], ...], ...]
    """The outline of each object; one of several parts has several polygons."""

    def image_name(self, row: int) -> str:
        """A name for the photo that the object of a row is on."""
        return f"photo {self.image_index[row]}"

    def object_image(self, row: int) -> ObjectImage:
        """The object of a row in its photo."""
        return ObjectImage(
            image=self.images[int(self.image_index[row])],
            box=self.xyxy[row],
            outline=np.concatenate(self.polygons[row]),
            polygons=self.polygons[row],
        )


def read_photos(folder: Path, stem: Path | None) -> ImageStore:
    """Read all images of a folder, by name; cached at ``stem``."""
    paths = list_images(folder)
    return ImageStore.load_or_create(stem, lambda: (limit_size(read_image(path)) for path in paths))


def read_annotated_photos(folder: Path, stem: Path | None) -> AnnotatedPhotos:
    """Read ``instances.json`` and ``images/``, without crowds and tiny objects.

    The images are cached at ``stem``. Raises ``InputError`` if the folder cannot be read.
    """
    path = folder / "instances.json"
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        entries = {image["id"]: (n, image) for n, image in enumerate(index["images"])}
        paths = [folder / "images" / image["file_name"] for image in index["images"]]
        usable = [a for a in index["annotations"] if _is_usable(a)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a COCO instances file: {error!r}") from error
    stored = ImageStore.load_or_create(stem, lambda: (limit_size(read_image(p)) for p in paths))
    polygons = []
    for annotation in usable:
        number, image = entries[annotation["image_id"]]
        factor = stored.shapes[number][1] / image["width"]
        parts = (np.array(p, np.float64).reshape(-1, 2) for p in annotation["segmentation"])
        polygons.append(tuple(factor * part for part in parts))
    points = [np.concatenate(parts) for parts in polygons]
    return AnnotatedPhotos(
        images=stored,
        image_index=np.array([entries[a["image_id"]][0] for a in usable], np.int64),
        category=np.array([a["category_id"] for a in usable], np.int64),
        xyxy=np.array([[*p.min(0), *p.max(0)] for p in points], np.float64).reshape(-1, 4),
        polygons=tuple(polygons),
    )


def _is_usable(annotation: dict[str, Any]) -> bool:
    polygons = annotation.get("segmentation")
    _, _, width, height = annotation["bbox"]
    large = max(width, height) >= MIN_OBJECT_SIDE and min(width, height) >= MIN_OBJECT_SIDE / 4
    return bool(
        isinstance(polygons, list) and polygons and large and not annotation.get("iscrowd", 0)
    )
