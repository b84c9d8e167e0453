import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.association.affinity import AffinityConfig, affinity
from mvot_plugin.engines.base import Motion
from mvot_plugin.types import Detections

BOX = (100.0, 100.0, 140.0, 200.0)


def moved(boxes, scores=1.0):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Motion(boxes=boxes, scores=np.full(len(boxes), scores, np.float32))


def beside(*shifts):
    return [(BOX[0] + dx, BOX[1], BOX[2] + dx, BOX[3]) for dx in shifts]


def fit(motion, detections, classes=0, **settings):
    classes = np.broadcast_to(np.asarray(classes, np.int64), len(motion.boxes))
    return affinity(motion, classes, detections, AffinityConfig(**settings))


def test_affinity_falls_with_distance_to_nothing():
    row = fit(moved([BOX]), Detections.of(beside(0, 5, 10, 20, 30, 60)))[0]
    assert row[0] == pytest.approx(1)
    assert (np.diff(row) < 0).all()
    assert row[-1] == 0


def test_rows_are_targets_and_columns_are_detections():
    found = fit(moved([BOX, *beside(300)]), Detections.of([*beside(300), *beside(1000), BOX]))
    assert found.shape == (2, 3)
    assert found.dtype == np.float32
    assert np.allclose(found, [[0, 0, 1], [1, 0, 0]])


def test_classes_that_differ_are_worth_little_by_default_and_may_be_forbidden():
    detections = Detections.of([BOX, BOX], class_id=[0, 2])
    for settings, worth in (({}, 0.2), ({"other_class": 0.0}, 0.0)):
        answer = fit(moved([BOX, BOX]), detections, classes=[0, 2], **settings)
        assert np.allclose(answer, [[1, worth], [worth, 1]])


def test_classes_that_differ_can_be_discounted():
    detections = Detections.of([BOX, BOX], class_id=[0, 2])
    found = fit(moved([BOX]), detections, other_class=0.6)
    assert np.allclose(found, [[1, 0.6]])


def test_an_unsure_motion_is_searched_for_farther_and_worth_less():
    near, far = Detections.of([BOX]), Detections.of(beside(46))
    scores = (1.0, 0.6, 0.2, 0.0)
    at_home = [fit(moved([BOX], score), near)[0, 0] for score in scores]
    away = [fit(moved([BOX], score), far)[0, 0] for score in scores]
    assert np.allclose(at_home, [0.5 + 0.5 * score for score in scores])
    assert away[0] == 0
    assert away[-1] > away[-2] > 0


@given(st.floats(0, 1, width=32), st.floats(-80, 80, width=32), st.floats(0.5, 2, width=32))
def test_affinity_lies_between_0_and_the_trust_in_the_motion(score, shift, scale):
    width, height = (BOX[2] - BOX[0]) * scale, (BOX[3] - BOX[1]) * scale
    box = BOX[0] + shift, BOX[1], BOX[0] + shift + width, BOX[1] + height
    found = fit(moved([BOX], score), Detections.of([box]))[0, 0]
    assert 0 <= found <= 0.5 + 0.5 * score + 1e-5


@pytest.mark.parametrize("score", [-3.0, 4.0])
def test_a_score_beyond_its_range_counts_as_the_nearest(score):
    detections = Detections.of(beside(12))
    inside = fit(moved([BOX], min(max(score, 0), 1)), detections)
    assert np.array_equal(fit(moved([BOX], score), detections), inside)


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (3, 0), (0, 0)])
def test_no_targets_or_no_detections(rows, columns):
    detections = Detections.of([BOX] * columns)
    assert fit(moved([BOX] * rows), detections).shape == (rows, columns)
