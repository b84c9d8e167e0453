"""YOLOX, YOLOv6 and NanoDet, whose rows are cells, against boxes worked by hand."""

from itertools import pairwise

import numpy as np
import pytest

from helpers.plugin.onnx_graphs import FRAME, RGB, table_of, write_graph
from mvot_plugin.detectors import OnnxDetector

CELLS = 8 * 8 + 4 * 4 + 2 * 2
PLUS_CELLS = CELLS + 1
SCALE = 8 / 15
BOX = [30.0, 15.0, 60.0, 45.0]
IN_CORNER = [45 * SCALE, 30 * SCALE, 30 * SCALE, 30 * SCALE]
IN_CENTER = [45 * SCALE, 30 * SCALE + 16, 30 * SCALE, 30 * SCALE]
BGR = RGB[::-1]
NORMALIZED = np.divide(np.subtract(BGR, [103.53, 116.28, 123.675]), [57.375, 57.12, 58.395])
CELL = 4 * 8 + 3
"""The cell of stride 8 in row 4 and column 3: pixels (24, 32) to (32, 40)."""


def detect(folder, outputs, hidden, pixel):
    write_graph(folder / "model.onnx", outputs, pixel=pixel, otherwise=hidden)
    return OnnxDetector(folder / "model.onnx")(FRAME)


def pixels_of_cells(rows):
    """A decoded table whose boxes lie on their cells, but for ``rows``."""
    table = table_of(CELLS, rows)
    corners = [np.mgrid[: 64 // s, : 64 // s].reshape(2, -1)[::-1].T * s for s in (8, 16, 32)]
    others = [k for k in range(CELLS) if k not in rows]
    table[0, others, :2] = np.concatenate(corners)[others]
    return table


def test_raw_yolox_counts_in_cells_from_their_corner(tmp_path):
    x, y, width, height = IN_CORNER
    inside = [(x - 24) / 8, (y - 32) / 8, np.log(width / 8), np.log(height / 8)]
    rows = {
        CELL: [*inside, 0.9, 0.2, 1.0],
        64 + 1: [1.0, 0.5, 0.0, 0.0, 0.5, 1.0, 0.0],  # stride 16, row 0, column 1
    }
    table = table_of(CELLS, rows)
    table[0, 0, :2] = -1
    hidden = table * [1, 1, 1, 1, 0, 1, 1]
    found = detect(tmp_path, {"output": table}, {"output": hidden.astype(np.float32)}, BGR)
    other = np.array([32 - 8, 8 - 8, 32 + 8, 8 + 8]) / SCALE
    assert found.xyxy == pytest.approx(np.array([BOX, other]), abs=1e-3)
    assert found.confidence == pytest.approx([0.9, 0.5])
    assert found.class_id.tolist() == [1, 0]


def test_decoded_yolox_is_taken_in_pixels(tmp_path):
    table = pixels_of_cells({CELL: [*IN_CORNER, 0.9, 0.2, 1.0]})
    found = detect(tmp_path, {"output": table}, {"output": pixels_of_cells({CELL: [0.0] * 7})}, BGR)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert (found.confidence, found.class_id.tolist()) == (pytest.approx([0.9]), [1])


def test_yolov6_is_known_by_its_objectness_of_1(tmp_path):
    table = pixels_of_cells({CELL: [*IN_CENTER, 1.0, 0.2, 0.9]})
    hidden = pixels_of_cells({CELL: [0.0] * 7})
    table[..., 4] = hidden[..., 4] = 1
    found = detect(tmp_path, {"output": table}, {"output": hidden}, np.divide(RGB, 255))
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert (found.confidence, found.class_id.tolist()) == (pytest.approx([0.9]), [1])


def distances_as_logits(point, stride):
    """Logits of 8 distances whose means are the box's four distances from ``point``."""
    x, y, width, height = IN_CENTER
    left, top = point[0] - (x - width / 2), point[1] - (y - height / 2)
    logits = []
    for distance in np.array([left, top, width - left, height - top]) / stride:
        low = int(distance)
        weights = np.full(8, 1e-9)
        weights[[low, low + 1]] = low + 1 - distance + 1e-9, distance - low + 1e-9
        logits += np.log(weights).tolist()
    return logits


def nanodet(cells, logits):
    table = table_of(cells, {CELL: [0.1, 0.9, *logits]}, 0.0)
    table[..., 2:] = np.where(table[..., 2:] == 0, -3.0, table[..., 2:])
    hidden = table.copy()
    hidden[0, CELL, :2] = 0
    return {"output": table}, {"output": hidden}


@pytest.mark.parametrize(
    ("cells", "point"), [(CELLS, (28, 36)), (PLUS_CELLS, (24, 32))], ids=["nanodet", "plus"]
)
def test_nanodet_adds_mean_distances_to_its_points(tmp_path, cells, point):
    answer, hidden = nanodet(cells, distances_as_logits(point, 8))
    found = detect(tmp_path, answer, hidden, NORMALIZED)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert (found.confidence, found.class_id.tolist()) == (pytest.approx([0.9]), [1])


def test_nanodet_in_an_output_for_each_grid_is_the_same(tmp_path):
    def split(table):
        ends = np.cumsum([0, 64, 16, 4])
        grids = [table["output"][:, a:b] for a, b in pairwise(ends)]
        scores = {f"cls_pred_stride_{8 << k}": grid[..., :2] for k, grid in enumerate(grids)}
        sides = {f"dis_pred_stride_{8 << k}": grid[..., 2:] for k, grid in enumerate(grids)}
        return scores | sides

    answer, hidden = nanodet(CELLS, distances_as_logits((28, 36), 8))
    found = detect(tmp_path, split(answer), split(hidden), NORMALIZED)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert (found.confidence, found.class_id.tolist()) == (pytest.approx([0.9]), [1])
