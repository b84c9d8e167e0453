"""Photos with the boxes and outlines of the objects on them, in COCO's format."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from mvot_pipelines.capture import list_images, read_image
from mvot_pipelines.training.augment import Item
from mvot_pipelines.training.pictures import Pictures, reduced
from mvot_plugin.errors import InputError

__all__ = ["Stills", "read_photos", "read_stills"]

SMALLEST = 24
"""Pixels of the longer side of the smallest object that is used."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stills:
    """Photos with objects: one row per object; ``polygons`` are its parts, in photo pixels."""

    photos: Pictures
    photo: Int64[np.ndarray, " n"]
    category: Int64[np.ndarray, " n"]
    xyxy: Float64[np.ndarray, "n 4"]
    polygons: tuple[tuple[Float64[np.ndarray, "_ 2"], ...], ...]

    def place(self, row: int) -> str:
        """A name for the photo that a row's object is on."""
        return f"photo {self.photo[row]}"

    def item(self, row: int) -> Item:
        """The object of a row in its photo."""
        picture = self.photos[int(self.photo[row])]
        return Item(picture=picture, box=self.xyxy[row], outline=np.concatenate(self.polygons[row]))


def read_photos(folder: Path, stem: Path | None) -> Pictures:
    """All images of a folder, by name; kept at ``stem``."""
    return Pictures.kept(stem, lambda: (reduced(read_image(path)) for path in list_images(folder)))


def read_stills(folder: Path, stem: Path | None) -> Stills:
    """A folder with ``instances.json`` and ``images/``; crowds and tiny objects are left out."""
    path = folder / "instances.json"
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        images = {image["id"]: (n, image) for n, image in enumerate(index["images"])}
        names = [folder / "images" / image["file_name"] for image in index["images"]]
        usable = [a for a in index["annotations"] if _usable(a)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no COCO instances file: {error!r}") from error
    photos = Pictures.kept(stem, lambda: (reduced(read_image(name)) for name in names))
    polygons = []
    for annotation in usable:
        number, image = images[annotation["image_id"]]
        factor = photos.shapes[number][1] / image["width"]
        parts = (np.array(p, np.float64).reshape(-1, 2) for p in annotation["segmentation"])
        polygons.append(tuple(factor * part for part in parts))
    points = [np.concatenate(parts) for parts in polygons]
    return Stills(
        photos=photos,
        photo=np.array([images[a["image_id"]][0] for a in usable], np.int64),
        category=np.array([a["category_id"] for a in usable], np.int64),
        xyxy=np.array([[*p.min(0), *p.max(0)] for p in points], np.float64).reshape(-1, 4),
        polygons=tuple(polygons),
    )


def _usable(annotation: dict[str, Any]) -> bool:
    polygons = annotation.get("segmentation")
    _, _, width, height = annotation["bbox"]
    large = max(width, height) >= SMALLEST and min(width, height) >= SMALLEST / 4
    return bool(
        isinstance(polygons, list) and polygons and large and not annotation.get("iscrowd", 0)
    )
