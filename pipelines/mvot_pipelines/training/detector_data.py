"""The pictures that the detector learns from, as folders in ultralytics' YOLO format."""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from mvot_pipelines.training.detector_settings import DetectorConfig
from mvot_pipelines.training.detector_sources import Picture, pictures, places
from mvot_pipelines.training.labelling import (
    CLASSES,
    Labels,
    agreed,
    in_classes,
    joined,
    sure_scores,
    unexplained,
)
from mvot_plugin.detectors import UltralyticsDetector
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

__all__ = ["blanked", "label_lines", "prepare"]

GREY = 114
"""What ultralytics pads images with, so the network knows that nothing is there."""
FLOOR = 0.1
"""The least score of a labeler's box that is looked at."""
SMALLEST = 4.0
"""Pixels of the shorter side of the smallest object that is labelled."""
MOST_BLANK = 0.4

Found = dict[str, list[Detections]]
"""What each labeler found on each picture, by the picture's name."""


def prepare(
    config: DetectorConfig, data: Sequence[Path], labelers: Sequence[Path], folder: Path
) -> dict[str, Any]:
    """Write ``images/`` and ``labels/``, each with ``train/`` and ``val/``, into ``folder``.

    Labels are the ground truth that there is (people of multi-object sequences, objects of COCO
    photos) and what the labelers agree on. Doubtful boxes are painted grey, outside of labelled
    ones; pictures that are mostly doubtful, or hold a crowd that nobody could label, are left
    out. What labelers found is kept in ``found/``, so that a run that was broken off goes on; a
    folder that is complete is left as it is. Returns the account in ``dataset.json``: counts of
    images and boxes by split, source and class.

    Raises ``InputError`` for material without anything to learn or of other settings than last
    time, ``UsageError`` for a single labeler.
    """
    _check(labelers)
    found_places = places(data)
    asked = {
        "places": [place.name for place in found_places],
        "labelers": [path.name for path in labelers],
        "settings": json.loads(json.dumps(asdict(config.labels))),
    }
    account = folder / "dataset.json"
    if account.is_file():
        known = json.loads(account.read_text(encoding="utf-8"))
        if known["asked"] != asked:
            raise InputError(
                f"{folder} was made from other data, labelers or settings; "
                "remove it, or name another --output"
            )
        if known["images"]:
            return dict(known)
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(account, {"asked": asked, "images": {}})
    found = _found(config, found_places, labelers, folder / "found")
    made = {"asked": asked, **_write(config, found_places, found, folder)}
    _write_json(account, made)
    return made


def label_lines(labels: Labels, size: tuple[int, int]) -> list[str]:
    """The lines of a YOLO label file: class, and centre, width and height as shares of the image.

    ``size`` is the image's ``(width, height)``. Boxes are clipped to the image first; those of
    less than 4 pixels are left out.
    """
    limit = np.array([*size, *size], np.float32)
    boxes = np.clip(labels.xyxy, 0, limit)
    lines = []
    for k, (x0, y0, x1, y1) in zip(labels.class_id, boxes / limit, strict=True):
        width, height = (x1 - x0) * size[0], (y1 - y0) * size[1]
        if min(width, height) >= SMALLEST:
            numbers = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            lines.append(" ".join([str(k), *(f"{number:.6f}" for number in numbers)]))
    return lines


def blanked(
    image: UInt8[np.ndarray, "h w 3"], labels: Labels
) -> tuple[UInt8[np.ndarray, "h w 3"], float]:
    """The image with its doubtful boxes grey but where labelled ones are, and how much is grey."""
    mask = np.zeros(image.shape[:2], bool)
    for boxes, value in ((labels.doubtful, True), (labels.xyxy, False)):
        for x0, y0, x1, y1 in np.round(np.maximum(boxes, 0)).astype(int):
            mask[y0:y1, x0:x1] = value
    painted = image.copy()
    painted[mask] = GREY
    return painted, float(mask.mean())


def _check(labelers: Sequence[Path]) -> None:
    if len(labelers) == 1:
        raise UsageError("--labelers needs two detectors or more: what two agree on is a label")
    for path in labelers:
        if not path.is_file():
            raise InputError(f"--labelers {path}: there is no such file")


def _found(
    config: DetectorConfig, found_places: Sequence[Path], labelers: Sequence[Path], folder: Path
) -> Found:
    """What the labelers find on all pictures, kept in ``folder`` place by place."""
    detectors: list[UltralyticsDetector] = []
    everything: Found = {}
    if not labelers:
        return everything
    folder.mkdir(exist_ok=True)
    for place in found_places:
        path = folder / f"{place.name}.npz"
        if not path.is_file():
            detectors = detectors or [UltralyticsDetector(p, conf=FLOOR) for p in labelers]
            _keep(path, _ask(detectors, pictures(place, config.labels), place.name))
        everything.update(_kept(path, len(labelers)))
    return everything


def _ask(detectors: Sequence[UltralyticsDetector], shown: Iterable[Picture], title: str) -> Found:
    found = {}
    for picture in tqdm(shown, f"labelling {title}", leave=False, mininterval=5):
        frame = Frame(image=picture.image, index=0, timestamp=0.0)
        found[picture.name] = [in_classes(ask(frame), dict(ask.names)) for ask in detectors]
    return found


def _keep(path: Path, found: Found) -> None:
    columns: dict[str, np.ndarray] = {"names": np.array(list(found), str)}
    for k, parts in enumerate(zip(*found.values(), strict=True)):
        columns[f"count{k}"] = np.array([len(part) for part in parts], np.int64)
        rows = [np.column_stack([p.xyxy, p.confidence, p.class_id]) for p in parts]
        columns[f"rows{k}"] = np.concatenate(rows).astype(np.float32)
    unfinished = path.with_suffix(".part.npz")
    np.savez_compressed(unfinished, **columns)  # type: ignore[arg-type]
    unfinished.replace(path)


def _kept(path: Path, labelers: int) -> Found:
    with np.load(path) as columns:
        names = [str(name) for name in columns["names"]]
        parts = [
            np.split(columns[f"rows{k}"], np.cumsum(columns[f"count{k}"])[:-1])
            for k in range(labelers if names else 0)
        ]
    return {
        name: [Detections.of(p[n][:, :4], p[n][:, 4], p[n][:, 5].astype(int)) for p in parts]
        for n, name in enumerate(names)
    }


def _write(
    config: DetectorConfig, found_places: Sequence[Path], found: Found, folder: Path
) -> dict[str, Any]:
    """Write images and labels; returns the counts, and the sure scores of the labelers."""
    rules = config.labels.agreement
    sure = sure_scores(list(found.values()), rules)
    images, boxes = Counter[str](), Counter[str]()
    for part in ("images", "labels"):
        shutil.rmtree(folder / part, ignore_errors=True)
    for place in found_places:
        for number, picture in enumerate(pictures(place, config.labels)):
            labels = _labels(picture, found.get(picture.name, []), sure, config)
            if labels is None:
                continue
            image, blank = blanked(picture.image, labels)
            lines = label_lines(labels, (image.shape[1], image.shape[0]))
            empty = not lines and number % config.labels.keep_empty
            if empty or blank > MOST_BLANK:
                continue
            photo = picture.number is not None and picture.number % 8 == 7
            split = "val" if photo or place.name in config.labels.held_out else "train"
            _write_picture(folder, split, picture.name, image, lines)
            images[f"{split} {place.name}"] += 1
            boxes.update(f"{split} {CLASSES[int(line.split()[0])]}" for line in lines)
    if not boxes:
        raise InputError(
            "nothing to learn: the data has no ground truth of people or photos with "
            "instances.json, and no --labelers to make labels; give two or more of them"
        )
    return {"images": dict(images), "boxes": dict(boxes), "sure": sure}


def _labels(
    picture: Picture, found: Sequence[Detections], sure: Sequence[float], config: DetectorConfig
) -> Labels | None:
    """The labels of a picture; None if nobody knows enough of it."""
    if picture.complete and picture.truth is not None:
        return picture.truth
    if not found:
        return picture.truth
    rules = config.labels.agreement
    labels = agreed(found, sure, rules, picture.hints)
    if picture.truth is not None:
        return joined(picture.truth, labels)
    crowded = unexplained(found, sure, rules, labels) > config.labels.crowd
    return None if crowded else labels


def _write_picture(
    folder: Path, split: str, name: str, image: UInt8[np.ndarray, "h w 3"], lines: Sequence[str]
) -> None:
    for part in ("images", "labels"):
        (folder / part / split).mkdir(parents=True, exist_ok=True)
    good, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not good:
        raise InputError(f"{name}: the image cannot be encoded")
    (folder / "images" / split / f"{name}.jpg").write_bytes(data.tobytes())
    text = "".join(f"{line}\n" for line in lines)
    (folder / "labels" / split / f"{name}.txt").write_text(text, encoding="utf-8")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
