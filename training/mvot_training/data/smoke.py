"""A tiny synthetic data set, for ``--smoke`` runs without any data of the user's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_plugin.errors import InputError
from mvot_plugin.motfile import ground_truth_path
from mvot_synthetic import Scene, street

__all__ = ["SMOKE_HELD_OUT", "write_smoke_data"]

SMOKE_HELD_OUT = "smoke-validation"
"""The sequence to hold out for validation."""

_SEQUENCE_SEEDS = {"smoke-1": 101, "smoke-2": 102, SMOKE_HELD_OUT: 103}
_PHOTO_SEEDS = (104, 105, 106)
_SIZE, _FRAMES, _FRAME_RATE = (320, 240), 30, 10.0
_PHOTO_STEP = 4
"""Frames between two photos of a scene."""
_CATEGORIES = ("person", "bicycle", "car")
"""The classes of the scenes' objects, by their ``class_id``."""
_SMALLEST = 12.0
"""Pixels of the longer side of the smallest object that gets an annotation on a photo."""


def write_smoke_data(folder: Path) -> list[Path]:
    """Write three sequences of walkers and a folder of annotated photos, the same each time.

    The sequences are in MOTChallenge's layout, the photos in COCO's. A folder that is complete is
    left as it is. Returns the folders to train on, as for ``--data``.

    Raises ``InputError`` if the folder cannot be written.
    """
    index = folder / "smoke-photos" / "instances.json"
    if not index.is_file():
        try:
            for name, seed in _SEQUENCE_SEEDS.items():
                _write_sequence(folder / name, _render(seed, walkers=6, vehicles=0))
            photos = _write_photos(index.parent / "images")
            index.write_text(json.dumps(photos) + "\n", encoding="utf-8")  # last: all is complete
        except OSError as error:
            raise InputError(f"{folder} cannot be written: {error.strerror or error}") from error
    return [folder]


def _render(seed: int, *, walkers: int, vehicles: int) -> Scene:
    return street(
        seed,
        size=_SIZE,
        frames=_FRAMES,
        frame_rate=_FRAME_RATE,
        walkers=walkers,
        vehicles=vehicles,
        cyclists=0,
    )


def _write_sequence(folder: Path, scene: Scene) -> None:
    images, ground_truth = folder / "img1", ground_truth_path(folder)
    images.mkdir(parents=True, exist_ok=True)
    ground_truth.parent.mkdir(exist_ok=True)
    for frame in scene:
        _write_image(images / f"{frame.index + 1:06d}.jpg", frame.image)
    ground_truth.write_text("".join(f"{row}\n" for row in _mot_rows(scene)), encoding="utf-8")
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={_FRAME_RATE:g}\n"
        f"seqLength={len(scene)}\nimWidth={_SIZE[0]}\nimHeight={_SIZE[1]}\nimExt=.jpg\n",
        encoding="utf-8",
    )


def _mot_rows(scene: Scene) -> Iterator[str]:
    """MOT17's rows: frame, id, left, top, width, height, flag, class (1, a person), visibility."""
    for frame in range(len(scene)):
        objects = scene.ground_truth(frame)
        columns = zip(objects.id, objects.xyxy, objects.visibility, strict=True)
        for identity, (x0, y0, x1, y1), visibility in columns:
            box = f"{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
            yield f"{frame + 1},{identity},{box},1,1,{visibility:.3f}"


def _write_photos(folder: Path) -> dict[str, Any]:
    """Write some frames of scenes with traffic; returns their COCO annotations."""
    folder.mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for seed in _PHOTO_SEEDS:
        scene = _render(seed, walkers=6, vehicles=2)
        for index in range(0, len(scene), _PHOTO_STEP):
            number, name = len(images) + 1, f"{seed}-{index:02d}.jpg"
            _write_image(folder / name, scene.frame(index).image)
            size = {"width": _SIZE[0], "height": _SIZE[1]}
            images.append({"id": number, "file_name": name, **size})
            for annotation in _annotate(scene, index):
                keys = {"id": len(annotations) + 1, "image_id": number}
                annotations.append({**keys, **annotation})
    categories = [{"id": k, "name": name} for k, name in enumerate(_CATEGORIES, 1)]
    return {"images": images, "categories": categories, "annotations": annotations}


def _annotate(scene: Scene, index: int) -> Iterator[dict[str, Any]]:
    """The visible parts of the objects on a frame, as boxes and polygons."""
    objects, ids = scene.ground_truth(index), scene.id_map(index)
    for identity, class_id in zip(objects.id, objects.class_id, strict=True):
        mask = (ids == identity).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        polygons = [contour for contour in contours if len(contour) >= 3]
        if not polygons:
            continue
        left, top, width, height = cv2.boundingRect(np.concatenate(polygons))
        if max(width, height) >= _SMALLEST:
            yield {
                "category_id": int(class_id) + 1,
                "bbox": [left, top, width, height],
                "segmentation": [(polygon + 0.5).ravel().tolist() for polygon in polygons],
                "area": cv2.countNonZero(mask),
                "iscrowd": 0,
            }


def _write_image(path: Path, image: UInt8[np.ndarray, "h w 3"]) -> None:
    if not cv2.imwrite(str(path), image):
        raise InputError(f"{path} cannot be written")
