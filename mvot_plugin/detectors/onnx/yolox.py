"""YOLOX, with its outputs as the head gives them or decoded, and YOLOv6.

The only output is (N, 5 + classes), one row for each cell: a centre, a size, an objectness and a
score for each class. YOLOX takes BGR in 0..255 in the top left corner; raw centres are in cells
from the cell's corner, and raw sizes are logarithms of cells. YOLOv6 gives pixels, its objectness
is always 1, and it takes RGB in 0..1, letterboxed in the center.
"""

from functools import partial

import numpy as np

from mvot_plugin.detectors.onnx.family import (
    Family,
    Outputs,
    Probe,
    are_unit,
    cell_corners,
    count_cells,
    drop_batch,
    name_classes,
)
from mvot_plugin.detectors.onnx.preparation import Colors, Size
from mvot_plugin.detectors.onnx.yolo import decode_objectness
from mvot_plugin.types import Detections

__all__ = ["recognize_yolox"]

_COLORS = Colors(order="bgr", deviation=(1.0,))
_IOU = 0.45
_PYRAMIDS = ((8, 16, 32), (8, 16, 32, 64))


def recognize_yolox(probe: Probe) -> Family | None:
    """The family of an export, or None where it is none of these."""
    table = probe.only_output()
    if table is None or table.shape[1] < 6 or not are_unit(table[:, 4:]):
        return None
    fitting = [strides for strides in _PYRAMIDS if len(table) == count_cells(probe.size, strides)]
    if not fitting:
        return None
    count = table.shape[1] - 5
    names, decoded = name_classes(probe, count), partial(decode_objectness, classes=count)
    if (table[:, 4] == 1).all():
        return Family(decode=decoded, names=names, iou=_IOU)
    raw = partial(_decode_cells, classes=count, strides=fitting[0])
    decode = decoded if _are_pixels(table, probe.size, fitting[0]) else raw
    return Family(decode=decode, names=names, colors=_COLORS, fit="corner", iou=_IOU)


def _are_pixels(table: np.ndarray, size: Size, strides: tuple[int, ...]) -> bool:
    """Whether centres lie near their cells, rather than near 0."""
    corners, _ = cell_corners(size, strides)
    far = np.abs(table[:, :2] - corners).mean()
    return bool(far < np.abs(table[:, :2]).mean())


def _decode_cells(
    outputs: Outputs, size: Size, conf: float, *, classes: int, strides: tuple[int, ...]
) -> Detections:
    table = drop_batch(next(iter(outputs.values())))
    rows = np.flatnonzero(table[:, 4] >= conf)
    corners, sides = (part[rows] for part in cell_corners(size, strides))
    centers = table[rows, :2] * sides + corners
    with np.errstate(over="ignore"):
        extents = np.exp(table[rows, 2:4]) * sides
    pixels = np.concatenate([centers, extents, table[rows, 4:]], axis=1)
    return decode_objectness({"pixels": pixels}, size, conf, classes=classes)
