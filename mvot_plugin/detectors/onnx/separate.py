"""Exports with boxes, scores and classes as separate outputs: SSD, CenterNet and others.

- of TensorFlow's detection API (``detection_boxes``, ``_scores``, ``_classes``): boxes as shares
  of the image, y before x, COCO's own class numbers, and images in 0..255;
- of torchvision (``boxes``, ``labels``, ``scores`` without a batch): pixels and COCO's own numbers;
- of MLPerf's SSD (``bboxes``, ``labels``, ``scores``): shares, classes from 1, ImageNet's colours;
- of RT-DETR and D-FINE (a second input, ``orig_target_sizes``): pixels of that size;
- of pytorch-ssd (boxes, and scores (N, classes) that sum to 1, class 0 being the background):
  shares, and RGB in -1..1;
- any other boxes with scores (N, classes), or with scores and labels: corners in pixels or as
  shares, and RGB in 0..1.

All stretch the frame to the input; one of any size takes the frame as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from mvot_plugin.detectors.classes import COCO, COCO_IDS
from mvot_plugin.detectors.onnx.family import (
    IMAGENET,
    Family,
    Outputs,
    Probe,
    are_unit,
    best_classes,
    drop_batch,
    name_classes,
)
from mvot_plugin.detectors.onnx.preparation import Colors, Size
from mvot_plugin.types import Detections

__all__ = ["recognize_separate"]

_IOU = 0.5
_LARGEST_SHARE = 2.0
"""Boxes whose coordinates are all below this are shares of the image; some reach beyond it."""
_SYMMETRIC = Colors(mean=(127.0,), deviation=(128.0,))


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The names of the outputs."""

    boxes: str
    scores: str
    labels: str | None


def recognize_separate(probe: Probe) -> Family | None:
    """The family of an export, or None where it is none of these."""
    parts = _find_parts(probe.outputs)
    if parts is None:
        return None
    if parts.labels is None:
        return _with_class_scores(probe, parts)
    tensorflow = parts.boxes.startswith("detection_boxes")
    torchvision = probe.outputs[parts.boxes].ndim == 2
    names: Mapping[int, str] = COCO_IDS if tensorflow or torchvision else COCO
    colors = Colors()
    if parts.boxes == "bboxes":
        names, colors = {number + 1: name for number, name in COCO.items()}, IMAGENET
    decode = partial(_decode_labels, parts=parts, y_first=tensorflow)
    return Family(decode=decode, names=probe.names or names, colors=colors, fit="stretch")


def _with_class_scores(probe: Probe, parts: _Parts) -> Family | None:
    rows = len(drop_batch(probe.outputs[parts.boxes]))
    columns = _count_columns(drop_batch(probe.outputs[parts.scores]), rows)
    scores = drop_batch(probe.outputs[parts.scores]).reshape(rows, columns)
    if not are_unit(scores):
        return None
    background = columns > 1 and bool((np.abs(scores.sum(axis=1) - 1) < 1e-2).all())
    return Family(
        decode=partial(_decode_scores, parts=parts, columns=columns, first=int(background)),
        names=name_classes(probe, columns - background),
        colors=_SYMMETRIC if background else Colors(),
        fit="stretch",
        iou=_IOU,
    )


def _find_parts(outputs: Outputs) -> _Parts | None:
    """The outputs that are boxes, scores and labels; None where they cannot be told."""
    prefixes = ("detection_boxes", "detection_scores", "detection_classes")
    named = [[name for name in outputs if name.startswith(prefix)] for prefix in prefixes]
    if all(named):
        return _Parts(boxes=named[0][0], scores=named[1][0], labels=named[2][0])
    return _find_parts_by_shape({name: drop_batch(array) for name, array in outputs.items()})


def _find_parts_by_shape(tables: Outputs) -> _Parts | None:
    boxes = next((k for k, v in tables.items() if v.ndim == 2 and v.shape[1] == 4), None)
    if boxes is None:
        return None
    rows = len(tables[boxes])
    widths = {name: _count_columns(v, rows) for name, v in tables.items() if name != boxes}
    labels = [name for name, width in widths.items() if width == 1 and _are_labels(name, tables)]
    scores = [name for name in widths if name not in labels and tables[name].dtype.kind == "f"]
    if len(scores) != 1 or len(labels) > 1 or len(widths) != 1 + len(labels):
        return None
    if not widths[scores[0]] or (labels and widths[scores[0]] != 1):
        return None
    return _Parts(boxes=boxes, scores=scores[0], labels=labels[0] if labels else None)


def _count_columns(table: np.ndarray, rows: int) -> int:
    """How many values a table has for each of ``rows``; 0 where it has another shape."""
    if table.shape in ((rows,), (1, rows), (rows, 1)):
        return 1
    return table.shape[1] if table.ndim == 2 and len(table) == rows else 0


def _are_labels(name: str, tables: Outputs) -> bool:
    return tables[name].dtype.kind in "iu" or "label" in name.lower() or "class" in name.lower()


def _decode_labels(
    outputs: Outputs, size: Size, conf: float, *, parts: _Parts, y_first: bool
) -> Detections:
    assert parts.labels is not None, "recognized with labels"
    scores = drop_batch(outputs[parts.scores]).reshape(-1)
    labels = drop_batch(outputs[parts.labels]).reshape(-1)
    boxes = drop_batch(outputs[parts.boxes]).reshape(-1, 4)
    rows = np.flatnonzero(scores >= conf)
    chosen = boxes[rows][:, [1, 0, 3, 2]] if y_first else boxes[rows]
    return Detections.of(_to_pixels(chosen, size), scores[rows], labels[rows].astype(np.int64))


def _decode_scores(
    outputs: Outputs, size: Size, conf: float, *, parts: _Parts, columns: int, first: int
) -> Detections:
    boxes = drop_batch(outputs[parts.boxes])
    scores = drop_batch(outputs[parts.scores]).reshape(len(boxes), columns)
    rows, confidence, numbers = best_classes(scores[:, first:], conf)
    return Detections.of(_to_pixels(boxes[rows], size), confidence, numbers)


def _to_pixels(boxes: np.ndarray, size: Size) -> np.ndarray:
    """Boxes in pixels of the input; shares are multiplied by its size."""
    are_shares = not len(boxes) or np.abs(boxes).max() < _LARGEST_SHARE
    return boxes * np.tile(size[::-1], 2) if are_shares else boxes
