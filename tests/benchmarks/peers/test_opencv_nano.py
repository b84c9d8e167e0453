"""NanoTrack of OpenCV as a motion engine, mostly with a fake of OpenCV's tracker."""

import json
from itertools import islice

import cv2
import numpy as np
import pytest

from helpers.benchmarks.fake_nano import FakeTrackerNano, install_fake_nano
from helpers.benchmarks.moving_sequence import IMAGE, write_sequence
from helpers.paths import DATA
from mvot_benchmarks import vot
from mvot_benchmarks.cli import main
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.mot import evaluate_one
from mvot_benchmarks.peers import OpenCVNanoEngine
from mvot_benchmarks.peers.opencv_nano import FILES
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.errors import InputError

MODELS, CAMPUS = DATA / "peers" / "nanotrackv2", DATA / "val" / "TUD-Campus"
BOXES = np.array([[0.4, 10.3, 40.2, 50.1], [100, 20, 120, 60]], np.float32)


@pytest.fixture
def model_folder(tmp_path, monkeypatch):
    return install_fake_nano(tmp_path, monkeypatch)


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


def test_each_target_has_its_own_tracker(model_folder):
    engine = OpenCVNanoEngine.from_folder(model_folder)
    assert isinstance(engine, MotionEngine)
    targets = engine.enroll(engine.observe(IMAGE), BOXES)
    targets, motion = engine.track(engine.observe(IMAGE), targets)
    assert motion.boxes.tolist() == [[2, 10, 42, 50], [102, 20, 122, 60]]
    assert motion.scores.tolist() == [1, 1]
    one, motion = engine.track(engine.observe(IMAGE), targets[[1]])
    assert motion.boxes.tolist() == [[104, 20, 124, 60]]
    assert motion.scores == pytest.approx([0.9])
    joined = Targets.cat([one, engine.enroll(engine.observe(IMAGE), BOXES[:1])])
    _, motion = engine.track(engine.observe(IMAGE), joined)
    assert motion.boxes[:, 0].tolist() == [106, 2]


def test_a_lost_target_keeps_its_box_with_a_score_of_0(model_folder):
    engine = OpenCVNanoEngine.from_folder(model_folder)
    targets = engine.enroll(engine.observe(IMAGE), BOXES)
    for _ in range(3):
        targets, motion = engine.track(engine.observe(IMAGE), targets)
    last = motion.boxes
    targets, motion = engine.track(engine.observe(IMAGE), targets)
    assert np.array_equal(motion.boxes, last)
    assert motion.scores.tolist() == [0, 0]


def test_refresh_initialises_the_same_tracker_again(model_folder):
    engine = OpenCVNanoEngine.from_folder(model_folder)
    targets = engine.enroll(engine.observe(IMAGE), BOXES)
    created, moved = FakeTrackerNano.created, BOXES + np.float32(30)
    targets = engine.refresh(engine.observe(IMAGE), targets, moved, np.zeros(2, np.bool_))
    assert FakeTrackerNano.created == created
    assert np.array_equal(targets.boxes, moved)
    assert engine.track(engine.observe(IMAGE), targets)[1].boxes[:, 0].tolist() == [32, 132]


def test_no_targets_and_thin_boxes_are_fine_and_boxes_without_area_are_not(model_folder):
    engine = OpenCVNanoEngine.from_folder(model_folder)
    none = engine.enroll(engine.observe(IMAGE), BOXES[:0])
    assert len(engine.track(engine.observe(IMAGE), none)[1].boxes) == 0
    thin = engine.enroll(engine.observe(IMAGE), np.array([[3.1, 3.1, 3.2, 3.3]], np.float32))
    assert thin.tracker[0].rectangle == (3, 3, 1, 1)
    with pytest.raises(ValueError, match="box 0"):
        engine.enroll(engine.observe(IMAGE), BOXES[:1, [2, 1, 0, 3]])


@pytest.mark.usefixtures("no_peer_packages")
def test_a_missing_model_file_is_an_error_that_names_it(tmp_path, sequence, capsys):
    (tmp_path / FILES[0]).write_bytes(b"")
    with pytest.raises(InputError, match=f"{FILES[1]}: no such file; --nanotrack takes a folder"):
        OpenCVNanoEngine.from_folder(tmp_path)
    assert main(["peers", str(sequence), "--engine", "hold", "--nanotrack", "nowhere"]) == 1
    assert capsys.readouterr().err.startswith(f"mvot-bench: nowhere/{FILES[0]}: no such file")


def test_files_that_are_not_networks_are_errors(tmp_path):
    for name in FILES:
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(InputError, match="OpenCV cannot read the networks"):
        OpenCVNanoEngine.from_folder(tmp_path)


@pytest.mark.skipif(not (MODELS.is_dir() and CAMPUS.is_dir()), reason="needs ../shared/data")
def test_the_real_nanotrack_tracks_people_in_a_real_video(capfd):
    level = cv2.utils.logging.getLogLevel()
    engine = OpenCVNanoEngine.from_folder(MODELS)
    score = vot.evaluate(engine, CAMPUS, limit=6)
    assert score.failures == 0
    assert score.mean_iou > 0.75 > vot.evaluate(load_engine("hold"), CAMPUS, limit=6).mean_iou
    with open_sequence(CAMPUS).open() as source:
        first, second = islice(source, 2)
    targets = engine.enroll(engine.observe(first), np.array([[-9, -9, 31, 51]], np.float32))
    _, motion = engine.track(engine.observe(second), targets)  # partly outside
    assert 0 < motion.scores[0] <= 1
    assert capfd.readouterr().err == ""
    assert cv2.utils.logging.getLogLevel() == level


@pytest.mark.usefixtures("no_peer_packages")
def test_nanotrack_runs_in_our_pipeline_and_from_ground_truth(
    model_folder, sequence, tmp_path, capsys
):
    file = tmp_path / "peers.json"
    arguments = ["peers", str(sequence), "--engine", "hold", "--detect-every", "3"]
    arguments += ["--nanotrack", str(model_folder), "--json", str(file)]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "\n| opencv-nano | **" in out
    assert "| MOVES | accuracy | robustness |" in out
    assert "opencv-nano was skipped" not in out
    stored = json.loads(file.read_text())
    assert [(row["engine"], row["k"], row["detector"]) for row in stored["rows"]] == [
        ("hold", 3, "replay"), ("opencv-nano", 3, "replay"), ("lk-hungarian", 3, "replay"),
        ("hold", None, None), ("opencv-nano", None, None),
    ]  # fmt: skip
    assert stored["settings"]["nanotrack"].startswith(f"{model_folder.name} (sha256 ")
    assert str(tmp_path) not in file.read_text()
    direct = evaluate_one(sequence, "x", OpenCVNanoEngine.from_folder(model_folder), 3)
    assert stored["rows"][1]["scores"]["mota"] == direct.scores.mota
    assert main(arguments) == 0
    out_again, err = capsys.readouterr()
    assert err.count("(from ") == 5
    assert out_again == out
