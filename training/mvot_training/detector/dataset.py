"""The data set that the detector is trained on, as folders in ultralytics' YOLO format."""

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

from mvot_plugin.detectors import UltralyticsDetector
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame
from mvot_training.detector.config import DetectorTrainingConfig
from mvot_training.detector.images import TrainingImage, find_image_folders, read_images
from mvot_training.detector.pseudo_labels import (
    CLASSES,
    PseudoLabels,
    add_pseudo_labels,
    count_unexplained,
    create_pseudo_labels,
    estimate_reliable_scores,
    map_classes,
)

__all__ = ["blank_doubtful_boxes", "format_labels", "prepare_dataset"]

BLANK_LEVEL = 114
"""The grey level of ultralytics' padding, which the network is trained to see as background."""
MIN_SCORE = 0.1
"""The least score of a labeler's box that is used."""
MIN_OBJECT_SIDE = 4.0
"""Pixels of the shorter side of the smallest object that is labelled."""
MAX_BLANK_SHARE = 0.4
"""Images with a larger share of blanked pixels are left out."""
HELD_OUT_PHOTO_STEP = 8
"""Every so many-th photo of a folder is held out for validation."""

DetectionsByImage = dict[str, list[Detections]]
"""What each labeler found on each image, by the image's name."""


def prepare_dataset(
    config: DetectorTrainingConfig, data: Sequence[Path], labelers: Sequence[Path], folder: Path
) -> dict[str, Any]:
    """Write ``images/`` and ``labels/``, each with ``train/`` and ``val/``, into ``folder``.

    Labels are the ground truth, if there is any (people of multi-object sequences, objects of COCO
    photos), and what the labelers agree on. Doubtful boxes are painted grey, outside of labelled
    ones; images that are mostly doubtful, or show a crowd that no labels explain, are left out.
    The labelers' detections are kept in ``found/``, so that an interrupted run resumes; a complete
    folder is left as it is. Returns the contents of ``dataset.json``: counts of images and boxes
    by split, source and class.

    Raises ``InputError`` for data without any labels or of other settings than last time,
    ``UsageError`` for a single labeler.
    """
    _check_labelers(labelers)
    sources = find_image_folders(data)
    request = {
        "places": [source.name for source in sources],
        "labelers": [path.name for path in labelers],
        "settings": json.loads(json.dumps(asdict(config.labels))),
    }
    path = folder / "dataset.json"
    if path.is_file():
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["asked"] != request:
            raise InputError(
                f"{folder} was made from other data, labelers or settings; "
                "remove it, or name another --output or --cache"
            )
        if summary["images"]:
            return dict(summary)
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(path, {"asked": request, "images": {}})
    detections = _run_labelers(config, sources, labelers, folder / "found")
    summary = {"asked": request, **_write_images(config, sources, detections, folder)}
    _write_json(path, summary)
    return summary


def format_labels(labels: PseudoLabels, size: tuple[int, int]) -> list[str]:
    """Format the lines of a YOLO label file: class, and centre, width and height of the box.

    These are relative to the image's ``size``, (width, height) in pixels. Boxes are clipped to the
    image first; those smaller than 4 pixels are left out.
    """
    limit = np.array([*size, *size], np.float32)
    boxes = np.clip(labels.xyxy, 0, limit)
    lines = []
    for k, (x0, y0, x1, y1) in zip(labels.class_id, boxes / limit, strict=True):
        width, height = (x1 - x0) * size[0], (y1 - y0) * size[1]
        if min(width, height) >= MIN_OBJECT_SIDE:
            numbers = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
            lines.append(" ".join([str(k), *(f"{number:.6f}" for number in numbers)]))
    return lines


def blank_doubtful_boxes(
    image: UInt8[np.ndarray, "h w 3"], labels: PseudoLabels
) -> tuple[UInt8[np.ndarray, "h w 3"], float]:
    """Paint doubtful boxes grey, except where labelled ones are; also returns the grey share."""
    mask = np.zeros(image.shape[:2], bool)
    for boxes, value in ((labels.doubtful, True), (labels.xyxy, False)):
        for x0, y0, x1, y1 in np.round(np.maximum(boxes, 0)).astype(int):
            mask[y0:y1, x0:x1] = value
    blanked = image.copy()
    blanked[mask] = BLANK_LEVEL
    return blanked, float(mask.mean())


def _check_labelers(labelers: Sequence[Path]) -> None:
    if len(labelers) == 1:
        raise UsageError("--labelers needs two detectors or more: what two agree on is a label")
    for path in labelers:
        if not path.is_file():
            raise InputError(f"--labelers {path}: there is no such file")


def _run_labelers(
    config: DetectorTrainingConfig,
    sources: Sequence[Path],
    labelers: Sequence[Path],
    folder: Path,
) -> DetectionsByImage:
    """Run the labelers on all images; the detections of each source are kept in ``folder``."""
    detectors: list[UltralyticsDetector] = []
    detections: DetectionsByImage = {}
    if not labelers:
        return detections
    folder.mkdir(exist_ok=True)
    for source in sources:
        path = folder / f"{source.name}.npz"
        if not path.is_file():
            detectors = detectors or [UltralyticsDetector(p, conf=MIN_SCORE) for p in labelers]
            images = read_images(source, config.labels)
            _save_detections(path, _detect(detectors, images, source.name))
        detections.update(_load_detections(path, len(labelers)))
    return detections


def _detect(
    detectors: Sequence[UltralyticsDetector], images: Iterable[TrainingImage], title: str
) -> DetectionsByImage:
    detections = {}
    for image in tqdm(images, f"labelling {title}", leave=False, mininterval=5):
        frame = Frame(image=image.image, index=0, timestamp=0.0)
        detections[image.name] = [
            map_classes(detector(frame), dict(detector.names)) for detector in detectors
        ]
    return detections


def _save_detections(path: Path, detections: DetectionsByImage) -> None:
    columns: dict[str, np.ndarray] = {"names": np.array(list(detections), str)}
    for k, parts in enumerate(zip(*detections.values(), strict=True)):
        columns[f"count{k}"] = np.array([len(part) for part in parts], np.int64)
        rows = [np.column_stack([p.xyxy, p.confidence, p.class_id]) for p in parts]
        columns[f"rows{k}"] = np.concatenate(rows).astype(np.float32)
    unfinished = path.with_suffix(".part.npz")
    np.savez_compressed(unfinished, **columns)  # type: ignore[arg-type]
    unfinished.replace(path)


def _load_detections(path: Path, labelers: int) -> DetectionsByImage:
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


def _write_images(
    config: DetectorTrainingConfig,
    sources: Sequence[Path],
    detections: DetectionsByImage,
    folder: Path,
) -> dict[str, Any]:
    """Write images and labels; returns their counts, and the labelers' reliable scores."""
    reliable = estimate_reliable_scores(list(detections.values()), config.labels.agreement)
    counts, boxes = Counter[str](), Counter[str]()
    for part in ("images", "labels"):
        shutil.rmtree(folder / part, ignore_errors=True)
    for source in sources:
        for number, image in enumerate(read_images(source, config.labels)):
            labels = _label_image(image, detections.get(image.name, []), reliable, config)
            if labels is None:
                continue
            pixels, blank_share = blank_doubtful_boxes(image.image, labels)
            lines = format_labels(labels, (pixels.shape[1], pixels.shape[0]))
            skip_empty = not lines and number % config.labels.empty_step
            if skip_empty or blank_share > MAX_BLANK_SHARE:
                continue
            split = _choose_split(image, source.name in config.labels.held_out)
            _write_image(folder, split, image.name, pixels, lines)
            counts[f"{split} {source.name}"] += 1
            boxes.update(f"{split} {CLASSES[int(line.split()[0])]}" for line in lines)
    if not boxes:
        raise InputError(
            "nothing to train on: the data has no ground truth of people or photos with "
            "instances.json, and no --labelers to make labels; give two or more of them"
        )
    return {"images": dict(counts), "boxes": dict(boxes), "sure": reliable}


def _choose_split(image: TrainingImage, held_out: bool) -> str:
    step = HELD_OUT_PHOTO_STEP
    is_held_out_photo = image.number is not None and image.number % step == step - 1
    return "val" if held_out or is_held_out_photo else "train"


def _label_image(
    image: TrainingImage,
    detections: Sequence[Detections],
    reliable: Sequence[float],
    config: DetectorTrainingConfig,
) -> PseudoLabels | None:
    """The labels of an image; None without any, or with too many unexplained boxes."""
    if not detections or (image.complete and image.ground_truth is not None):
        return image.ground_truth
    agreement = config.labels.agreement
    labels = create_pseudo_labels(detections, reliable, agreement, image.hints)
    if image.ground_truth is not None:
        return add_pseudo_labels(image.ground_truth, labels)
    unexplained = count_unexplained(detections, reliable, agreement, labels)
    return None if unexplained > config.labels.max_unexplained else labels


def _write_image(
    folder: Path, split: str, name: str, image: UInt8[np.ndarray, "h w 3"], lines: Sequence[str]
) -> None:
    for part in ("images", "labels"):
        (folder / part / split).mkdir(parents=True, exist_ok=True)
    success, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not success:
        raise InputError(f"{name}: the image cannot be encoded")
    (folder / "images" / split / f"{name}.jpg").write_bytes(data.tobytes())
    text = "".join(f"{line}\n" for line in lines)
    (folder / "labels" / split / f"{name}.txt").write_text(text, encoding="utf-8")


def _write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
