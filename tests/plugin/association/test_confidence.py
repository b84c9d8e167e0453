"""Sure and weak detections, whatever the scale of the confidences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.association.confidence import ConfidenceConfig, ConfidenceScale

values = st.lists(st.lists(st.integers(1, 100), max_size=6), max_size=8)


def grade_all(frames, **settings):
    """The grades of the last of some frames of confidences."""
    scale = ConfidenceScale(ConfidenceConfig(**settings))
    return [scale.grade(np.array(frame, np.float32)) for frame in frames][-1]


@given(values, st.sampled_from([2.0**-9, 0.25, 1.0, 8.0]))
def test_any_positive_scale_gives_the_same_grades(frames, factor):
    frames = [*frames, [5, 50, 100]]
    plain = grade_all(frames)
    scaled = grade_all([[factor * value for value in frame] for frame in frames])
    assert plain.sure.tolist() == scaled.sure.tolist()
    assert plain.may_start.tolist() == scaled.may_start.tolist()
    assert np.allclose(plain.weight, scaled.weight)


@given(st.integers(1, 9), st.floats(2**-10, 1, width=32), st.integers(1, 5))
def test_equal_confidences_are_all_sure(count, confidence, calls):
    grades = grade_all([[confidence] * count] * calls)
    assert grades.sure.all()
    assert grades.may_start.all()
    assert grades.weight.tolist() == [1.0] * count


def test_grades_by_hand():
    grades = grade_all([[1.0], [0.95, 0.59, 0.48, 0.2, 0.0]], share=0.0)
    assert grades.sure.tolist() == [True, True, False, False, False]
    assert grades.may_start.tolist() == [True, False, False, False, False]
    assert grades.weight == pytest.approx([1, 1, 0.96, 0.4, 0])


def test_many_weak_detections_do_not_lower_what_is_typical():
    grades = grade_all([[0.9, 0.8] + [0.05] * 50])
    assert grades.sure.tolist() == [True, True] + [False] * 50


def test_what_is_typical_follows_the_detector_slowly():
    high, low = [0.9, 0.9], [0.3, 0.3]
    assert not grade_all([high, low]).sure.any()
    assert grade_all([high] + [low] * 40).may_start.all()
    assert not grade_all([high] + [[]] * 40 + [low]).sure.any()
    assert grade_all([high, low], share=1.0).may_start.all()


def test_confidences_of_zero_start_nothing_and_are_no_measure():
    grades = grade_all([[0.0, 0.0]])
    assert not grades.sure.any()
    assert not grades.may_start.any()
    assert grades.weight.tolist() == [0, 0]
    assert grade_all([[0.0], [0.002]]).may_start.tolist() == [True]


def test_thresholds_of_zero_let_all_pass():
    grades = grade_all([[0.9, 0.01, 0.0]], sure=0.0, birth=0.0)
    assert grades.sure.all()
    assert grades.may_start.all()
    assert grades.weight.tolist() == [1, 1, 1]


def test_no_detections():
    grades = grade_all([[]])
    assert len(grades.sure) == len(grades.may_start) == len(grades.weight) == 0
