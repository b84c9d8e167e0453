"""`mvot-bench vot --fps`: following while frames do not wait."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mvot_benchmarks import following
from mvot_benchmarks.cli import main
from mvot_benchmarks.vot import evaluate
from test_vot import Scripted, clip


class Slow(Scripted):
    """A scripted engine whose calls take so many milliseconds of a time of its own."""

    def __init__(self, monkeypatch, *, observe=0, enroll=0, track=0, misses=()):
        super().__init__(misses)
        self.cost = {"observe": observe, "enroll": enroll, "track": track}
        self.now = 0.0
        monkeypatch.setattr(following.time, "perf_counter", lambda: self.now)

    def observe(self, frame):
        self.now += self.cost["observe"] / 1e3
        return super().observe(frame)

    def enroll(self, observation, boxes):
        self.now += self.cost["enroll"] / 1e3
        return super().enroll(observation, boxes)

    def track(self, observation, targets):
        self.now += self.cost["track"] / 1e3
        return super().track(observation, targets)


def late(frames):
    """The overlap of a box with the one of so many frames ago."""
    return (10 - 2 * frames) / (10 + 2 * frames)


def test_an_engine_that_keeps_up_scores_as_without_a_clock(monkeypatch):
    video = clip(range(20), range(3, 12))
    free = evaluate(Scripted(misses=[(4, 0)]), video)
    engine = Slow(monkeypatch, observe=10, track=30, misses=[(4, 0)])
    timed = evaluate(engine, video, fps=25.0)
    assert timed.milliseconds == pytest.approx(40)
    assert replace(timed, milliseconds=0.0) == replace(free, milliseconds=0.0)


def test_a_late_answer_stands_until_the_next(monkeypatch):
    engine = Slow(monkeypatch, observe=20, track=40)  # 1.5 frames at 25 a second
    score = evaluate(engine, clip(range(7)), fps=25.0)
    assert [index for index, _ in engine.tracked] == [1, 1, 3, 3, 5, 5]
    overlaps = [late(1), late(1), late(2), late(1), late(2), late(1)]  # of frames 1 to 6
    assert score.accuracy == score.mean_iou == pytest.approx(np.mean(overlaps))
    assert (score.failures, score.steps) == (0, 3)


def test_an_answer_that_takes_too_long_is_a_failure(monkeypatch):
    engine = Slow(monkeypatch, track=1000)
    score = evaluate(engine, clip(range(20)), fps=25.0)
    assert score.failures == 2  # its box of frame 0 is left on 5, that of 10 on 15
    assert engine.enrolled == [(0, 0), (0, 0)]  # it is busy on 10


def test_what_starts_while_the_engine_is_busy_is_enrolled_when_it_looks_again(monkeypatch):
    engine = Slow(monkeypatch, enroll=100)
    score = evaluate(engine, clip(range(8), range(1, 8)), fps=25.0)
    assert sorted(set(engine.enrolled)) == [(0, 0), (3, 1)]
    assert (score.failures, score.followed) == (0, 7 + 6)
    assert score.mean_iou < 1


def test_the_command_says_each_rate(tmp_path, capsys):
    rows = "".join(f"{n},1,{n},1,10,10,1\n" for n in range(1, 7))
    (tmp_path / "gt").mkdir()
    (tmp_path / "gt" / "gt.txt").write_text(rows)
    (tmp_path / "img1").mkdir()
    for n in range(1, 7):
        blank(tmp_path / "img1" / f"{n:06d}.png")
    arguments = ["vot", str(tmp_path), "--engine", "hold", "--json", str(tmp_path / "v.json")]
    assert main([*arguments, "--fps", "none", "25"]) == 0
    out, _ = capsys.readouterr()
    assert [line.split(" | ")[0] for line in out.splitlines()[2:]] == ["| hold", "| hold at 25 fps"]
    assert main([*arguments, "--fps", "25", "none"]) == 0
    assert capsys.readouterr().err.count("(from ") == 2
    assert main(["vot", str(tmp_path), "--fps", "often"]) == 2
    assert "--fps 'often': a rate is a number above 0, or none" in capsys.readouterr().err


def blank(path):

    cv2.imwrite(str(path), np.zeros((32, 32, 3), np.uint8))
