import numpy as np
import pytest

from helpers.engine_runs import APART, follow
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import refresh
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.types import Frame


def test_hold_stays_and_its_score_halves_every_half_life():
    engine = HoldEngine(half_life=2.0)
    image = np.zeros((8, 8, 3), np.uint8)
    for step in (0.25, 0.5, 2.0):
        frames = [
            Frame(image=image, index=i, timestamp=10 + i * step) for i in range(round(6 / step) + 1)
        ]
        _, motions = follow(engine, frames)
        scores = {frame.timestamp: m.scores for frame, m in zip(frames[1:], motions, strict=True)}
        for age, score in [(2, 0.5), (4, 0.25), (6, 0.125)]:
            assert np.allclose(scores[10 + age], score)
        assert np.array_equal(motions[-1].boxes, APART)


def frame_at(time):
    return Frame(image=np.zeros((240, 320, 3), np.uint8), index=0, timestamp=time)


def enroll_moving_box(engine, moments, speed=(100.0, -40.0), growth=0.0):
    """A box of 40x80 measured at these moments while it moves; the targets at the last."""

    def box_at(time):
        x, y = 50 + speed[0] * time, 120 + speed[1] * time
        scale = 1 + growth * time
        half = 20 * scale, 40 * scale
        return np.array([[x - half[0], y - half[1], x + half[0], y + half[1]]], np.float32)

    targets = engine.enroll(frame_at(moments[0]), box_at(moments[0]))
    for time in moments[1:]:
        targets, _ = engine.track(frame_at(time), targets)
        targets = refresh(engine, frame_at(time), targets, box_at(time), np.ones(1, np.bool_))
    return targets, box_at


REGULAR = [i * 0.1 for i in range(12)]
IRREGULAR = [0.0, 0.04, 0.2, 0.24, 0.28, 0.6, 0.64, 0.68, 0.9, 0.94, 1.06, 1.1]


@pytest.mark.parametrize("moments", [REGULAR, IRREGULAR], ids=["regular", "irregular"])
@pytest.mark.parametrize("away", [0.04, 0.3, 0.5])
def test_kalman_predicts_by_time_with_the_velocity_it_learnt(moments, away):
    engine = load_engine("kalman")
    targets, box_at = enroll_moving_box(engine, moments)
    _, motion = engine.track(frame_at(moments[-1] + away), targets)
    assert np.allclose(motion.boxes, box_at(moments[-1] + away), atol=1 + 4 * away)


def test_kalman_counts_seconds_and_not_frames():
    engine = load_engine("kalman")
    targets, _ = enroll_moving_box(engine, REGULAR)
    start = REGULAR[-1]
    _, leap = engine.track(frame_at(start + 0.4), targets)
    for moment in (0.04, 0.1, 0.16, 0.36, 0.4):
        targets, steps = engine.track(frame_at(start + moment), targets)
    assert np.allclose(leap.boxes, steps.boxes, atol=0.01)


def test_kalman_at_rest_stays_until_a_detection_moves_it():
    engine = load_engine("kalman")
    _, motions = follow(engine, [frame_at(i / 25) for i in range(6)])
    assert np.allclose(motions[-1].boxes, APART, atol=1e-3)


def test_kalman_learns_growth():
    engine = load_engine("kalman")
    targets, box_at = enroll_moving_box(engine, REGULAR, speed=(0.0, 0.0), growth=0.5)
    _, motion = engine.track(frame_at(REGULAR[-1] + 0.3), targets)
    assert np.allclose(motion.boxes, box_at(REGULAR[-1] + 0.3), atol=3)


def test_the_score_of_kalman_falls_with_the_time_since_the_last_measurement():
    engine = load_engine("kalman")
    targets, _ = enroll_moving_box(engine, REGULAR)
    scores = [
        engine.track(frame_at(REGULAR[-1] + away), targets)[1].scores[0]
        for away in (0, 0.2, 0.5, 1, 3)
    ]
    assert (np.diff(scores) < 0).all()
    assert scores[0] > 0.9
    assert scores[-1] < 0.4


def test_the_score_of_kalman_does_not_depend_on_the_size():
    engine = load_engine("kalman")
    boxes = np.array([[0, 0, 4, 8], [0, 0, 100, 200]], np.float32)
    _, motions = follow(engine, [frame_at(0.0), frame_at(0.3)], boxes)
    assert motions[0].scores[0] == pytest.approx(motions[0].scores[1], abs=1e-5)
