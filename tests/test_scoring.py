from dataclasses import replace

import numpy as np
import pytest

from mvot_benchmarks.scoring import Scorer, overall
from mvot_benchmarks.truth import Regions, TruthFrame, mot_truth, truth_by_frame
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


def truth(*boxes, ignored=()):
    return TruthFrame(
        id=np.arange(1, len(boxes) + 1),
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        ignored=np.isin(np.arange(len(boxes)), ignored),
    )


HERE, THERE = [0, 0, 10, 10], [50, 50, 60, 60]


def test_events_worked_by_hand():
    scorer = Scorer()
    scorer.add(truth(HERE, THERE), tracks(t1=HERE, t2=THERE))
    scorer.add(truth(HERE, THERE), tracks(t1=HERE))
    scorer.add(truth(HERE, THERE), tracks(t1=HERE, t3=THERE, t4=[100, 100, 110, 110]))
    scores = scorer.scores()
    assert (scores.objects, scores.misses, scores.false_positives, scores.switches) == (6, 1, 1, 1)
    assert scores.mota == pytest.approx(1 - 3 / 6)
    assert scores.idf1 == pytest.approx(2 * 4 / (6 + 6))


def test_half_an_overlap_is_a_fit_and_less_is_not():
    for shift, misses in ((10 / 3 - 0.01, 0), (10 / 3 + 0.01, 1)):
        scorer = Scorer()
        scorer.add(truth(HERE), tracks(t1=[shift, 0, 10 + shift, 10]))
        assert scorer.scores().misses == misses


def test_what_follows_an_ignored_object_does_not_count():
    scorer = Scorer()
    scorer.add(truth(HERE, THERE, ignored=[1]), tracks(t1=HERE, t2=THERE))
    scorer.add(truth(HERE, THERE, ignored=[1]), tracks(t1=HERE))
    scores = scorer.scores()
    assert (scores.objects, scores.misses, scores.false_positives) == (2, 0, 0)


def test_sequences_together_count_as_one_in_which_nothing_is_the_same():
    rng = np.random.default_rng(0)
    apart, joined = [], Scorer()
    for sequence in range(2):
        scorer = Scorer()
        for _ in range(20):
            objects = truth(*([0, 40 * n, 20, 40 * n + 20] for n in range(4)))
            moved = objects.xyxy + rng.normal(0, 2, (4, 1)).astype(np.float32)
            ids = rng.permutation(6)[:4] + 10 * sequence
            named = {f"t{n}": box for n, box in zip(ids, moved, strict=True)}
            scorer.add(objects, tracks(**named))
            other = TruthFrame(
                id=objects.id + 10 * sequence, xyxy=objects.xyxy, ignored=objects.ignored
            )
            joined.add(other, tracks(**named))
        apart.append(scorer.scores())
    together, expected = overall(apart), joined.scores()
    assert together.hota == pytest.approx(expected.hota)
    assert together.associated == pytest.approx(expected.associated)
    assert 0.1 < together.hota < 0.9
    same = {"hota": 0.0, "associated": ()}
    assert replace(together, **same) == replace(expected, **same)


def test_motchallenge_truth_keeps_flagged_pedestrians_and_ignores_look_alikes(tmp_path):
    (tmp_path / "gt.txt").write_text(
        "1,1,1,1,10,10,1,1,1.0\n"  # a pedestrian
        "1,2,51,51,10,10,0,1,1.0\n"  # one not to be counted
        "1,3,101,101,10,10,0,8,1.0\n"  # a distractor
        "1,4,151,151,10,10,1,3,1.0\n"  # a car
        "3,1,1,1,10,10,1,1,1.0\n"
    )
    rows = mot_truth(read_mot(tmp_path / "gt.txt"))
    frames = list(truth_by_frame(rows, Regions.none(), 3))
    assert [frame.id.tolist() for frame in frames] == [[1, 3], [], [1]]
    assert frames[0].ignored.tolist() == [False, True]
    assert frames[0].xyxy[0].tolist() == [0, 0, 10, 10]
