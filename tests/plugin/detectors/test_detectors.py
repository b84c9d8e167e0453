import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.detectors import (
    Detector,
    ReplayDetector,
    as_detector,
    detector_names,
    drop_unusable,
    load_detector,
)
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

IMAGE = np.zeros((48, 64, 3), np.uint8)
FRAME = Frame(image=IMAGE, index=0, timestamp=0.0)

edges = st.sampled_from([-70.0, -1.0, 0.0, 0.5, 30.0, 47.0, 48.0, 63.5, 64.0, 99.0, np.nan, np.inf])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package with one entry point into a folder on the import path."""

    def install(name: str, body: str) -> None:
        (tmp_path / "other_pack.py").write_text(body)
        info = tmp_path / "other_pack-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-pack\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[mvot_plugin.detectors]\n{name} = other_pack:make\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "other_pack", raising=False)

    return install


@given(
    boxes=st.lists(st.tuples(edges, edges, edges, edges), max_size=12),
    confidence=st.sampled_from([0.0, 0.5, np.nan, np.inf]),
)
def test_usable_keeps_exactly_the_finite_boxes_that_overlap_the_image(boxes, confidence):
    found = Detections.of(boxes, confidence)
    left, dropped = drop_unusable(found, (64, 48))
    kept = [
        (x0, y0, x1, y1)
        for x0, y0, x1, y1 in boxes
        if np.isfinite([x0, y0, x1, y1, confidence]).all()
        and min(x1, 64) > max(x0, 0)
        and min(y1, 48) > max(y0, 0)
    ]
    assert list(map(tuple, left.xyxy.tolist())) == kept
    assert dropped == len(boxes) - len(kept)


def test_boxes_thinner_than_a_hundredth_of_a_pixel_are_dropped():
    found = Detections.of([[0, 0, 1e-30, 1e-30], [5, 5, 5.005, 9], [5, 5, 5.02, 9]])
    left, dropped = drop_unusable(found, (64, 48))
    assert left.xyxy[:, 2].tolist() == [np.float32(5.02)]
    assert dropped == 2


def test_boxes_that_reach_a_million_pixels_are_dropped():
    found = Detections.of([[0, 0, 9e5, 9], [0, 0, 2e6, 9], [-3e38, -3e38, 3e38, 3e38]])
    left, dropped = drop_unusable(found, (64, 48))
    assert left.xyxy.tolist() == [[0, 0, 9e5, 9]]
    assert dropped == 2


def test_boxes_partly_outside_are_kept_unclipped():
    found = Detections.of([[-10, -10, 5, 5]])
    left, dropped = drop_unusable(found, (64, 48))
    assert dropped == 0
    assert left is found


def test_replay_is_loaded_by_name_and_path(tmp_path):
    path = tmp_path / "det.txt"
    path.write_text("1,-1,1,1,4,4,5\n1,-1,1,1,4,4,9\n")
    replay = load_detector(f"replay:{path}", conf=8.0)
    assert isinstance(replay, ReplayDetector)
    assert len(replay(FRAME)) == 1
    with pytest.raises(UsageError, match="needs a MOT file: replay:PATH"):
        load_detector("replay")
    with pytest.raises(UsageError, match="carry no classes"):
        load_detector(f"replay:{path}", classes=["person"])


def test_an_unknown_detector_names_the_nearest():
    with pytest.raises(UsageError, match="unknown detector 'ultralitics': did you mean 'ultraly"):
        load_detector("ultralitics")
    with pytest.raises(
        UsageError, match=r"choose from FILE.py:FUNCTION, MODULE:FUNCTION, auto, .* yolo"
    ):
        load_detector("zzz")


def test_any_callable_is_a_detector():
    def detect(image_with_time: Frame) -> Detections:
        return Detections.empty()

    assert isinstance(detect, Detector)
    assert as_detector(detect) is detect
    with pytest.raises(UsageError, match=r"a detector is a callable .* got int"):
        as_detector(5)
    with pytest.raises(UsageError, match="unknown detector"):
        as_detector("zzz")


def test_another_package_adds_a_detector(package):
    package(
        "corner",
        "from mvot_plugin.types import Detections\n"
        "def make(*, conf, classes, device):\n"
        "    return lambda frame: Detections.of([[0, 0, 2, 2]], conf, len(classes))\n",
    )
    assert detector_names() == ["auto", "corner", "packaged", "replay", "ultralytics"]
    assert "other_pack" not in sys.modules
    found = load_detector("corner", conf=0.5, classes=["a", "b"])(FRAME)
    assert (found.confidence.tolist(), found.class_id.tolist()) == ([0.5], [2])


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            "import not_there_at_all\n",
            "of the package 'other-pack' .*ModuleNotFoundError: No module named 'not_there_at_all'",
        ),
        ("", "AttributeError"),
        ("def make(conf): pass\n", "TypeError"),
        ("def make(**options): return 5\n", "must be callable with a frame, got a int"),
    ],
)
def test_a_broken_package_is_named_when_its_detector_is_asked_for(package, body, fault):
    package("broken", body)
    assert "broken" in detector_names()
    with pytest.raises(UsageError, match="unknown detector"):
        load_detector("zzz")
    with pytest.raises(InputError, match=f"detector 'broken' .*{fault}"):
        load_detector("broken")


def test_an_error_meant_for_the_user_passes_as_it_is(package):
    package(
        "strict",
        "from mvot_plugin.errors import UsageError\n"
        "def make(**options): raise UsageError('strict needs a device')\n",
    )
    with pytest.raises(UsageError, match=r"^strict needs a device$"):
        load_detector("strict")


def test_importing_the_detectors_imports_no_framework():
    code = (
        "import sys, mvot_plugin.detectors\n"
        "assert not {'torch', 'ultralytics', 'supervision', 'onnxruntime'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", code]).returncode == 0
