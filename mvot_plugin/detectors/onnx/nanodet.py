"""NanoDet and NanoDet-Plus: each side's distance from a point as a distribution (GFL).

A row of each cell has a score for each class, and for left, top, right and bottom the logits of
the distances 0, 1, 2, ... cells. The distances count from the cell's middle, in NanoDet-Plus from
its corner. The parts are one output, (N, classes + 4 * distances), or two for each grid, scores and
logits. The networks take BGR as of ImageNet, letterboxed in the center.
"""

from functools import partial

import numpy as np
from jaxtyping import Float

from mvot_plugin.detectors.onnx.family import (
    IMAGENET,
    Family,
    Outputs,
    Probe,
    are_unit,
    best_classes,
    cell_corners,
    count_cells,
    drop_batch,
    name_classes,
)
from mvot_plugin.detectors.onnx.preparation import Colors, Size
from mvot_plugin.types import XYXY, Detections

__all__ = ["recognize_nanodet"]

_COLORS = Colors(order="bgr", mean=IMAGENET.mean[::-1], deviation=IMAGENET.deviation[::-1])
_IOU = 0.6
_STRIDES = (8, 16, 32)
_STRIDES_PLUS = (8, 16, 32, 64)
_SIDES = 4
_DISTANCES = (8, 17, 11)
"""How many distances a distribution may have; 8 are the default."""


def recognize_nanodet(probe: Probe) -> Family | None:
    """The family of an export, or None where it is none of these."""
    for distances in _DISTANCES:
        parts = _split(probe.outputs, distances)
        if parts is None or not are_unit(parts[0]) or are_unit(parts[1]):
            continue
        for strides in (_STRIDES, _STRIDES_PLUS):
            if len(parts[0]) == count_cells(probe.size, strides):
                from_corner = strides == _STRIDES_PLUS and len(probe.outputs) == 1
                decode = partial(
                    _decode, distances=distances, strides=strides, from_corner=from_corner
                )
                names = name_classes(probe, parts[0].shape[1])
                return Family(decode=decode, names=names, colors=_COLORS, pad=0, iou=_IOU)
    return None


def _split(outputs: Outputs, distances: int) -> tuple[np.ndarray, np.ndarray] | None:
    """All cells' scores and logits, the grids with small cells first; None for other outputs."""
    tables = [drop_batch(array) for array in outputs.values()]
    logits = _SIDES * distances
    if any(table.ndim != 2 for table in tables):
        return None
    if len(tables) == 1:
        classes = tables[0].shape[1] - logits
        return (tables[0][:, :classes], tables[0][:, classes:]) if classes > 0 else None
    grids: dict[int, list[np.ndarray]] = {}
    for table in sorted(tables, key=lambda table: table.shape[1] == logits):
        grids.setdefault(len(table), []).append(table)
    pairs = [grids[cells] for cells in sorted(grids, reverse=True)]
    if any(len(pair) != 2 or pair[1].shape[1] != logits for pair in pairs):
        return None
    if len({pair[0].shape[1] for pair in pairs}) != 1:
        return None
    scores, sides = zip(*pairs, strict=True)
    return np.concatenate(scores), np.concatenate(sides)


def _decode(
    outputs: Outputs,
    size: Size,
    conf: float,
    *,
    distances: int,
    strides: tuple[int, ...],
    from_corner: bool,
) -> Detections:
    parts = _split(outputs, distances)
    assert parts is not None, "recognized by these parts"
    scores, logits = parts
    rows, confidence, numbers = best_classes(scores, conf)
    points, sides = (part[rows] for part in cell_corners(size, strides))
    if not from_corner:
        points = points + sides / 2
    reach = _expect_distances(logits[rows], distances) * sides
    boxes = np.concatenate([points - reach[:, :2], points + reach[:, 2:]], axis=1)
    return Detections.of(boxes, confidence, numbers)


def _expect_distances(logits: Float[np.ndarray, "n k"], distances: int) -> Float[XYXY, " n"]:
    """The mean of each side's distribution, in cells."""
    grouped = logits.reshape(-1, _SIDES, distances)
    weights = np.exp(grouped - grouped.max(axis=2, keepdims=True))
    weights /= weights.sum(axis=2, keepdims=True)
    expected: np.ndarray = weights @ np.arange(distances, dtype=np.float32)
    return expected
