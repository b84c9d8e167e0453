"""`mvot-bench vot --fps`: tracking while frames arrive at a fixed rate."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from helpers.benchmarks.vot_sequences import ScriptedEngine, vot_sequence
from mvot_benchmarks import vot_protocol
from mvot_benchmarks.cli import main
from mvot_benchmarks.vot import evaluate


class SlowEngine(ScriptedEngine):
    """A scripted engine whose calls take a number of milliseconds of simulated time."""

    def __init__(self, monkeypatch, *, observe=0, enroll=0, track=0, misses=()):
        super().__init__(misses)
        self.cost = {"observe": observe, "enroll": enroll, "track": track}
        self.now = 0.0
        monkeypatch.setattr(vot_protocol.time, "perf_counter", lambda: self.now)

    def observe(self, frame):
        self.now += self.cost["observe"] / 1e3
        return super().observe(frame)

    def enroll(self, observation, boxes):
        self.now += self.cost["enroll"] / 1e3
        return super().enroll(observation, boxes)

    def track(self, observation, targets):
        self.now += self.cost["track"] / 1e3
        return super().track(observation, targets)


def overlap_after(frames):
    """The IoU of a box with itself some frames earlier."""
    return (10 - 2 * frames) / (10 + 2 * frames)


def test_an_engine_that_keeps_up_scores_as_without_a_clock(monkeypatch):
    video = vot_sequence(range(20), range(3, 12))
    free = evaluate(ScriptedEngine(misses=[(4, 0)]), video)
    engine = SlowEngine(monkeypatch, observe=10, track=30, misses=[(4, 0)])
    timed = evaluate(engine, video, fps=25.0)
    assert timed.milliseconds == pytest.approx(40)
    assert replace(timed, milliseconds=0.0) == replace(free, milliseconds=0.0)


def test_boxes_that_are_late_are_scored_until_the_next_are_complete(monkeypatch):
    engine = SlowEngine(monkeypatch, observe=20, track=40)  # 1.5 frames at 25 a second
    score = evaluate(engine, vot_sequence(range(7)), fps=25.0)
    assert [index for index, _ in engine.tracked] == [1, 1, 3, 3, 5, 5]
    delays = 1, 1, 2, 1, 2, 1  # of frames 1 to 6
    overlaps = [overlap_after(delay) for delay in delays]
    assert score.accuracy == score.mean_iou == pytest.approx(np.mean(overlaps))
    assert (score.failures, score.steps) == (0, 3)


def test_boxes_that_take_too_long_are_a_failure(monkeypatch):
    engine = SlowEngine(monkeypatch, track=1000)
    score = evaluate(engine, vot_sequence(range(20)), fps=25.0)
    assert score.failures == 2  # its box of frame 0 is left on 5, that of 10 on 15
    assert engine.enrolled == [(0, 0), (0, 0)]  # it is busy on 10


def test_an_object_that_starts_while_the_engine_is_busy_is_enrolled_later(monkeypatch):
    engine = SlowEngine(monkeypatch, enroll=100)
    score = evaluate(engine, vot_sequence(range(8), range(1, 8)), fps=25.0)
    assert sorted(set(engine.enrolled)) == [(0, 0), (3, 1)]
    assert (score.failures, score.followed) == (0, 7 + 6)
    assert score.mean_iou < 1


def test_the_command_names_each_rate(tmp_path, capsys):
    rows = "".join(f"{n},1,{n},1,10,10,1\n" for n in range(1, 7))
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text(rows)
    (tmp_path / "img1").mkdir()
    for n in range(1, 7):
        write_blank_image(tmp_path / "img1" / f"{n:06d}.png")
    arguments = ["vot", str(tmp_path), "--engine", "hold", "--json", str(tmp_path / "v.json")]
    assert main([*arguments, "--fps", "none", "25"]) == 0
    out, _ = capsys.readouterr()
    assert [line.split(" | ")[0] for line in out.splitlines()[2:]] == ["| hold", "| hold at 25 fps"]
    assert main([*arguments, "--fps", "25", "none"]) == 0
    assert capsys.readouterr().err.count("(from ") == 2
    assert main(["vot", str(tmp_path), "--fps", "often"]) == 2
    assert "--fps 'often': a rate is a number above 0, or none" in capsys.readouterr().err


def write_blank_image(path):
    cv2.imwrite(str(path), np.zeros((32, 32, 3), np.uint8))
