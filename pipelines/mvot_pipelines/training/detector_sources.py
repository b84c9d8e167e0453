"""The pictures in sequences and photo folders, with what is known of the objects on them."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

from mvot_pipelines.capture import list_images, read_image
from mvot_pipelines.sources import open_source
from mvot_pipelines.training.detector_settings import LabelConfig
from mvot_pipelines.training.labelling import CLASSES, Labels
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import MotRows, read_mot

__all__ = ["Picture", "pictures", "places"]

PEOPLE = (-1, 1, 2, 7)
"""MOT17's classes that are people, and what ``read_mot`` gives where a file names none."""
VISIBLE = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """One frame or photo, reduced to the longest side wanted; boxes are in its pixels.

    ``number`` counts the photos of a folder, and is None for frames. ``truth`` is what is known to
    be there, ``complete`` if that is all there is; ``hints`` hold objects of unknown class.
    """

    name: str
    number: int | None
    image: UInt8[np.ndarray, "h w 3"]
    truth: Labels | None = None
    complete: bool = False
    hints: Float32[np.ndarray, "n 4"] | None = None


def places(roots: Sequence[Path]) -> list[Path]:
    """The sequences and photo folders in ``roots`` or right below, by name.

    Raises ``InputError`` for a root that is no folder, two folders of one name, or none at all.
    """
    found: dict[Path, None] = {}
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root} is no folder; give folders of sequences or photos")
        below = [] if _kind(root) else sorted(p for p in root.iterdir() if p.is_dir())
        found.update((p.resolve(), None) for p in (root, *below) if _kind(p))
    if not found:
        raise InputError(f"no sequences and no photos in {', '.join(map(str, roots))}")
    names = Counter(place.name for place in found)
    if twice := [name for name, count in names.items() if count > 1]:
        raise InputError(f"two folders are named {twice[0]!r}; rename one of them")
    return sorted(found, key=lambda place: place.name)


def pictures(place: Path, config: LabelConfig) -> Iterator[Picture]:
    """The pictures of one place that are to be used, in order."""
    kind = _kind(place)
    if kind == "sequence":
        yield from _frames(place, config)
    elif kind == "annotated":
        yield from _annotated(place, config)
    else:
        for number, path in enumerate(list_images(place)[:: config.every_photo]):
            image, _ = _reduced(read_image(path), config.longest)
            yield Picture(name=f"{place.name}-{path.stem}", number=number, image=image)


def _kind(place: Path) -> str | None:
    if (place / "seqinfo.ini").is_file():
        return "sequence"
    if (place / "instances.json").is_file():
        return "annotated"
    return "photos" if any(place.glob("*.jpg")) else None


def _reduced(
    image: UInt8[np.ndarray, "_ _ 3"], longest: int
) -> tuple[UInt8[np.ndarray, "_ _ 3"], float]:
    """The image, no longer than ``longest`` pixels, and the factor that it was scaled by."""
    factor = min(longest / max(image.shape[:2]), 1.0)
    if factor == 1:
        return image, factor
    size = [max(round(factor * side), 1) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)), factor


def _frames(place: Path, config: LabelConfig) -> Iterator[Picture]:
    rows = read_mot(place / "gt" / "gt.txt")
    many = len(np.unique(rows.id[rows.score > 0])) > 1
    step = config.every_known if many else config.every
    with open_source(place) as source:
        for frame in source:
            if frame.index % step:
                continue
            image, factor = _reduced(frame.image, config.longest)
            here = rows.frame == frame.index
            name = f"{place.name}-{frame.index + 1:06d}"
            boxes = rows.xyxy * np.float32(factor)
            if many:
                truth = _people(rows, boxes, here)
                yield Picture(name=name, number=None, image=image, truth=truth)
            else:
                yield Picture(name=name, number=None, image=image, hints=boxes[here])


def _people(rows: MotRows, boxes: Float32[np.ndarray, "n 4"], here: np.ndarray) -> Labels:
    """The people of one frame of a MOT ground truth; rows to be ignored are doubtful."""
    person = here & np.isin(rows.class_id, PEOPLE) & (rows.score > 0)
    seen = person & (rows.visibility >= VISIBLE)
    return Labels.of(boxes[seen], np.zeros(int(seen.sum()), np.int64), boxes[here & ~person])


def _annotated(place: Path, config: LabelConfig) -> Iterator[Picture]:
    """Photos with COCO's ``instances.json``; crowds are doubtful."""
    path = place / "instances.json"
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        names = {entry["id"]: entry["name"] for entry in index["categories"]}
        entries = index["images"][:: config.every_photo]
        files = [place / "images" / entry["file_name"] for entry in entries]
        truths = [
            _instances([a for a in index["annotations"] if a["image_id"] == entry["id"]], names)
            for entry in entries
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no COCO instances file: {error!r}") from error
    for number, (file, truth) in enumerate(zip(files, truths, strict=True)):
        image, factor = _reduced(read_image(file), config.longest)
        scaled = Labels.of(truth.xyxy * factor, truth.class_id, truth.doubtful * factor)
        name = f"{place.name}-{file.stem}"
        yield Picture(name=name, number=number, image=image, truth=scaled, complete=True)


def _instances(annotations: Sequence[dict[str, Any]], names: dict[int, str]) -> Labels:
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
    return Labels.of(boxes, numbers, doubtful)
