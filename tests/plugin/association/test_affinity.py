import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.association import affinity
from mvot_plugin.association.affinity import AffinityConfig, add_evidence
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections

BOX = (100.0, 100.0, 140.0, 200.0)


def motion_to(boxes, scores=1.0):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Motion(boxes=boxes, scores=np.full(len(boxes), scores, np.float32))


def shifted_boxes(*shifts):
    """``BOX``, moved to the right by each number of pixels."""
    return [(BOX[0] + dx, BOX[1], BOX[2] + dx, BOX[3]) for dx in shifts]


def compute_affinity(motion, detections, classes=0, by_course=None, **settings):
    """The affinity by place, of targets whose courses predict what the engine sees."""
    classes = np.broadcast_to(np.asarray(classes, np.int64), len(motion.boxes))
    config = AffinityConfig(**settings)
    return affinity.compute_affinity(motion, by_course or motion, classes, detections, config)


def test_affinity_falls_to_zero_with_distance():
    row = compute_affinity(motion_to([BOX]), Detections.of(shifted_boxes(0, 5, 10, 20, 42, 60)))[0]
    assert row[0] == pytest.approx(1)
    assert (np.diff(row) < 0).all()
    assert row[-1] == 0


def test_rows_are_targets_and_columns_are_detections():
    affinities = compute_affinity(
        motion_to([BOX, *shifted_boxes(300)]),
        Detections.of([*shifted_boxes(300), *shifted_boxes(1000), BOX]),
    )
    assert affinities.shape == (2, 3)
    assert affinities.dtype == np.float32
    assert np.allclose(affinities, [[0, 0, 1], [1, 0, 0]])


def test_other_classes_are_discounted_by_default_and_may_be_excluded():
    detections = Detections.of([BOX, BOX], class_id=[0, 2])
    for settings, worth in (({}, 0.2), ({"other_class": 0.0}, 0.0)):
        affinities = compute_affinity(motion_to([BOX, BOX]), detections, classes=[0, 2], **settings)
        assert np.allclose(affinities, [[1, worth], [worth, 1]])


def test_the_discount_of_other_classes_can_be_set():
    detections = Detections.of([BOX, BOX], class_id=[0, 2])
    affinities = compute_affinity(motion_to([BOX]), detections, other_class=0.6)
    assert np.allclose(affinities, [[1, 0.6]])


def test_a_low_motion_score_widens_the_gate_and_lowers_the_affinity():
    near, far = Detections.of([BOX]), Detections.of(shifted_boxes(57))
    scores = (1.0, 0.6, 0.2, 0.0)
    in_place = [compute_affinity(motion_to([BOX], score), near)[0, 0] for score in scores]
    away = [compute_affinity(motion_to([BOX], score), far)[0, 0] for score in scores]
    assert np.allclose(in_place, [0.5 + 0.5 * score for score in scores])
    assert away[0] == 0
    assert away[-1] > away[-2] > 0


@given(st.floats(0, 1, width=32), st.floats(-80, 80, width=32), st.floats(0.5, 2, width=32))
def test_affinity_is_bounded_by_the_motion_score(score, shift, scale):
    width, height = (BOX[2] - BOX[0]) * scale, (BOX[3] - BOX[1]) * scale
    box = BOX[0] + shift, BOX[1], BOX[0] + shift + width, BOX[1] + height
    affinities = compute_affinity(motion_to([BOX], score), Detections.of([box]))[0, 0]
    assert 0 <= affinities <= 0.5 + 0.5 * score + 1e-5


@pytest.mark.parametrize("score", [-3.0, 4.0])
def test_a_score_beyond_its_range_counts_as_the_nearest(score):
    detections = Detections.of(shifted_boxes(12))
    inside = compute_affinity(motion_to([BOX], min(max(score, 0), 1)), detections)
    assert np.array_equal(compute_affinity(motion_to([BOX], score), detections), inside)


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (3, 0), (0, 0)])
def test_no_targets_or_no_detections(rows, columns):
    detections = Detections.of([BOX] * columns)
    assert compute_affinity(motion_to([BOX] * rows), detections).shape == (rows, columns)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_course_has_its_share_of_the_affinity(share):
    engine, predicted = motion_to([BOX], 0.8), motion_to(shifted_boxes(12), 0.5)
    found = Detections.of(shifted_boxes(0, 6, 12, 30))
    mixed = compute_affinity(engine, found, by_course=predicted, course_weight=share)
    expected = (1 - share) * compute_affinity(engine, found)
    expected = expected + share * compute_affinity(predicted, found)
    assert np.allclose(mixed, expected, atol=1e-6)
    assert mixed.dtype == np.float32


@given(st.floats(1 / 64, 63 / 64, width=32), st.floats(-6, 6))
def test_evidence_is_added_in_log_odds(probability, evidence):
    odds = probability / (1 - probability) * np.exp(evidence)
    table = np.array([[probability]], np.float32)
    fused = add_evidence(table, np.array([[evidence]]))
    assert fused.dtype == np.float32
    assert fused[0, 0] == pytest.approx(odds / (1 + odds), abs=1e-5)
    assert table[0, 0] == np.float32(probability)


def test_evidence_never_makes_up_for_the_distance():
    for evidence in (-50.0, 0.0, 50.0):
        fused = add_evidence(np.array([[0.0, 1.0]], np.float32), np.full((1, 2), evidence))
        assert fused[0, 0] == 0
        assert 0 <= fused[0, 1] <= 1
    assert add_evidence(np.zeros((0, 3), np.float32), np.zeros((0, 3))).shape == (0, 3)
