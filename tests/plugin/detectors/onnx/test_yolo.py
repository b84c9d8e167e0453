"""YOLO exports, against boxes worked by hand.

The frame is 120x60: in an input of 64x64 it is scaled by 8/15 to 64x32 and lies 16 rows down.
"""

import numpy as np
import pytest

from helpers.plugin.onnx_graphs import FRAME, RGB, table_of, write_graph
from mvot_plugin.detectors import OnnxDetector
from mvot_plugin.detectors.classes import COCO

SCALE = 8 / 15
CELLS = 8 * 8 + 4 * 4 + 2 * 2
SHARES = [value / 255 for value in RGB]
BOX = [30.0, 15.0, 60.0, 45.0]
CENTER = [45 * SCALE, 30 * SCALE + 16, 30 * SCALE, 30 * SCALE]
CORNERS = [30 * SCALE, 15 * SCALE + 16, 60 * SCALE, 45 * SCALE + 16]
NAMES = {"names": "{0: 'person', 1: 'dog'}", "task": "detect", "stride": "32"}


def detect(path, outputs, otherwise=None, frame=FRAME, metadata=None, **options):
    """Write a graph that answers only to RGB in 0..1, and run it on the frame."""
    hidden = otherwise or {name: np.zeros_like(table) for name, table in outputs.items()}
    write_graph(path / "model.onnx", outputs, pixel=SHARES, otherwise=hidden, metadata=metadata)
    detector = OnnxDetector(path / "model.onnx", **options)
    return detector, detector(frame)


def assert_found(found, *rows):
    assert found.xyxy == pytest.approx(np.array([row[0] for row in rows]), abs=1e-3)
    assert found.confidence == pytest.approx([row[1] for row in rows], abs=1e-6)
    assert found.class_id.tolist() == [row[2] for row in rows]


def raw(rows, cells=CELLS):
    return {"output0": table_of(cells, rows).transpose(0, 2, 1).copy()}


def test_raw_boxes_are_decoded_and_duplicates_left_out(tmp_path):
    near = [CENTER[0] + 1, *CENTER[1:]]
    rows = {3: [*CENTER, 0.1, 0.9], 4: [*near, 0.1, 0.8], 5: [*near, 0.7, 0.2]}
    detector, found = detect(tmp_path, raw(rows), metadata=NAMES)
    assert detector.names == {0: "person", 1: "dog"}
    moved = [30 + 1 / SCALE, 15, 60 + 1 / SCALE, 45]
    assert_found(found, (BOX, 0.9, 1), (moved, 0.7, 0))
    both = OnnxDetector(tmp_path / "model.onnx", iou=1.0)(FRAME)
    assert_found(both, (BOX, 0.9, 1), (moved, 0.8, 1), (moved, 0.7, 0))


def test_conf_and_classes_select(tmp_path):
    rows = {3: [*CENTER, 0.0, 0.5], 9: [40, 40, 4, 4, 0.25, 0.0], 10: [9, 40, 4, 4, 0.2, 0.0]}
    _, found = detect(tmp_path, raw(rows), metadata=NAMES)
    assert found.confidence.tolist() == [0.5, 0.25]
    model = tmp_path / "model.onnx"
    assert len(OnnxDetector(model, conf=0.1)(FRAME)) == 3
    assert OnnxDetector(model, classes="Person")(FRAME).class_id.tolist() == [0]
    assert OnnxDetector(model, classes=[1])(FRAME).class_id.tolist() == [1]


def test_rows_after_the_scores_are_masks_or_poses(tmp_path):
    rows = raw({3: [*CENTER, 0.1, 0.9, -7.0, 5.0]})
    rows["output1"] = np.zeros((1, 2, 16, 16), np.float32)
    _, found = detect(tmp_path, rows, metadata={**NAMES, "task": "segment"})
    assert_found(found, (BOX, 0.9, 1))


@pytest.mark.parametrize(("classes", "last"), [(80, COCO[79]), (3, "class2")])
def test_without_metadata_the_names_are_cocos_or_numbers(tmp_path, classes, last):
    cells = CELLS * 4  # of an input of 128x128, of which there are more than columns
    rows = raw({3: [2 * c for c in CENTER] + [0.0] * (classes - 1) + [0.9]}, cells)
    write_graph(tmp_path / "model.onnx", rows, shape=(1, 3, 128, 128))
    detector = OnnxDetector(tmp_path / "model.onnx")
    assert detector.names[classes - 1] == last
    assert_found(detector(FRAME), (BOX, 0.9, classes - 1))


@pytest.mark.parametrize("metadata", [None, NAMES], ids=["bare", "named"])
def test_objectness_of_yolov5_is_multiplied_with_the_scores(tmp_path, metadata):
    rows = {7: [*CENTER, 0.5, 0.2, 0.8], 8: [9, 40, 4, 4, 0.2, 0.0, 1.0]}
    _, found = detect(tmp_path, {"output": table_of(3 * CELLS, rows)}, metadata=metadata)
    assert_found(found, (BOX, 0.4, 1))


@pytest.mark.parametrize(
    "metadata",
    [None, NAMES, {**NAMES, "end2end": "True"}, {**NAMES, "args": "{'nms': True}"}],
    ids=["bare", "named", "end to end", "nms"],
)
def test_end_to_end_rows_are_taken_as_they_are(tmp_path, metadata):
    near = [CORNERS[0] + 1, *CORNERS[1:]]
    rows = {0: [*CORNERS, 0.9, 1.0], 1: [*near, 0.6, 1.0], 2: [*near, 0.1, 0.0]}
    _, found = detect(tmp_path, {"output0": table_of(300, rows)}, metadata=metadata)
    assert_found(found, (BOX, 0.9, 1), ([30 + 1 / SCALE, 15, 60, 45], 0.6, 1))


def test_end_to_end_rows_of_yolov7_have_the_batch_first(tmp_path):
    rows = table_of(2, {0: [0, *CORNERS, 1.0, 0.9], 1: [0, 1, 1, 2, 2, 0.0, 0.1]})[0]
    _, found = detect(tmp_path, {"output": rows})
    assert_found(found, (BOX, 0.9, 1))


@pytest.mark.parametrize("extra", [0, 1], ids=["two classes", "three"])
def test_rtdetr_of_ultralytics_gives_shares_of_a_stretched_frame(tmp_path, extra):
    rows = {5: [0.375, 0.5, 0.25, 0.5, 0.05, 0.9] + [0.0] * extra}
    names = {"names": str(["person", "dog", "cat"][: 2 + extra]), "task": "detect"}
    hidden = {"output0": table_of(300, {0: [0.02] * (6 + extra)}, 0.02)}
    outputs = {"output0": table_of(300, rows, 0.02)}
    _, found = detect(tmp_path, outputs, hidden, metadata=names)
    assert_found(found, (BOX, 0.9, 1))


def test_boxes_are_clipped_to_the_frame(tmp_path):
    _, found = detect(tmp_path, raw({3: [32, 32, 200, 200, 0.9, 0.0]}), metadata=NAMES)
    assert_found(found, ([0, 0, 120, 60], 0.9, 0))
