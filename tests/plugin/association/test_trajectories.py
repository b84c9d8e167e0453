"""The table of trajectories: motion by inertia, velocity, rows and classes."""

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


def test_inertia_extrapolates_the_measured_velocity_from_the_last_detection():
    cycle = create_lifecycle()
    time, box = detect_moving_box(cycle, speed=50.0)
    coast(cycle, time + 0.1, score=0.0)
    for away in (0.2, 0.5, 1.0):
        guess = cycle.trajectories.extrapolate(time + away)
        expected = np.array(box) + np.array([50 * away, 0, 50 * away, 0])
        assert np.allclose(guess.boxes, [expected], atol=0.05)
        assert guess.scores[0] == pytest.approx(0.5**away)


def test_velocity_follows_a_turn_within_its_memory():
    cycle = create_lifecycle()
    time, box = detect_moving_box(cycle, speed=50.0)
    for i in range(1, 16):
        left = box[0] - 50 * SHORT * i
        detect(cycle, time + SHORT * i, (left, A[1], left + 40, A[3]), shift=-50 * SHORT)
    assert cycle.trajectories.velocity[0, 0] == pytest.approx(-50, abs=2)


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
