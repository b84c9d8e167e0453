"""The same files, run by ultralytics and here, give the same detections."""

import warnings

import cv2
import numpy as np
import pytest

from helpers.paths import DATA
from mvot_plugin.detectors import OnnxDetector, UltralyticsDetector, load_detector
from mvot_plugin.detectors.ultralytics import import_ultralytics, isolate_ultralytics
from mvot_plugin.types import Frame

DETECTORS = DATA / "detectors"
YOLOX = DATA / "peers" / "yolox_nano" / "yolox_nano.onnx"
needs_data = pytest.mark.skipif(not DETECTORS.is_dir(), reason="needs ../shared/data")
MAN = np.array([499.2, 157.69, 530.23, 232.86]) - 1
"""One of the people in the first frame of PETS09-S2L1, from its ground truth."""


@pytest.fixture(scope="module")
def pets_frame():
    video = cv2.VideoCapture(str(DATA / "val/PETS09-S2L1/vtest.avi"))
    image = video.read()[1]
    video.release()
    return Frame(image=image, index=0, timestamp=0.0)


def assert_same(ours, theirs):
    order = np.lexsort((theirs.xyxy[:, 0], -theirs.confidence))
    mine = np.lexsort((ours.xyxy[:, 0], -ours.confidence))
    assert len(ours) == len(theirs) > 0
    assert ours.confidence[mine] == pytest.approx(theirs.confidence[order], abs=1e-4)
    assert ours.xyxy[mine] == pytest.approx(theirs.xyxy[order], abs=0.01)
    assert ours.class_id[mine].tolist() == theirs.class_id[order].tolist()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("yolo11n.yaml", {"dynamic": True}),
        ("yolo11n.yaml", {}),
        ("yolo26n.yaml", {"nms": False}),  # end to end, in ultralytics' words
    ],
    ids=["raw, any size", "raw", "end to end"],
)
def test_an_export_of_random_weights(name, options, tmp_path, monkeypatch, moving_frames):
    monkeypatch.chdir(tmp_path)
    with isolate_ultralytics():
        warnings.simplefilter("ignore")
        model = import_ultralytics().YOLO(name)
        path = model.export(format="onnx", imgsz=160, simplify=False, device="cpu", **options)
    ours = OnnxDetector(path, conf=0.0)
    theirs = UltralyticsDetector(path, conf=0.0, device="cpu", image_size=160)
    assert ours.names == theirs.names
    assert_same(ours(moving_frames[0]), theirs(moving_frames[0]))


@needs_data
@pytest.mark.parametrize("name", ["yolov8n_int8", "coco_ssd_mobilenetv2_300", "centernet_mbv3_512"])
def test_a_real_model(name, pets_frame):
    path = DETECTORS / f"{name}.onnx"
    ours, theirs = OnnxDetector(path), UltralyticsDetector(path, device="cpu")
    assert ours.names == theirs.names
    assert_same(ours(pets_frame), theirs(pets_frame))


@needs_data
@pytest.mark.parametrize("path", [YOLOX, DETECTORS / "yolov8n_int8.onnx"], ids=["yolox", "yolov8"])
def test_a_real_model_finds_the_people_of_a_real_frame(path, pets_frame):
    found = load_detector(str(path), classes="person", conf=0.3)(pets_frame)
    assert set(found.class_id) == {0}
    assert 3 <= len(found) <= 8
    assert np.abs(found.xyxy - MAN).max(1).min() < 6
