"""`mvot-run` with a detector of the user's own, by where its code is."""

import json

import pytest

from mvot_pipelines.config import RunConfig
from mvot_pipelines.runner import run

CODE = """
import numpy as np

class Model:
    names = {0: "person", 1: "car"}

    def __call__(self, image: np.ndarray):
        return [[10, 20, 60, 90, 0.9, 0], [80, 20, 140, 90, 0.8, 1]]
"""

IN_PROCESS = {"live": True, "asynchronous": "process", "frame_rate": 8.0, "detect_every": 1}
"""Five seconds, as a process takes one or two to begin."""


@pytest.mark.parametrize(
    ("settings", "name"),
    [({}, "own_code:Model"), (IN_PROCESS, "own_code.py:Model")],
    ids=["module", "file, in a process"],
)
def test_a_detector_of_the_current_folder_is_run(videos, tmp_path, monkeypatch, settings, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_code.py").write_text(CODE)
    report = run(
        RunConfig(
            source=str(videos / "street.avi"),
            detector=name,
            engine="hold",
            classes="car",
            save_jsonl="tracks.jsonl",
            quiet=True,
            **settings,
        )
    )
    assert report.error is None
    rows = [json.loads(line) for line in (tmp_path / "tracks.jsonl").read_text().splitlines()]
    tracks = [row for row in rows if "id" in row]
    assert {(row["class_id"], *row["box"]) for row in tracks} == {(1, 80, 20, 140, 90)}
