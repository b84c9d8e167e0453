from dataclasses import replace

import numpy as np
import pytest

from mvot_benchmarks.metrics.ground_truth import (
    GroundTruthFrame,
    IgnoredRegions,
    apply_motchallenge_rules,
    split_by_frame,
)
from mvot_benchmarks.metrics.scoring import Scorer, pool_scores
from mvot_plugin.motfile import read_mot
from mvot_plugin.types import Tracks


def tracks(**boxes):
    ids = [int(name[1:]) for name in boxes]
    count = len(ids)
    return Tracks(
        id=np.array(ids, np.int64),
        xyxy=np.array(list(boxes.values()), np.float32).reshape(-1, 4),
        score=np.ones(count, np.float32),
        class_id=np.zeros(count, np.int64),
        detected=np.ones(count, np.bool_),
    )


def frame_of(*boxes, ignored=()):
    return GroundTruthFrame(
        id=np.arange(1, len(boxes) + 1),
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        ignored=np.isin(np.arange(len(boxes)), ignored),
    )


BOX_A, BOX_B = [0, 0, 10, 10], [50, 50, 60, 60]


def test_events_worked_by_hand():
    scorer = Scorer()
    scorer.add(frame_of(BOX_A, BOX_B), tracks(t1=BOX_A, t2=BOX_B))
    scorer.add(frame_of(BOX_A, BOX_B), tracks(t1=BOX_A))
    scorer.add(frame_of(BOX_A, BOX_B), tracks(t1=BOX_A, t3=BOX_B, t4=[100, 100, 110, 110]))
    scores = scorer.scores()
    assert (scores.objects, scores.misses, scores.false_positives, scores.switches) == (6, 1, 1, 1)
    assert scores.mota == pytest.approx(1 - 3 / 6)
    assert scores.idf1 == pytest.approx(2 * 4 / (6 + 6))


def test_an_iou_of_a_half_is_a_match_and_less_is_not():
    for shift, misses in ((10 / 3 - 0.01, 0), (10 / 3 + 0.01, 1)):
        scorer = Scorer()
        scorer.add(frame_of(BOX_A), tracks(t1=[shift, 0, 10 + shift, 10]))
        assert scorer.scores().misses == misses


def test_a_track_of_an_ignored_object_is_not_scored():
    scorer = Scorer()
    scorer.add(frame_of(BOX_A, BOX_B, ignored=[1]), tracks(t1=BOX_A, t2=BOX_B))
    scorer.add(frame_of(BOX_A, BOX_B, ignored=[1]), tracks(t1=BOX_A))
    scores = scorer.scores()
    assert (scores.objects, scores.misses, scores.false_positives) == (2, 0, 0)


def test_pooled_scores_are_those_of_one_sequence_with_other_ids():
    rng = np.random.default_rng(0)
    single, pooled = [], Scorer()
    for sequence in range(2):
        scorer = Scorer()
        for _ in range(20):
            objects = frame_of(*([0, 40 * n, 20, 40 * n + 20] for n in range(4)))
            moved = objects.xyxy + rng.normal(0, 2, (4, 1)).astype(np.float32)
            ids = rng.permutation(6)[:4] + 10 * sequence
            by_id = {f"t{n}": box for n, box in zip(ids, moved, strict=True)}
            scorer.add(objects, tracks(**by_id))
            other = GroundTruthFrame(
                id=objects.id + 10 * sequence, xyxy=objects.xyxy, ignored=objects.ignored
            )
            pooled.add(other, tracks(**by_id))
        single.append(scorer.scores())
    combined, expected = pool_scores(single), pooled.scores()
    assert combined.hota == pytest.approx(expected.hota)
    assert combined.associated == pytest.approx(expected.associated)
    assert 0.1 < combined.hota < 0.9
    same = {"hota": 0.0, "associated": ()}
    assert replace(combined, **same) == replace(expected, **same)


def test_motchallenge_rules_keep_flagged_pedestrians_and_ignore_distractors(tmp_path):
    (tmp_path / "gt.txt").write_text(
        "1,1,1,1,10,10,1,1,1.0\n"  # a pedestrian
        "1,2,51,51,10,10,0,1,1.0\n"  # one not to be counted
        "1,3,101,101,10,10,0,8,1.0\n"  # a distractor
        "1,4,151,151,10,10,1,3,1.0\n"  # a car
        "3,1,1,1,10,10,1,1,1.0\n"
    )
    rows = apply_motchallenge_rules(read_mot(tmp_path / "gt.txt"))
    frames = list(split_by_frame(rows, IgnoredRegions.empty(), 3))
    assert [frame.id.tolist() for frame in frames] == [[1, 3], [], [1]]
    assert frames[0].ignored.tolist() == [False, True]
    assert frames[0].xyxy[0].tolist() == [0, 0, 10, 10]
