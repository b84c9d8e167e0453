from dataclasses import asdict
from math import exp, isnan
from pathlib import Path

import cv2
import numpy as np
import pytest

from mvot_benchmarks.cli import main
from mvot_benchmarks.vot import Clip, VotScore, evaluate, pooled, read_clip, table
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import Motion, Targets
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame

VAL = Path(__file__).parents[2] / "shared" / "data" / "val"
IMAGE = np.zeros((8, 8, 3), np.uint8)


def place(objects, index):
    """Objects of 10x10 pixels, each in a row of its own, that move by 2 pixels a frame."""
    objects = np.asarray(objects, np.float32).reshape(-1)
    x, y = np.full_like(objects, 2 * index), 100 * objects
    return np.stack([x, y, x + 10, y + 10], 1).astype(np.float32)


def clip(*visible):
    """A clip with these objects, each visible on the given frames."""
    length = max(max(frames) for frames in visible) + 1
    truth = np.full((length, len(visible), 4), np.nan, np.float32)
    for number, frames in enumerate(visible):
        for index in frames:
            truth[index, number] = place(number, index)[0]
    frames = [Frame(image=IMAGE, index=i, timestamp=i / 25) for i in range(length)]
    return Clip(frames=frames, truth=truth)


class Scripted:
    """An engine that is right, but for what it ``misses``: objects by frame."""

    def __init__(self, misses=()):
        self.misses, self.observed, self.enrolled, self.tracked = misses, [], [], []

    def observe(self, frame):
        self.observed.append(frame.index)
        return frame

    def enroll(self, observation, boxes):
        objects = self._objects(boxes)
        assert np.array_equal(boxes, place(objects, observation.index))
        self.enrolled += [(observation.index, number) for number in objects]
        return Targets(boxes=boxes)

    def track(self, observation, targets):
        objects = self._objects(targets.boxes)
        self.tracked.append((observation.index, objects))
        boxes = place(objects, observation.index)
        for row, number in enumerate(objects):
            boxes[row, 0::2] += 50 * ((observation.index, number) in self.misses)
        return Targets(boxes=boxes), Motion(boxes=boxes, scores=np.ones(len(boxes), np.float32))

    def _objects(self, boxes):
        return [int(number) for number in boxes[:, 1] // 100]


def test_a_perfect_engine_scores_one():
    engine = Scripted()
    score = evaluate(engine, clip(range(6), range(6)))
    assert (score.accuracy, score.robustness, score.mean_iou, score.success) == (1, 1, 1, 1)
    assert (score.failures, score.frames, score.valid, score.followed) == (0, 12, 10, 10)
    assert engine.observed == list(range(6))
    assert score.steps == 5


def test_a_frozen_box_worked_by_hand():
    score = evaluate(load_engine("hold"), clip(range(16)))
    overlaps = [8 / 12, 6 / 14, 4 / 16, 2 / 18]
    assert score.failures == 2  # it has left its box on frame 5, and after 10 on 15
    assert (score.frames, score.valid, score.followed) == (16, 4, 15)
    assert score.accuracy == pytest.approx(np.mean(overlaps))
    assert score.robustness == pytest.approx(exp(-30 * 2 / 16))
    assert score.mean_iou == pytest.approx(sum(overlaps) / 15)
    assert score.success == pytest.approx(1 / 15)


def test_an_object_lost_on_frame_3_starts_anew_on_8_and_is_valid_again_from_18():
    engine = Scripted(misses=[(3, 0)])
    score = evaluate(engine, clip(range(20)))
    assert engine.enrolled == [(0, 0), (0, 0), (8, 0)]
    assert (score.failures, score.valid) == (1, 4)  # 1, 2, 18, 19
    assert score.accuracy == 1
    assert score.robustness == pytest.approx(exp(-30 / 20))
    assert (score.mean_iou, score.success) == (pytest.approx(18 / 19), pytest.approx(18 / 19))


def test_what_is_missed_while_young_after_a_restart_is_a_failure_all_the_same():
    score = evaluate(Scripted(misses=[(3, 0), (9, 0)]), clip(range(30)))
    assert (score.failures, score.valid) == (2, 2 + 6)  # 1, 2; from 24 to 29


def test_frames_without_truth_are_tracked_but_do_not_count():
    engine = Scripted(misses=[(4, 0)])
    score = evaluate(engine, clip([0, 1, 2, 6, 7]))
    assert [index for index, _ in engine.tracked] == sorted([1, 2, 3, 4, 5, 6, 7] * 2)
    assert (score.failures, score.frames, score.valid, score.followed) == (0, 5, 4, 4)


def test_an_object_that_is_out_of_sight_when_due_starts_anew_when_it_is_back():
    engine = Scripted(misses=[(1, 0)])
    score = evaluate(engine, clip([0, 1, 2, *range(9, 21)]))
    assert engine.enrolled == [(0, 0), (0, 0), (9, 0)]
    assert (score.failures, score.valid) == (1, 2)  # 19, 20


def test_objects_enter_and_leave_one_batch():
    engine = Scripted(misses=[(4, 0)])
    score = evaluate(engine, clip(range(8), range(3, 6)))
    supervised = [(1, [0]), (2, [0]), (3, [0]), (4, [0, 1]), (5, [1])]
    once = [(1, [0]), (2, [0]), (3, [0]), (4, [0, 1]), (5, [0, 1]), (6, [0]), (7, [0])]
    assert sorted(engine.tracked) == sorted(supervised + once)
    assert (score.failures, score.frames, score.valid) == (1, 11, 3 + 2)
    assert score.robustness == pytest.approx((8 * exp(-30 / 8) + 3) / 11)


def test_a_box_that_is_not_finite_has_no_overlap():
    class Broken(Scripted):
        def track(self, observation, targets):
            targets, motion = super().track(observation, targets)
            motion.boxes[:] = np.nan
            return Targets(boxes=place([0] * len(targets), observation.index)), motion

    score = evaluate(Broken(), clip(range(3)))
    assert (score.failures, score.mean_iou) == (1, 0)
    assert isnan(score.accuracy)


def test_only_the_first_frames_count_under_a_limit():
    engine = Scripted()
    score = evaluate(engine, clip(range(9), range(5, 9)), limit=4)
    assert engine.observed == [0, 1, 2, 3]
    assert (score.frames, score.robustness) == (4, 1)
    assert isnan(evaluate(engine, clip(range(9)), limit=0).robustness)


@pytest.mark.parametrize("name", ["hold", "lk-flow"])
def test_the_order_of_the_objects_does_not_matter(name, scene, frames):
    boxes = {(i, n): box for i in range(30) for n, box in zip(*_truth(scene, i), strict=True)}
    ids = sorted({number for _, number in boxes})
    assert len(ids) > 2
    missing = np.full(4, np.nan, np.float32)
    truth = np.array([[boxes.get((i, n), missing) for n in ids] for i in range(30)])
    first, second = (
        asdict(evaluate(load_engine(name), Clip(frames=frames, truth=truth[:, order])))
        for order in (np.arange(len(ids)), np.roll(np.arange(len(ids))[::-1], 1))
    )
    for one in (first, second):
        one.pop("milliseconds")
    assert first == pytest.approx(second)


def _truth(scene, index):
    truth = scene.truth(index)
    return truth.id.tolist(), truth.xyxy


def test_sequences_together_are_weighted_by_what_counted():
    a = evaluate(Scripted(misses=[(3, 0)]), clip(range(20)))
    b = evaluate(load_engine("hold"), clip(range(16), range(4)))
    both = pooled([a, b])
    assert both.accuracy == pytest.approx((4 * a.accuracy + 7 * b.accuracy) / 11)
    assert both.robustness == pytest.approx((20 * exp(-30 / 20) + 16 * exp(-30 / 8) + 4) / 40)
    assert both.mean_iou == pytest.approx((19 * a.mean_iou + 18 * b.mean_iou) / 37)
    assert (both.failures, both.frames, both.steps) == (3, 40, a.steps + b.steps)
    nothing = evaluate(Scripted(), clip([0]))
    assert isnan(nothing.accuracy)
    assert asdict(pooled([a, nothing])) == asdict(a) | {"frames": 21, "robustness": pytest.approx(
        (20 * exp(-30 / 20) + 1) / 21
    )}  # fmt: skip
    assert isnan(pooled([]).accuracy)


@pytest.fixture
def folder(tmp_path):
    """A MOT folder of 6 frames: one object, one to ignore, one of another class, one flat."""
    (tmp_path / "img1").mkdir()
    (tmp_path / "gt").mkdir()
    lines = []
    for index in range(6):
        cv2.imwrite(str(tmp_path / "img1" / f"{index + 1:06d}.png"), IMAGE)
        lines += [f"{index + 1},7,{1 + 2 * index},1,10,10,1,1,1", f"{index + 1},8,1,1,9,9,0,1,1"]
        lines += [f"{index + 1},9,1,1,9,9,1,8,1", f"{index + 1},3,5,5,0,4,1,1,1"]
    (tmp_path / "gt" / "gt.txt").write_text("\n".join(lines))
    return tmp_path


def test_a_folder_is_scored_as_its_clip_is(folder):
    engine = Scripted()
    read = read_clip(folder, limit=5)
    assert len(read.frames) == len(read.truth) == 5
    for sequence in (read, str(folder), folder):
        score = evaluate(engine, sequence, limit=5)
        assert (score.frames, score.accuracy, score.followed) == (5, 1, 4)
    assert evaluate(engine, folder).frames == 6


def test_a_sequence_without_truth_is_named(tmp_path, folder):
    (folder / "gt" / "gt.txt").unlink()
    with pytest.raises(InputError, match=r"gt/gt\.txt"):
        evaluate(Scripted(), folder)
    with pytest.raises(InputError):
        read_clip(folder / "nowhere")


def test_the_command_prints_a_table_for_each_sequence_and_for_all(folder, capsys):
    assert main(["vot", str(folder), "--engine", "hold", "kalman"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == (
        f"| {folder.name} | accuracy | robustness | failures | mean IoU | success | ms/frame |"
    )
    assert out.splitlines()[2].startswith(f"| hold | 0.364 | {exp(-5):.3f} | 1 | 0.291 | 0.200 |")
    assert f"{folder.name} kalman: accuracy 0.364" in err
    assert "together" not in out
    assert main(["vot", str(folder), "--engine", "hold", "--weights", "x.pt"]) == 2


def test_all_together_is_pooled():
    score = evaluate(load_engine("hold"), clip(range(16)))
    other = VotScore(**asdict(score) | {"accuracy": 1.0})
    text = table([("A", "hold", score), ("B", "hold", other)])
    first, second, last = (block.splitlines() for block in text.split("\n\n"))
    assert (first[0][:4], second[0][:4], last[0][:15]) == ("| A ", "| B ", "| all together ")
    assert last[2].startswith(f"| hold | {(score.accuracy + 1) / 2:.3f} | 0.024 | 4 |")


@pytest.mark.skipif(not VAL.is_dir(), reason="real sequences are not here")
def test_held_boxes_score_on_real_sequences_what_another_implementation_found():
    names = "PETS09-S2L1", "TUD-Campus"
    score = pooled([evaluate(load_engine("hold"), VAL / name) for name in names])
    assert (score.frames, score.failures) == (5009, 313)
    assert score.accuracy == pytest.approx(0.304, abs=0.001)
    assert score.robustness == pytest.approx(0.170, abs=0.001)
    assert score.mean_iou == pytest.approx(0.017, abs=0.001)
