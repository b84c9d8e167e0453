import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from helpers.paths import DATA
from mvot_plugin.detectors import UltralyticsDetector, as_detector, load_detector
from mvot_plugin.detectors.models import looks_like_model
from mvot_plugin.detectors.ultralytics import is_model
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Frame

SSD = DATA / "detectors" / "coco_ssd_mobilenetv2_300.onnx"
needs_data = pytest.mark.skipif(not SSD.is_file(), reason="needs ../shared/data")
BLANK = Frame(image=np.zeros((48, 64, 3), np.uint8), index=0, timestamp=0.0)


class Model:
    """A fake model object: returns scripted results and records the arguments of its calls."""

    def __init__(self) -> None:
        self.names = {0: "person", 1: "Dining Table", 2: "42"}
        self.asked: dict[str, object] = {}

    def predict(self, image: np.ndarray, **options: object) -> list[object]:
        self.asked = {"size": image.shape, **options}
        boxes = SimpleNamespace(
            xyxy=torch.ones(1, 4), conf=torch.full((1,), 0.5), cls=torch.ones(1)
        )
        return [SimpleNamespace(boxes=boxes)]


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A working directory without models, on a machine where every download is refused."""
    monkeypatch.chdir(tmp_path)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("YOLO_OFFLINE", raising=False)


@pytest.fixture(scope="module")
def pets_frame():
    video = cv2.VideoCapture(str(DATA / "val/PETS09-S2L1/vtest.avi"))
    image = video.read()[1]
    video.release()
    return Frame(image=image, index=0, timestamp=0.0)


@needs_data
def test_a_real_model_finds_the_people_of_a_real_frame(pets_frame):
    detector = UltralyticsDetector(SSD, conf=0.3)
    found = detector(pets_frame)
    people = found[found.class_id == 0]
    assert detector.names[0] == "person"
    assert len(people) >= 3
    assert (found.confidence >= 0.3).all()
    known = np.array([499.2, 157.69, 530.23, 232.86]) - 1
    assert np.abs(people.xyxy - known).max(1).min() < 10


@needs_data
def test_classes_are_chosen_by_name_and_number(pets_frame):
    assert set(UltralyticsDetector(SSD, classes=["person"])(pets_frame).class_id) == {0}
    assert set(UltralyticsDetector(SSD, classes="Person, 2")(pets_frame).class_id) == {0, 2}
    with pytest.raises(UsageError, match="unknown class 'persn': did you mean 'person'"):
        UltralyticsDetector(SSD, classes=["persn"])


@needs_data
def test_a_confidence_and_a_device_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="conf is a confidence from 0 to 1, got 30"):
        UltralyticsDetector(SSD, conf=30.0)
    with pytest.raises(InputError, match=r"could not be loaded .*=99") as caught:
        UltralyticsDetector(SSD, device="cuda:99")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="'colour' is not a valid YOLO argument"):
        UltralyticsDetector(SSD, colour="red")


def test_a_model_of_random_weights_is_built_offline():
    detector = load_detector("yolo11n.yaml", conf=0.0, device="cpu")
    assert len(detector.names) == 80
    found = detector(BLANK)
    assert found.xyxy.shape == (len(found), 4)


def test_a_model_object_is_used_as_it_is():
    model = Model()
    detector = UltralyticsDetector(
        model, conf=0.4, classes=["dining table", 0], image_size=320, iou=0.5
    )
    found = detector(BLANK)
    assert (found.confidence.tolist(), found.class_id.tolist()) == ([0.5], [1])
    asked = {"conf": 0.4, "classes": [0, 1], "imgsz": 320, "iou": 0.5, "device": None}
    assert model.asked == {"size": (48, 64, 3), "verbose": False, **asked}


def test_a_class_whose_name_is_a_number_goes_before_the_number():
    model = Model()
    UltralyticsDetector(model, classes="42")(BLANK)
    assert model.asked["classes"] == [2]
    UltralyticsDetector(model, classes=[], device="cpu")(BLANK)
    assert "classes" not in model.asked
    assert model.asked["device"] == "cpu"


def test_an_ultralytics_model_is_a_detector_as_it_stands():
    from ultralytics import YOLO

    model = YOLO("yolo11n.yaml")
    assert is_model(model)
    assert not is_model(Model())
    assert isinstance(as_detector(model), UltralyticsDetector)


def test_models_without_boxes_are_refused():
    with pytest.raises(InputError, match=r"'yolo11n-cls.yaml' cannot be used: .*no boxes; use a"):
        UltralyticsDetector("yolo11n-cls.yaml")


@pytest.mark.parametrize(
    ("task", "has"),
    [
        ("obb", lambda found: found.data["xyxyxyxy"].shape[1:] == (4, 2)),
        ("pose", lambda found: found.keypoints.shape[1:] == (17, 3)),
        ("seg", lambda found: found.masks.shape[1:] == (64, 64)),
    ],
)
def test_models_of_other_tasks_say_more_than_boxes(task, has):
    torch.manual_seed(1)  # of the weights
    detector = UltralyticsDetector(f"yolo11n-{task}.yaml", conf=0.0, image_size=64, max_det=3)
    found = detector(BLANK)
    assert 0 < len(found) <= 3  # objects whose masks are empty are left out
    assert has(found)
    assert found.class_names == detector.names


@pytest.mark.usefixtures("offline")
@pytest.mark.filterwarnings("ignore::mvot_plugin.errors.ExecutableModel")
@pytest.mark.parametrize(
    "name",
    ["yolo11n.pt", "yolo11n", "yolo99z.pt", "mine.pt", "mine.onnx", "https://x.invalid/a.pt"],
)
def test_a_model_that_is_nowhere_gets_one_sentence_at_once(name):
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        UltralyticsDetector(name)
    assert str(caught.value) == (
        f"model {name!r} could not be found or downloaded; give the path of a .pt or .onnx file, "
        "or a file of detections (--detections FILE)"
    )
    assert time.monotonic() - start < 10


@pytest.mark.usefixtures("offline")
@pytest.mark.filterwarnings("ignore::mvot_plugin.errors.ExecutableModel")
@pytest.mark.parametrize("name", ["bad.pt", "bad.onnx", "bad.yaml", "empty.pt", "empty.onnx"])
def test_a_damaged_model_gets_one_sentence(name, capfd):
    Path(name).write_bytes(b"a: [1" if name.startswith("bad") else b"")
    with pytest.raises(InputError, match=f"model '{name}' could not be loaded") as caught:
        UltralyticsDetector(name)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_missing_library_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(UsageError, match=r"pip install 'mvot-plugin\[yolo\]'"):
        UltralyticsDetector("yolo11n.pt")


def test_a_missing_runtime_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    model = tmp_path / "some.onnx"
    model.write_bytes(b"x")
    with pytest.raises(UsageError, match="needs a package that is missing: pip install onnxrun"):
        UltralyticsDetector(model)


def test_the_process_is_left_as_it_was():
    environment, logger = dict(os.environ), logging.getLogger("ultralytics")
    filters = list(logger.filters)
    before = cv2.getNumThreads(), torch.get_num_threads(), np.get_printoptions()
    UltralyticsDetector("yolo11n.yaml", device="cpu")(BLANK)
    after = cv2.getNumThreads(), torch.get_num_threads(), np.get_printoptions()
    assert after == before
    assert dict(os.environ) == environment
    assert logger.filters == filters


def test_a_fresh_process_keeps_its_threads_and_prints_nothing(tmp_path):
    code = (
        "import cv2, numpy as np\n"
        "threads = cv2.getNumThreads()\n"
        "from mvot_plugin.detectors import load_detector\n"
        "from mvot_plugin.types import Frame\n"
        "image = np.zeros((48, 64, 3), np.uint8)\n"
        "load_detector('yolo11n.yaml')(Frame(image=image, index=0, timestamp=0.0))\n"
        "import os, torch, ultralytics.utils as used\n"
        "assert (cv2.getNumThreads(), 'OMP_NUM_THREADS' in os.environ) == (threads, False)\n"
        "assert torch.get_num_threads() >= min(2, os.cpu_count())\n"
        "assert not used.ONLINE and not used.AUTOINSTALL\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment["YOLO_CONFIG_DIR"] = str(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        *[("a/b/best.pt", True), ("x.ONNX", True), ("yolo11n", True), ("m_openvino_model", True)],
        *[("rtdetr-l", True), ("https://host/m", True), ("det.txt", False), ("hold", False)],
    ],
)
def test_model_names_are_distinguished_from_other_names(name, answer):
    assert looks_like_model(name) == answer
