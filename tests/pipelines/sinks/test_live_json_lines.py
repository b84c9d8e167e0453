"""JSON lines of frames of a live source: when they were captured, and how late they are."""

import json
import time

import numpy as np

from mvot_pipelines.sinks import JsonLinesSink
from mvot_plugin.types import Frame, Tracks

IMAGE = np.zeros((48, 64, 3), np.uint8)
TWO = Tracks(
    id=np.array([1, 2]),
    xyxy=np.array([[1, 2, 11, 22], [3, 4, 13, 24]], np.float32),
    score=np.ones(2, np.float32),
    class_id=np.zeros(2, np.int64),
    detected=np.array([True, False]),
)


def test_a_captured_frame_tells_its_time_and_its_delay(tmp_path):
    now = [100.0]
    before = time.time()
    with JsonLinesSink(tmp_path / "a.jsonl", clock=lambda: now[0]) as sink:
        after = time.time()
        for captured, written in ((101.0, 101.25), (102.0, 102.0405)):
            now[0] = written
            sink.write(Frame(image=IMAGE, index=0, timestamp=1.0, captured=captured), TWO)
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["delay"] for row in rows] == [0.25, 0.25, 0.04, 0.04]
    assert before + 1 - 0.001 <= rows[0]["captured"] <= after + 1 + 0.001
    assert round(rows[2]["captured"] - rows[0]["captured"], 3) == 1
    assert rows[0]["captured"] == rows[1]["captured"] == round(rows[0]["captured"], 3)


def test_a_recording_has_neither(tmp_path):
    with JsonLinesSink(tmp_path / "a.jsonl") as sink:
        sink.write(Frame(image=IMAGE, index=0, timestamp=1.0), TWO)
    row = json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])
    assert not {"captured", "delay"} & set(row)
