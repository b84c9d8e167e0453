"""Exports with boxes, scores and classes apart: SSD, CenterNet, RT-DETR, RF-DETR.

The frame of 120x60 is stretched to the input, unless that takes any size.
"""

import numpy as np
import pytest

from helpers.plugin.onnx_graphs import FRAME, RGB, write_graph
from mvot_plugin.detectors import OnnxDetector

BOX = [30.0, 15.0, 60.0, 45.0]
SHARES = [0.25, 0.25, 0.5, 0.75]
PIXELS = [16.0, 16.0, 32.0, 48.0]
IN_UNIT = np.divide(RGB, 255)
IMAGENET = np.divide(np.subtract(RGB, [123.675, 116.28, 103.53]), [58.395, 57.12, 57.375])


def floats(values):
    return np.array(values, np.float32)


def detect(folder, outputs, hidden, pixel, **options):
    """Write a graph that hides one output from other colours, and run it on the frame."""
    otherwise = {**outputs, hidden: np.zeros_like(outputs[hidden])}
    path = folder / "model.onnx"
    write_graph(path, outputs, pixel=pixel, otherwise=otherwise, **options)
    detector = OnnxDetector(path)
    found = detector(FRAME)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert found.confidence == pytest.approx([0.9])
    return detector.names[found.class_id[0]]


@pytest.mark.parametrize("ending", ["", ":0"])
@pytest.mark.parametrize("size", [(64, 64), ("height", "width")], ids=["fixed", "any size"])
def test_tensorflows_boxes_have_y_first_and_cocos_numbers(tmp_path, size, ending):
    outputs = {
        f"detection_boxes{ending}": floats([[[0.25, 0.25, 0.75, 0.5], [0, 0, 1, 1]]]),
        f"detection_classes{ending}": floats([[90, 1]]),
        f"detection_scores{ending}": floats([[0.9, 0.1]]),
        f"num_detections{ending}": floats([2]),
    }
    shape = (1, *size, 3)
    path = write_graph(tmp_path / "model.onnx", outputs, shape=shape, dtype="uint8")
    found = OnnxDetector(path)(FRAME)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert OnnxDetector(path, classes="toothbrush")(FRAME).class_id.tolist() == [90]
    if size == (64, 64):
        options = {"shape": shape, "dtype": "uint8", "pixel": RGB}
        assert detect(tmp_path, outputs, f"detection_scores{ending}", **options) == "toothbrush"


def test_torchvision_gives_pixels_without_a_batch(tmp_path):
    outputs = {
        "3018": floats([PIXELS, [0, 0, 64, 64]]),
        "3020": np.array([3, 1]),
        "3019": floats([0.9, 0.1]),
    }
    assert detect(tmp_path, outputs, "3019", IN_UNIT) == "car"
    nothing = {name: table[:0] for name, table in outputs.items()}
    path = write_graph(tmp_path / "none.onnx", nothing)
    assert len(OnnxDetector(path)(FRAME)) == 0


def test_the_ssd_of_mlperf_is_normalized_and_counts_from_1(tmp_path):
    outputs = {
        "bboxes": floats([[SHARES]]),
        "labels": np.array([[80]]),
        "scores": floats([[0.9]]),
    }
    assert detect(tmp_path, outputs, "scores", IMAGENET) == "toothbrush"


def test_rtdetr_is_asked_for_pixels_of_its_input(tmp_path):
    outputs = {
        "labels": np.array([[2, 0]]),
        "boxes": floats([[PIXELS, PIXELS]]),
        "scores": floats([[0.9, 0.1]]),
    }
    more = {"orig_target_sizes": (1, 2)}
    assert detect(tmp_path, outputs, "scores", IN_UNIT, more_inputs=more) == "car"


def test_pytorch_ssd_has_a_background_class_and_needs_suppression(tmp_path):
    scores = floats([[[0.06, 0.04, 0.9], [0.25, 0.05, 0.7], [0.9, 0.05, 0.05]]])
    near = [SHARES[0] + 0.01, *SHARES[1:]]
    outputs = {"scores": scores, "boxes": floats([[SHARES, near, near]])}
    symmetric = np.subtract(RGB, 127) / 128
    path = tmp_path / "model.onnx"
    background = floats([[[1, 0, 0]] * 3])
    otherwise = {**outputs, "scores": background}
    write_graph(path, outputs, pixel=symmetric, otherwise=otherwise)
    detector = OnnxDetector(path)
    found = detector(FRAME)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert detector.names == {0: "class0", 1: "class1"}
    assert found.class_id.tolist() == [1]


def test_scores_of_classes_may_be_independent(tmp_path):
    outputs = {"boxes": floats([[PIXELS]]), "scores": floats([[[0.8, 0.9]]])}
    metadata = {"names": '["cat", "dog"]'}
    assert detect(tmp_path, outputs, "scores", IN_UNIT, metadata=metadata) == "dog"


@pytest.mark.parametrize(
    ("names", "classes", "pixel", "answer"),
    [
        (("dets", "labels"), 91, IMAGENET, "toothbrush"),
        (("dets", "labels"), 5, IMAGENET, "class4"),
        (("pred_boxes", "logits"), 80, IN_UNIT, "toothbrush"),
    ],
    ids=["rf-detr", "rf-detr of one's own", "rt-detr"],
)
def test_transformers_answer_with_logits(tmp_path, names, classes, pixel, answer):
    logits = np.full((1, 2, classes), -9, np.float32)
    logits[0, 0, 90 if classes == 91 else -1] = np.log(0.9 / 0.1)
    boxes = floats([[[0.375, 0.5, 0.25, 0.5], [0.5, 0.5, 1, 1]]])
    path = tmp_path / "model.onnx"
    outputs = dict(zip(names, (boxes, logits), strict=True))
    otherwise = {**outputs, names[1]: np.full_like(logits, -9)}
    write_graph(path, outputs, pixel=pixel, otherwise=otherwise)
    detector = OnnxDetector(path)
    found = detector(FRAME)
    assert found.xyxy == pytest.approx(np.array([BOX]), abs=1e-3)
    assert found.confidence == pytest.approx([0.9])
    assert detector.names[found.class_id[0]] == answer
