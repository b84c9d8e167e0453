from dataclasses import asdict
from math import exp, isnan

import cv2
import numpy as np
import pytest

from helpers.benchmarks.vot_sequences import IMAGE, ScriptedEngine, boxes_at, vot_sequence
from helpers.paths import VAL
from mvot_benchmarks.cli import main
from mvot_benchmarks.vot import (
    VotScore,
    VotSequence,
    evaluate,
    format_table,
    pool_vot_scores,
    read_vot_sequence,
)
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import Targets
from mvot_plugin.errors import InputError


def test_a_perfect_engine_scores_one():
    engine = ScriptedEngine()
    score = evaluate(engine, vot_sequence(range(6), range(6)))
    assert (score.accuracy, score.robustness, score.mean_iou, score.success) == (1, 1, 1, 1)
    assert (score.failures, score.frames, score.valid, score.followed) == (0, 12, 10, 10)
    assert engine.observed == list(range(6))
    assert score.steps == 5


def test_the_scores_of_a_held_box_are_those_worked_by_hand():
    score = evaluate(load_engine("hold"), vot_sequence(range(16)))
    overlaps = [8 / 12, 6 / 14, 4 / 16, 2 / 18]
    assert score.failures == 2  # it has left its box on frame 5, and after 10 on 15
    assert (score.frames, score.valid, score.followed) == (16, 4, 15)
    assert score.accuracy == pytest.approx(np.mean(overlaps))
    assert score.robustness == pytest.approx(exp(-30 * 2 / 16))
    assert score.mean_iou == pytest.approx(sum(overlaps) / 15)
    assert score.success == pytest.approx(1 / 15)


def test_an_object_lost_on_frame_3_restarts_on_8_and_is_valid_again_from_18():
    engine = ScriptedEngine(misses=[(3, 0)])
    score = evaluate(engine, vot_sequence(range(20)))
    assert engine.enrolled == [(0, 0), (0, 0), (8, 0)]
    assert (score.failures, score.valid) == (1, 4)  # 1, 2, 18, 19
    assert score.accuracy == 1
    assert score.robustness == pytest.approx(exp(-30 / 20))
    assert (score.mean_iou, score.success) == (pytest.approx(18 / 19), pytest.approx(18 / 19))


def test_a_miss_soon_after_a_restart_is_a_failure_too():
    score = evaluate(ScriptedEngine(misses=[(3, 0), (9, 0)]), vot_sequence(range(30)))
    assert (score.failures, score.valid) == (2, 2 + 6)  # 1, 2; from 24 to 29


def test_frames_without_ground_truth_are_tracked_but_not_scored():
    engine = ScriptedEngine(misses=[(4, 0)])
    score = evaluate(engine, vot_sequence([0, 1, 2, 6, 7]))
    assert [index for index, _ in engine.tracked] == sorted([1, 2, 3, 4, 5, 6, 7] * 2)
    assert (score.failures, score.frames, score.valid, score.followed) == (0, 5, 4, 4)


def test_an_object_that_is_not_visible_when_due_restarts_when_it_is_visible_again():
    engine = ScriptedEngine(misses=[(1, 0)])
    score = evaluate(engine, vot_sequence([0, 1, 2, *range(9, 21)]))
    assert engine.enrolled == [(0, 0), (0, 0), (9, 0)]
    assert (score.failures, score.valid) == (1, 2)  # 19, 20


def test_objects_enter_and_leave_one_batch():
    engine = ScriptedEngine(misses=[(4, 0)])
    score = evaluate(engine, vot_sequence(range(8), range(3, 6)))
    supervised = [(1, [0]), (2, [0]), (3, [0]), (4, [0, 1]), (5, [1])]
    once = [(1, [0]), (2, [0]), (3, [0]), (4, [0, 1]), (5, [0, 1]), (6, [0]), (7, [0])]
    assert sorted(engine.tracked) == sorted(supervised + once)
    assert (score.failures, score.frames, score.valid) == (1, 11, 3 + 2)
    assert score.robustness == pytest.approx((8 * exp(-30 / 8) + 3) / 11)


def test_a_box_that_is_not_finite_has_no_overlap():
    class Broken(ScriptedEngine):
        def track(self, observation, targets):
            targets, motion = super().track(observation, targets)
            motion.boxes[:] = np.nan
            return Targets(boxes=boxes_at([0] * len(targets), observation.index)), motion

    score = evaluate(Broken(), vot_sequence(range(3)))
    assert (score.failures, score.mean_iou) == (1, 0)
    assert isnan(score.accuracy)


def test_only_the_first_frames_are_scored_under_a_limit():
    engine = ScriptedEngine()
    score = evaluate(engine, vot_sequence(range(9), range(5, 9)), limit=4)
    assert engine.observed == [0, 1, 2, 3]
    assert (score.frames, score.robustness) == (4, 1)
    assert isnan(evaluate(engine, vot_sequence(range(9)), limit=0).robustness)


@pytest.mark.parametrize("name", ["hold", "lk-flow"])
def test_the_order_of_the_objects_does_not_matter(name, scene, frames):
    boxes = {
        (i, n): box for i in range(30) for n, box in zip(*_ids_and_boxes(scene, i), strict=True)
    }
    ids = sorted({number for _, number in boxes})
    assert len(ids) > 2
    missing = np.full(4, np.nan, np.float32)
    ground_truth = np.array([[boxes.get((i, n), missing) for n in ids] for i in range(30)])
    first, second = (
        asdict(
            evaluate(
                load_engine(name), VotSequence(frames=frames, ground_truth=ground_truth[:, order])
            )
        )
        for order in (np.arange(len(ids)), np.roll(np.arange(len(ids))[::-1], 1))
    )
    for one in (first, second):
        one.pop("milliseconds")
    assert first == pytest.approx(second)


def _ids_and_boxes(scene, index):
    objects = scene.ground_truth(index)
    return objects.id.tolist(), objects.xyxy


def test_pooled_scores_are_weighted_by_their_counts():
    a = evaluate(ScriptedEngine(misses=[(3, 0)]), vot_sequence(range(20)))
    b = evaluate(load_engine("hold"), vot_sequence(range(16), range(4)))
    both = pool_vot_scores([a, b])
    assert both.accuracy == pytest.approx((4 * a.accuracy + 7 * b.accuracy) / 11)
    assert both.robustness == pytest.approx((20 * exp(-30 / 20) + 16 * exp(-30 / 8) + 4) / 40)
    assert both.mean_iou == pytest.approx((19 * a.mean_iou + 18 * b.mean_iou) / 37)
    assert (both.failures, both.frames, both.steps) == (3, 40, a.steps + b.steps)
    nothing = evaluate(ScriptedEngine(), vot_sequence([0]))
    assert isnan(nothing.accuracy)
    robustness = pytest.approx((20 * exp(-30 / 20) + 1) / 21)
    changed = {"frames": 21, "robustness": robustness}
    assert asdict(pool_vot_scores([a, nothing])) == asdict(a) | changed
    assert isnan(pool_vot_scores([]).accuracy)


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


def test_a_folder_is_scored_as_the_sequence_read_from_it(folder):
    engine = ScriptedEngine()
    read = read_vot_sequence(folder, limit=5)
    assert len(read.frames) == len(read.ground_truth) == 5
    for sequence in (read, str(folder), folder):
        score = evaluate(engine, sequence, limit=5)
        assert (score.frames, score.accuracy, score.followed) == (5, 1, 4)
    assert evaluate(engine, folder).frames == 6


def test_a_sequence_without_ground_truth_is_an_error_that_names_it(tmp_path, folder):
    (folder / "gt" / "gt.txt").unlink()
    with pytest.raises(InputError, match=r"gt/gt\.txt"):
        evaluate(ScriptedEngine(), folder)
    with pytest.raises(InputError):
        read_vot_sequence(folder / "nowhere")


def test_the_command_prints_a_table_for_each_sequence_and_for_all(folder, capsys):
    assert main(["vot", str(folder), "--engine", "hold", "kalman"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == (
        f"| {folder.name} | accuracy | robustness | failures | mean IoU | success | AUC "
        "| ms/frame |"
    )
    assert out.splitlines()[2].startswith(f"| hold | 0.364 | {exp(-5):.3f} | 1 | 0.291 | 0.200 |")
    assert f"{folder.name} kalman: accuracy 0.364" in err
    assert "together" not in out
    assert main(["vot", str(folder), "--engine", "hold", "--weights", "x.pt"]) == 2


def test_the_table_of_several_sequences_ends_with_the_pooled_scores():
    score = evaluate(load_engine("hold"), vot_sequence(range(16)))
    other = VotScore(**asdict(score) | {"accuracy": 1.0})
    text = format_table([("A", "hold", score), ("B", "hold", other)])
    first, second, last = (block.splitlines() for block in text.split("\n\n"))
    assert (first[0][:4], second[0][:4], last[0][:15]) == ("| A ", "| B ", "| all together ")
    assert last[2].startswith(f"| hold | {(score.accuracy + 1) / 2:.3f} | 0.024 | 4 |")


@pytest.mark.skipif(not VAL.is_dir(), reason="real sequences are not here")
def test_held_boxes_score_on_real_sequences_as_in_another_implementation():
    names = "PETS09-S2L1", "TUD-Campus"
    score = pool_vot_scores([evaluate(load_engine("hold"), VAL / name) for name in names])
    assert (score.frames, score.failures) == (5009, 313)
    assert score.accuracy == pytest.approx(0.304, abs=0.001)
    assert score.robustness == pytest.approx(0.170, abs=0.001)
    assert score.mean_iou == pytest.approx(0.017, abs=0.001)
