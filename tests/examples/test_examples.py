"""The examples run as they are written."""

import runpy
import sys

import pytest
from ultralytics import YOLO

from helpers.paths import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
EXPECTED = {
    "evaluate_detector": "MOTA",
    "many_cameras": "12 frames detected in 4 calls of 3 cameras",
    "own_loop": "boxes followed",
    "push_detections": "is detection",
    "slow_detector": "60 frames, ",
    "supervision_zones": " inside, ",
    "your_yolo": "30 frames, 6 calls of the detector",
}
"""What each of them prints, among other lines."""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A YOLO of random weights, in a file."""
    path = tmp_path_factory.mktemp("yolo") / "tiny.pt"
    YOLO("yolo11n.yaml", verbose=False).save(path)
    return path


def test_each_example_is_known():
    assert [path.stem for path in EXAMPLES] == sorted(EXPECTED)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(path, model, monkeypatch, capsys):
    arguments = [str(model)] if path.stem == "your_yolo" else []
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    assert EXPECTED[path.stem] in printed
    assert len(printed.splitlines()) > 5 or path.stem == "your_yolo"
