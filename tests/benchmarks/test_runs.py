"""`--runs` of `mvot-bench mot` and `mvot-bench peers`: detections that are perturbed a little."""

import json

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import IMAGE, write_sequence
from mvot_benchmarks.cli import main
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detectors import DetectorChoice, PerturbedDetector
from mvot_plugin.types import Detections, Frame

BOXES = np.tile(np.float32([10, 20, 60, 120]), (4000, 1))


def frame_at(index):
    return Frame(image=IMAGE, index=index, timestamp=index / 10)


def detect(frame):
    """The same box often, with confidences that say which."""
    return Detections.of(BOXES, np.arange(len(BOXES)), 7)


def test_a_few_per_cent_are_dropped_and_the_edges_jittered_by_the_size_of_the_box():
    found = PerturbedDetector(detector=detect, run=1)(frame_at(0))
    assert 0.02 < 1 - len(found) / len(BOXES) < 0.04
    errors = (found.xyxy - BOXES[0]) / (50, 100, 50, 100)
    assert np.allclose(errors.std(0), 0.02, atol=0.002)
    assert np.allclose(errors.mean(0), 0, atol=0.002)
    assert (np.diff(found.confidence) > 0).all()
    assert set(found.class_id.tolist()) == {7}


def test_the_errors_depend_on_run_and_frame_only():
    one, two = (PerturbedDetector(detector=detect, run=run) for run in (1, 2))
    first = one(frame_at(3)).xyxy
    assert np.array_equal(first, PerturbedDetector(detector=detect, run=1)(frame_at(3)).xyxy)
    assert not np.array_equal(first[:50], two(frame_at(3)).xyxy[:50])
    assert not np.array_equal(first[:50], one(frame_at(4)).xyxy[:50])


def test_boxes_that_get_thinner_than_a_pixel_are_dropped():
    thin = Detections.of([[5, 5, 6.01, 50]] * 200)
    found = PerturbedDetector(detector=lambda frame: thin, run=1)(frame_at(0))
    assert 0 < len(found) < 150
    assert (found.xyxy[:, 2] > found.xyxy[:, 0] + 1).all()


def test_the_first_run_takes_the_detections_as_they_are(tmp_path):
    sequence = open_sequence(write_sequence(tmp_path / "MOVES"))
    plain, perturbed = (DetectorChoice().for_sequence(sequence, run) for run in (0, 1))
    boxes = [detector(frame_at(0)).xyxy for detector in (plain, perturbed)]
    assert boxes[0].tolist() == [[0, 10, 40, 50]]
    assert np.abs(boxes[1] - boxes[0]).max() > 0.01


@pytest.mark.parametrize("command", ["mot", "peers"])
def test_each_run_is_a_row_of_the_file_and_the_tables_show_their_mean(command, tmp_path, capsys):
    sequence, file = write_sequence(tmp_path / "MOVES"), tmp_path / "rows.json"
    common = [command, str(sequence), "--engine", "hold", "--detect-every", "1"]
    assert main([*common, "--json", str(file)]) == 0
    once = json.loads(file.read_text())["rows"]
    assert {row.pop("run") for row in once} == {0}  # as in files of earlier versions
    text = json.loads(file.read_text())
    file.write_text(json.dumps({**text, "rows": once}))
    capsys.readouterr()
    assert main([*common, "--json", str(file), "--runs", "3"]) == 0
    out, err = capsys.readouterr()
    rows = [row for row in json.loads(file.read_text())["rows"] if row["engine"] == "hold"]
    assert [row["run"] for row in rows] == [0, 1, 2]
    assert "MOVES hold k=1 run 2: MOTA" in err
    assert err.count(f"(from {file})") == len(once)
    mean = 100 * np.mean([row["scores"]["hota"] for row in rows])
    assert f"{mean:.1f}" in next(line for line in out.splitlines() if line.startswith("| hold"))
    assert main([*common, "--runs", "0"]) == 2
    assert "--runs must be 1 or more, got 0" in capsys.readouterr().err
