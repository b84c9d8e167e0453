"""The table of trajectories: courses, rows and classes."""

import numpy as np
import pytest

from helpers.plugin.lifecycles import (
    SHORT,
    A,
    B,
    C,
    coast,
    create_lifecycle,
    detect,
    times,
)


def detect_moving_box(cycle, speed, hits=6):
    """Detect box A at a speed in pixels per second; return the last time and box."""
    for time in times(hits):
        box = A[0] + speed * time, A[1], A[2] + speed * time, A[3]
        detect(cycle, time, box, shift=speed * SHORT)
    return time, box


def test_a_course_keeps_the_measured_velocity_from_the_last_detection():
    cycle = create_lifecycle()
    time, box = detect_moving_box(cycle, speed=50.0, hits=20)
    coast(cycle, time + 0.1, score=0.0)
    certainty = []
    for away in (0.2, 0.5, 1.0):
        guess = cycle.predict_courses(None, time + away)
        expected = np.array(box) + np.array([50 * away, 0, 50 * away, 0])
        assert np.allclose(guess.boxes, [expected], atol=0.5)
        certainty.append(guess.scores.item())
    assert 1 > certainty[0] > certainty[1] > certainty[2] > 0


def test_a_course_follows_the_detections_not_the_engine():
    cycle = create_lifecycle()
    for i, time in enumerate(times(20)):
        left = A[0] + 10 * i
        detect(cycle, time, (left, A[1], left + 40, A[3]), shift=-3.0)
    assert cycle.trajectories.id.tolist() == [1]
    assert cycle.trajectories.course.velocity[0] == pytest.approx([50, 0], abs=1)


def test_the_velocity_of_a_course_follows_a_turn():
    cycle = create_lifecycle()
    time, box = detect_moving_box(cycle, speed=50.0)
    for i in range(1, 16):
        left = box[0] - 50 * SHORT * i
        detect(cycle, time + SHORT * i, (left, A[1], left + 40, A[3]), shift=-50 * SHORT)
    assert cycle.trajectories.course.velocity[0, 0] == pytest.approx(-50, abs=2)


def test_a_course_moves_with_the_camera():
    cycle = create_lifecycle()
    time, _ = detect_moving_box(cycle, speed=50.0, hits=20)
    still = cycle.predict_courses(None, time).boxes
    pan = np.array([[1.0, 0, -30], [0, 1, 12]])
    panned = cycle.predict_courses(pan, time).boxes
    assert np.allclose(panned - still, [[-30, 12, -30, 12]], atol=1e-3)
    later = cycle.predict_courses(None, time + 1).boxes
    assert np.allclose(later - panned, [[50, 0, 50, 0]], atol=0.5)


def test_the_course_of_a_row_goes_with_it():
    cycle = create_lifecycle()
    detect(cycle, 0.0, A, B, C)
    detect(cycle, 0.2, C, A)
    table = cycle.trajectories[np.array([2, 0, 1])]
    assert table.course.boxes.tolist() == [list(C), list(A), list(B)]
    assert table.course[1].boxes.tolist() == [list(A)]
    marked = np.array([False, True, False])
    changed = table.replace_rows(marked, cycle.trajectories[[2]])
    assert changed.id.tolist() == [3, 3, 2]
    assert changed.course.boxes.tolist() == [list(C), list(C), list(B)]
    assert changed.cat([changed, table]).course.mean.shape == (6, 8)


def test_a_table_row_by_row():
    cycle = create_lifecycle()
    detect(cycle, 0.0, A, B, C)
    table = cycle.trajectories
    assert len(table[np.array([2, 0])]) == 2
    assert table[np.array([2, 0])].id.tolist() == [3, 1]
    assert table[np.array([False, True, False])].id.tolist() == [2]
    assert table.cat([table, table[np.array([0])]]).id.tolist() == [1, 2, 3, 1]
    assert table.cat([table, table[np.zeros(0, np.int64)]]).id.tolist() == [1, 2, 3]


def test_the_class_of_a_track_is_the_majority_of_its_detections():
    cycle = create_lifecycle()
    for time, detected, expected in zip(
        times(9), [2, 7, 7, 7, 7, 2, 7, 7, 2], [2, 2, 7, 7, 7, 7, 7, 7, 7], strict=True
    ):
        assert detect(cycle, time, A, class_id=detected) == [1]
        assert cycle.tracks().class_id.tolist() == [expected]
