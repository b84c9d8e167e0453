"""Detectors that take several frames in one call."""

import numpy as np
import pytest

from mvot_plugin.detectors import OnnxDetector, UltralyticsDetector, as_detector, load_detector
from mvot_plugin.detectors.base import SupportsBatches
from mvot_plugin.types import Detections, Frame

RNG = np.random.default_rng(0)
FRAMES = [
    Frame(image=RNG.integers(0, 256, (48, 64, 3), np.uint8), index=index, timestamp=0.0)
    for index in range(3)
]


class ImageBatches:
    """Takes images, alone and together."""

    def __init__(self):
        self.names, self.batches = {0: "person", 1: "car"}, []

    def __call__(self, image: np.ndarray):
        return self.detect_batch([image])[0]

    def detect_batch(self, images):
        assert all(isinstance(image, np.ndarray) for image in images)
        self.batches.append(len(images))
        return [
            np.array([[1, 2, 30, 40, 0.9, 0], [5, 6, 20 + image[0, 0, 0] / 99, 30, 0.4, 1]])
            for image in images
        ]


def test_what_takes_images_gets_a_batch_of_images():
    model = ImageBatches()
    detector = as_detector(model)
    assert isinstance(detector, SupportsBatches)
    together = detector.detect_batch(FRAMES)
    assert model.batches == [3]
    assert all(isinstance(found, Detections) for found in together)
    for frame, found in zip(FRAMES, together, strict=True):
        np.testing.assert_array_equal(found.xyxy, detector(frame).xyxy)


def test_what_does_not_say_what_it_takes_is_called_one_by_one_until_that_is_known():
    class Model:
        def __init__(self):
            self.batches = []

        def __call__(self, image):
            return [[1, 2, 3, 4]] if image.shape else None

        def detect_batch(self, images):
            self.batches.append([image.shape for image in images])
            return [[[1, 2, 3, 4]]] * len(images)

    model = Model()
    detector = as_detector(model)
    with pytest.warns(UserWarning, match="takes an image"):
        assert [len(found) for found in detector.detect_batch(FRAMES)] == [1, 1, 1]
    assert model.batches == []
    detector.detect_batch(FRAMES)
    assert model.batches == [[(48, 64, 3)] * 3]


def test_of_code_by_its_name_the_same_is_kept_of_a_batch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "batch_code.py").write_text(
        "import numpy as np\n"
        "class Model:\n"
        "    names = {0: 'person', 1: 'car'}\n"
        "    def __call__(self, image: np.ndarray):\n"
        "        return self.detect_batch([image])[0]\n"
        "    def detect_batch(self, images):\n"
        "        found = [[1, 2, 30, 40, 0.9, 0], [5, 6, 20, 30, 0.4, 1]]\n"
        "        return [np.array(found)] * len(images)\n"
    )
    for options, kept in (({"conf": 0.5}, [0]), ({"classes": "car"}, [1]), ({}, [0, 1])):
        detector = load_detector("batch_code.py:Model", **options)
        assert isinstance(detector, SupportsBatches)
        batch = detector.detect_batch(FRAMES)
        assert [found.class_id.tolist() for found in batch] == [kept] * 3
        assert detector(FRAMES[0]).class_id.tolist() == kept


def test_detectors_without_batches_are_told_from_those_with():
    assert not isinstance(as_detector(lambda image: []), SupportsBatches)
    assert OnnxDetector.is_thread_safe


def test_a_batch_of_ultralytics_finds_what_its_frames_alone_find():
    detector = UltralyticsDetector("yolo11n.yaml", conf=0.0, max_det=5, image_size=64)
    together = detector.detect_batch(FRAMES)
    assert [len(found) for found in together] == [len(detector(frame)) for frame in FRAMES]
    for frame, found in zip(FRAMES, together, strict=True):
        np.testing.assert_allclose(found.xyxy, detector(frame).xyxy, atol=0.5)
