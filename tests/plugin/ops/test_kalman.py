"""Kalman filters of boxes that move with the camera, and their rows."""

import numpy as np
import pytest

from mvot_plugin.ops.kalman import BoxFilter, warp_filters
from mvot_plugin.ops.similarity import warp_boxes

MOTION = np.array([[0.9, -0.2, 15.0], [0.2, 0.9, -6.0]])


def moving_filters(steps=20):
    """Filters of three boxes of different velocity and growth."""
    rng, filters = np.random.default_rng(0), BoxFilter()
    boxes = np.array([[10, 20, 50, 90], [100, 40, 130, 100], [200, 10, 300, 60]], np.float32)
    speed = np.tile(rng.uniform(-30, 30, (3, 2)), 2) + rng.uniform(-2, 2, (3, 4))
    speed = speed.astype(np.float32)
    state = filters.start(boxes, 0.0)
    for i in range(1, steps + 1):
        state = filters.predict(state, np.full(3, 0.1))
        state = filters.correct(state, boxes + speed * np.float32(0.1 * i))
    return filters, state


def test_a_warp_moves_boxes_and_velocities():
    filters, state = moving_filters()
    state = filters.predict(state, np.zeros(3))
    warped = warp_filters(state, MOTION)
    np.testing.assert_allclose(warped.boxes, warp_boxes(state.boxes, MOTION), atol=1e-3)
    np.testing.assert_allclose(warped.velocity, state.velocity @ MOTION[:, :2].T)
    np.testing.assert_allclose(warped.mean[:, 6:], np.sqrt(0.85) * state.mean[:, 6:])
    assert np.array_equal(warped.timestamp, state.timestamp)


def test_to_warp_and_to_predict_commute():
    filters, state = moving_filters()
    steps = np.array([0.1, 0.4, 1.0])
    one = filters.predict(warp_filters(state, MOTION), steps)
    other = warp_filters(filters.predict(state, steps), MOTION)
    np.testing.assert_allclose(one.mean, other.mean)
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)


def test_the_identity_changes_nothing_but_the_boxes_to_those_of_the_filter():
    _, state = moving_filters()
    same = warp_filters(state, np.eye(2, 3))
    assert np.array_equal(same.mean, state.mean)
    assert np.array_equal(same.covariance, state.covariance)
    assert np.array_equal(same.unit, state.unit)


def test_a_zoom_changes_no_certainty():
    _, state = moving_filters()
    zoomed = warp_filters(state, 2 * np.eye(2, 3))
    np.testing.assert_allclose(zoomed.certainty, state.certainty, rtol=1e-5)


def test_filters_are_predicted_each_over_its_own_time():
    filters, state = moving_filters()
    steps = np.array([0.0, 0.2, 2.0])
    together = filters.predict(state, steps)
    for row in range(3):
        alone = filters.predict(state[row], steps[row : row + 1])
        np.testing.assert_allclose(together.mean[row], alone.mean[0])
        np.testing.assert_allclose(together.covariance[row], alone.covariance[0])
    assert together.timestamp == pytest.approx(state.timestamp + steps)
    assert together.certainty[2] < together.certainty[1] < 1
