"""The parts of a pipeline that know the ground truth."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mvot_benchmarks.ceiling.oracles import (
    NO_OBJECT,
    TrueDetector,
    TrueMotion,
    assign_true_identities,
)
from mvot_benchmarks.datasets import Sequence
from mvot_benchmarks.metrics.ground_truth import (
    GroundTruthFrame,
    GroundTruthRows,
    IgnoredRegions,
)
from mvot_plugin.engines.base import Motion, MotionEngine, Targets, refresh
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame, Tracks

IMAGE = np.zeros((48, 64, 3), np.uint8)
NONE = np.empty((0, 4), np.float32)
A, B = [0, 0, 10, 20], [100, 0, 120, 40]
NEAR_A, NEAR_B, ELSEWHERE = [1, 2, 11, 24], [100, 4, 118, 40], [300, 300, 310, 320]


def frame_at(index):
    return Frame(image=IMAGE, index=index, timestamp=index / 10)


def sequence_of(rows, ignored=()):
    """A sequence without images; ``rows`` are (frame, id, box)."""
    frame, number, boxes = zip(*rows, strict=True)
    count = len(frame)
    ground_truth = GroundTruthRows(
        frame=np.array(frame),
        id=np.array(number),
        xyxy=np.array(boxes, np.float32),
        class_id=np.full(count, -1),
        ignored=np.isin(number, ignored),
    )
    frames = {"name": "NONE", "frames": Path("none"), "frame_rate": 10.0}
    return Sequence(ground_truth=ground_truth, regions=IgnoredRegions.empty(), **frames)


@pytest.fixture
def sequence():
    """Object 5 moves by (2, 1) and is away on frame 2; 7 doubles in size, and is ignored."""
    moved = [[2 * i, i, 10 + 2 * i, 20 + i] for i in range(5)]
    rows = [(i, 5, moved[i]) for i in (0, 1, 3, 4)]
    rows += [(0, 7, B), (1, 7, [100, 0, 140, 80]), (2, 7, [0, 0, 0, 0])]
    return sequence_of(rows, ignored=[7])


@pytest.fixture
def engine(sequence):
    return TrueMotion.from_sequence(sequence)


def enroll(engine, boxes, index=0):
    return engine.enroll(engine.observe(frame_at(index)), np.array(boxes, np.float32))


def track(engine, targets, *indices):
    """The last targets, and the motion on each frame."""
    motions = []
    for index in indices:
        targets, motion = engine.track(engine.observe(frame_at(index)), targets)
        motions.append(motion)
    return targets, motions


def test_a_box_keeps_its_error_while_it_moves_with_its_object(engine):
    _, (motion,) = track(engine, enroll(engine, [NEAR_B, NEAR_A]), 1)
    assert np.allclose(motion.boxes, [[100, 8, 136, 80], [3, 3, 13, 25]])
    assert motion.scores.tolist() == [1, 1]


def test_a_target_whose_object_is_away_holds_its_place_and_follows_it_later(engine):
    _, (_, away, back) = track(engine, enroll(engine, [NEAR_A, NEAR_B]), 1, 2, 3)
    assert np.allclose(away.boxes, [[3, 3, 13, 25], [100, 8, 136, 80]])
    assert away.scores.tolist() == [0, 0]
    assert np.allclose(back.boxes, [[7, 5, 17, 27], [100, 8, 136, 80]])
    assert back.scores.tolist() == [1, 0]


def test_a_false_alarm_holds_its_place_and_fades(engine):
    targets, motions = track(engine, enroll(engine, [ELSEWHERE]), 1, 2, 3, 4, 5, 99)
    assert targets.object.tolist() == [NO_OBJECT]
    assert all(motion.boxes.tolist() == [ELSEWHERE] for motion in motions)
    assert motions[4].scores.tolist() == [0.5]
    scores = [float(motion.scores[0]) for motion in motions]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_a_box_that_overlaps_by_less_than_a_half_or_comes_second_is_a_false_alarm(engine):
    targets = enroll(engine, [[0, 10.1, 10, 30], A, NEAR_A])
    assert targets.object.tolist() == [NO_OBJECT, 0, NO_OBJECT]
    assert enroll(engine, [[0, 0, 10, 10]]).object.tolist() == [0]


def test_a_corrected_target_is_on_the_object_that_its_new_box_lies_on(engine):
    targets, (motion,) = track(engine, enroll(engine, [NEAR_A, ELSEWHERE, NEAR_B]), 1)
    boxes = np.array([[100, 0, 140, 80], [2, 1, 12, 21], ELSEWHERE], np.float32)
    fresh = refresh(engine, frame_at(1), targets, boxes, np.ones(3, np.bool_))
    assert np.array_equal(fresh.boxes, boxes)
    assert fresh.object.tolist() == [1, 0, NO_OBJECT]
    assert motion.boxes[1].tolist() == ELSEWHERE


def test_the_engine_keeps_the_contract(engine, is_identical):
    assert isinstance(engine, MotionEngine)
    given = np.array([NEAR_A, ELSEWHERE, NEAR_B], np.float32)
    targets = enroll(engine, given)
    given += 5
    assert np.array_equal(targets.boxes, given - 5)
    frozen = pickle.loads(pickle.dumps(targets))
    moved, (motion,) = track(engine, targets, 1)
    assert isinstance(motion, Motion)
    assert motion.boxes.dtype == motion.scores.dtype == np.float32
    assert np.array_equal(moved.boxes, motion.boxes)
    assert is_identical(targets, frozen)
    assert is_identical(track(engine, frozen, 1)[1], [motion])
    parts = Targets.cat([targets[2:], targets[:2]])[[1, 2, 0]]
    assert is_identical(track(engine, parts, 1)[1], [motion])


def test_no_targets_and_no_objects_are_legal(engine):
    nobody = TrueMotion(objects=np.empty((3, 0, 4), np.float32))
    for one in (engine, nobody):
        targets, (motion,) = track(one, enroll(one, NONE), 1)
        assert len(targets) == len(motion.boxes) == len(motion.scores) == 0
    assert track(nobody, enroll(nobody, [A]), 1, 7)[1][1].boxes.tolist() == [A]


def test_bad_boxes_and_images_are_refused(engine):
    with pytest.raises(ValueError, match="box 1 is not finite or has no area"):
        enroll(engine, [A, [5, 5, 5, 9]])
    with pytest.raises(InputError, match="BGR uint8"):
        engine.observe(np.zeros((9, 9), np.uint8))
    unknown = engine.enroll(engine.observe(IMAGE), np.array([A], np.float32))
    assert engine.track(engine.observe(IMAGE), unknown)[1].scores.tolist() == [1]


def test_the_true_detector_finds_what_is_evaluated(sequence):
    detector = TrueDetector(sequence=sequence)
    found = detector(frame_at(1))
    assert found.xyxy.tolist() == [[2, 1, 12, 21]]
    assert found.confidence.tolist() == [1]
    assert [len(detector(frame_at(index))) for index in (0, 2, 4, 99)] == [1, 0, 1, 0]


def tracks_of(*boxes, first=1):
    count = len(boxes)
    return Tracks(
        id=np.arange(first, first + count),
        xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        score=np.linspace(0.2, 0.9, count, dtype=np.float32),
        class_id=np.arange(count),
        detected=np.arange(count) % 2 == 0,
    )


def truth_of(**boxes):
    return GroundTruthFrame(
        id=np.array([int(name[1:]) for name in boxes], np.int64),
        xyxy=np.array(list(boxes.values()), np.float32).reshape(-1, 4),
        ignored=np.zeros(len(boxes), np.bool_),
    )


def test_true_identities_change_no_box(is_identical):
    tracks = tracks_of(NEAR_B, ELSEWHERE, NEAR_A, first=40)
    named = assign_true_identities(truth_of(o5=A, o7=B, o9=[500, 0, 510, 10]), tracks)
    assert named.id.tolist() == [7, -41, 5]
    assert is_identical(replace(named, id=tracks.id), tracks)
    assert len(assign_true_identities(truth_of(o5=A), tracks_of())) == 0
    assert assign_true_identities(truth_of(), tracks).id.tolist() == [-40, -41, -42]


def test_an_object_gives_its_identity_to_one_box_only():
    named = assign_true_identities(truth_of(o5=A), tracks_of(NEAR_A, A, NEAR_A))
    assert named.id.tolist() == [-1, 5, -3]


def test_pairs_that_the_scores_count_come_first_and_then_those_of_less_overlap():
    low, high = [0, 0, 10, 8], [0, 0, 10, 30]  # IoU with A: 0.4 and 0.67
    assert assign_true_identities(truth_of(o5=A), tracks_of(low)).id.tolist() == [5]
    assert assign_true_identities(truth_of(o5=A), tracks_of(low, high)).id.tolist() == [-1, 5]
    grown = [0, 0, 10, 58]  # IoU with `high`: 0.52
    named = assign_true_identities(truth_of(o5=A, o7=grown), tracks_of(high, low))
    assert named.id.tolist() == [7, 5]
