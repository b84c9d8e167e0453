"""YOLO exports of ultralytics (v5 to 26), of the YOLOv5 and YOLOv7 repositories, and RT-DETR's.

All take RGB in 0..1, letterboxed in the center, and RT-DETR stretched. The boxes are in pixels:

- raw: (4 + classes, N), a centre, a size and a score for each class; further rows (masks, poses)
  are left out;
- with objectness (YOLOv5, YOLOv7): (N, 5 + classes), where three anchors share a cell;
- end to end (YOLOv10, YOLO26, ``nms=True``): (N, 6), corners, score and class;
- end to end (YOLOv7): (N, 7), batch, corners, class and score;
- RT-DETR of ultralytics: (N, 4 + classes), centres and sizes as shares of the input.
"""

import ast
from functools import partial

import numpy as np

from mvot_plugin.detectors.onnx.family import (
    Family,
    Outputs,
    Probe,
    are_unit,
    best_classes,
    count_cells,
    drop_batch,
    name_classes,
    parse_literal,
    to_corners,
)
from mvot_plugin.detectors.onnx.preparation import Size
from mvot_plugin.types import Detections

__all__ = ["decode_objectness", "recognize_yolo"]

_IOU = 0.7
_PYRAMIDS = ((8, 16, 32), (8, 16, 32, 64), (16, 32), (4, 8, 16, 32))
_ANCHORS = 3
_Columns = tuple[slice, int, int]
"""Where corners, score and class are in the rows of an end-to-end export."""
_ULTRALYTICS: _Columns = (slice(0, 4), 4, 5)
_YOLOV7: _Columns = (slice(1, 5), 6, 5)


def recognize_yolo(probe: Probe) -> Family | None:
    """The family of an export, or None where it is none of these."""
    tables = [drop_batch(array) for array in probe.outputs.values()]
    if not tables or tables[0].ndim != 2 or any(table.ndim < 3 for table in tables[1:]):
        return None
    table, count = tables[0], None if probe.names is None else len(probe.names)
    rows, columns = table.shape
    if _has_anchors(probe, rows) and columns >= 5 + (count or 1):
        return _raw(probe, columns - 5 if count is None else count, objectness=True)
    if columns >= 6 and (layout := _find_end_to_end(probe, table)) is not None:
        decode_rows = partial(_decode_end_to_end, layout=layout)
        return Family(decode=decode_rows, names=name_classes(probe, None))
    if count is not None and columns == 4 + count < rows and are_unit(table):
        decode = partial(_decode_shares, classes=count)
        return Family(decode=decode, names=name_classes(probe, count), fit="stretch")
    if rows < 4 + (count or 1) or (count is None and rows >= columns):
        return None
    found = rows - 4 if count is None else count
    return _raw(probe, found) if are_unit(table[4 : 4 + found]) else None


def _raw(probe: Probe, count: int, *, objectness: bool = False) -> Family:
    decode = decode_objectness if objectness else _decode_raw
    names = name_classes(probe, count)
    return Family(decode=partial(decode, classes=count), names=names, iou=_IOU)


def _has_anchors(probe: Probe, rows: int) -> bool:
    """Whether there are as many rows as anchors on the cells of a pyramid."""
    return any(rows == _ANCHORS * count_cells(probe.size, strides) for strides in _PYRAMIDS)


def _find_end_to_end(probe: Probe, table: np.ndarray) -> _Columns | None:
    """Where rows are detections, their layout: the file says so, or classes are whole numbers."""
    if probe.flags.get("end2end") == "True" or _was_exported_with_nms(probe):
        return _ULTRALYTICS
    rows, columns = table.shape
    layout = {6: _ULTRALYTICS, 7: _YOLOV7}.get(columns)
    if layout is None or any(rows == count_cells(probe.size, strides) for strides in _PYRAMIDS):
        return None
    classes = table[:, layout[2]]
    return layout if (classes == classes.round()).all() else None


def _was_exported_with_nms(probe: Probe) -> bool:
    arguments = parse_literal(probe.flags.get("args", ""), ast.literal_eval)
    return isinstance(arguments, dict) and arguments.get("nms") is True


def _decode_raw(outputs: Outputs, size: Size, conf: float, *, classes: int) -> Detections:
    table = _first(outputs)
    scores = table[4 : 4 + classes]
    best = scores.max(axis=0)
    cells = np.flatnonzero(best >= conf)
    boxes = to_corners(table[:4, cells].T)
    return Detections.of(boxes, best[cells], scores[:, cells].argmax(axis=0))


def decode_objectness(outputs: Outputs, size: Size, conf: float, *, classes: int) -> Detections:
    """Decode rows of centre, size, objectness and a score for each class, in pixels."""
    table = _first(outputs)
    table = table[table[:, 4] >= conf]
    scores = table[:, 5 : 5 + classes] * table[:, 4:5]
    rows, confidence, numbers = best_classes(scores, conf)
    return Detections.of(to_corners(table[rows, :4]), confidence, numbers)


def _decode_end_to_end(
    outputs: Outputs, size: Size, conf: float, *, layout: _Columns
) -> Detections:
    corners, score, number = layout
    table = _first(outputs)
    table = table[table[:, score] >= conf]
    return Detections.of(table[:, corners], table[:, score], table[:, number].astype(np.int64))


def _decode_shares(outputs: Outputs, size: Size, conf: float, *, classes: int) -> Detections:
    table = _first(outputs)
    rows, confidence, numbers = best_classes(table[:, 4 : 4 + classes], conf)
    boxes = to_corners(table[rows, :4]) * np.tile(size[::-1], 2)
    return Detections.of(boxes, confidence, numbers)


def _first(outputs: Outputs) -> np.ndarray:
    return drop_batch(next(iter(outputs.values())))
