"""The images of sequences and photo folders, with the annotations of their objects."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mvot_pipelines.sources import open_source
from mvot_pipelines.sources.files import list_images, read_image
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import MotRows, read_ground_truth
from mvot_plugin.types import XYXY
from mvot_training.data.folders import DataKind, identify_data
from mvot_training.data.ground_truth import is_considered, is_person
from mvot_training.detector.config import LabelConfig
from mvot_training.detector.pseudo_labels import CLASSES, PseudoLabels

__all__ = ["TrainingImage", "find_image_folders", "read_images"]

MIN_VISIBILITY = 0.25
"""The visible share of a person from which on the person is labelled; below, it is doubtful."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingImage:
    """A frame or photo, reduced to ``max_size`` pixels; boxes are in its pixels."""

    name: str
    number: int | None
    """The photo's number in its folder, from 0; None for frames."""
    image: UInt8[np.ndarray, "h w 3"]
    ground_truth: PseudoLabels | None = None
    """The objects that are annotated."""
    complete: bool = False
    """Whether all objects of all classes are annotated."""
    hints: Float32[XYXY, " n"] | None = None
    """Annotated boxes of objects of unknown class."""


def find_image_folders(roots: Sequence[Path]) -> list[Path]:
    """Find the sequences and photo folders in ``roots`` or right below, by name.

    Raises ``InputError`` for a root that is not a folder, two folders of one name, or none at all.
    """
    folders: dict[Path, None] = {}
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root} is not a folder; give folders of sequences or photos")
        below = [] if identify_data(root) else sorted(p for p in root.iterdir() if p.is_dir())
        folders.update((p.resolve(), None) for p in (root, *below) if identify_data(p))
    if not folders:
        raise InputError(f"no sequences and no photos in {', '.join(map(str, roots))}")
    names = Counter(folder.name for folder in folders)
    if duplicates := [name for name, count in names.items() if count > 1]:
        raise InputError(f"two folders are named {duplicates[0]!r}; rename one of them")
    return sorted(folders, key=lambda folder: folder.name)


def read_images(folder: Path, config: LabelConfig) -> Iterator[TrainingImage]:
    """Read the images of a folder that are to be used, in order."""
    kind = identify_data(folder)
    if kind is DataKind.SEQUENCE:
        yield from _read_frames(folder, config)
    elif kind is DataKind.ANNOTATED_PHOTOS:
        yield from _read_annotated_photos(folder, config)
    else:
        for number, path in enumerate(list_images(folder)[:: config.photo_step]):
            image, _ = _limit_size(read_image(path), config.max_size)
            yield TrainingImage(name=f"{folder.name}-{path.stem}", number=number, image=image)


def _limit_size(
    image: UInt8[np.ndarray, "_ _ 3"], max_size: int
) -> tuple[UInt8[np.ndarray, "_ _ 3"], float]:
    """Reduce an image whose longer side has more pixels; returns the scale factor too."""
    factor = min(max_size / max(image.shape[:2]), 1.0)
    if factor == 1:
        return image, factor
    size = [max(round(factor * side), 1) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), factor


def _read_frames(folder: Path, config: LabelConfig) -> Iterator[TrainingImage]:
    """Read frames; the ground truth is a label if it is of several objects, or else a hint."""
    rows = read_ground_truth(folder)
    is_multi_object = len(np.unique(rows.id[is_considered(rows)])) > 1
    step = config.annotated_frame_step if is_multi_object else config.frame_step
    with open_source(folder) as source:
        for frame in source:
            if frame.index % step:
                continue
            image, factor = _limit_size(frame.image, config.max_size)
            on_frame = rows.frame == frame.index
            boxes = rows.xyxy * np.float32(factor)
            yield TrainingImage(
                name=f"{folder.name}-{frame.index + 1:06d}",
                number=None,
                image=image,
                ground_truth=_label_people(rows, boxes, on_frame) if is_multi_object else None,
                hints=None if is_multi_object else boxes[on_frame],
            )


def _label_people(
    rows: MotRows, boxes: Float32[XYXY, " n"], on_frame: Bool[np.ndarray, " n"]
) -> PseudoLabels:
    """Label the people of one frame; rows to be ignored are doubtful."""
    people = on_frame & is_person(rows) & is_considered(rows)
    visible = people & (rows.visibility >= MIN_VISIBILITY)
    class_id = np.zeros(int(visible.sum()), np.int64)
    return PseudoLabels.of(boxes[visible], class_id, boxes[on_frame & ~people])


def _read_annotated_photos(folder: Path, config: LabelConfig) -> Iterator[TrainingImage]:
    """Read photos with COCO's ``instances.json``; crowds are doubtful."""
    path = folder / "instances.json"
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        names = {entry["id"]: entry["name"] for entry in index["categories"]}
        entries = index["images"][:: config.photo_step]
        files = [folder / "images" / entry["file_name"] for entry in entries]
        labels = [
            _label_instances(
                [a for a in index["annotations"] if a["image_id"] == entry["id"]], names
            )
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a COCO instances file: {error!r}") from error
    for number, (file, label) in enumerate(zip(files, labels, strict=True)):
        image, factor = _limit_size(read_image(file), config.max_size)
        yield TrainingImage(
            name=f"{folder.name}-{file.stem}",
            number=number,
            image=image,
            ground_truth=PseudoLabels.of(
                label.xyxy * factor, label.class_id, label.doubtful * factor
            ),
            complete=True,
        )


def _label_instances(annotations: Sequence[dict[str, Any]], names: dict[int, str]) -> PseudoLabels:
    boxes: list[list[float]] = []
    numbers: list[int] = []
    doubtful: list[list[float]] = []
    for annotation in annotations:
        left, top, width, height = annotation["bbox"]
        box = [left, top, left + width, top + height]
        name = names.get(annotation["category_id"], "")
        if name not in CLASSES:
            continue
        if annotation.get("iscrowd", 0):
            doubtful.append(box)
        else:
            boxes.append(box)
            numbers.append(CLASSES.index(name))
    return PseudoLabels.of(boxes, numbers, doubtful)
