"""What `siammotion` makes of a target's history: inertia, limits, refresh."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.engine_runs import APART, centres, close, follow, narrow_engine
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh


@pytest.fixture(scope="module")
def engine():
    return narrow_engine()


def pushed(engine, dx=0.0, dy=0.0, growth=0.0, confidence=1.1):
    """The engine with inertia that expects all to move by (dx, dy) sides and to grow."""
    engine = replace(deepcopy(engine), confidence=confidence, stand_in="inertia")
    engine.network.inertia.layers[-1].bias.copy_(torch.tensor([dx, dy, growth, growth]))
    return engine


def resting(engine, frame, boxes=APART):
    """Targets of which enough is known for inertia, and that never moved."""
    still = pushed(engine)
    return follow(still, [frame] * still.network.config.known, boxes)[0]


def test_inertia_stands_in_where_the_search_is_unsure(engine, moving_frames):
    targets, observation = resting(engine, moving_frames[0]), engine.observe(moving_frames[1])
    engine = pushed(engine, dx=0.25, dy=-0.125, growth=0.0625, confidence=0.0)
    _, found = engine.track(observation, targets)
    middle = float(np.sort(found.scores)[2])
    _, mixed = replace(engine, confidence=middle).track(observation, targets)
    unsure = found.scores < middle
    last = xyxy_to_cxcywh(APART)
    centre = last[:, :2] + last[:, 2:] * np.float32([0.25, -0.125])
    expected = cxcywh_to_xyxy(np.hstack([centre, last[:, 2:] * np.exp(np.float32(0.0625))]))
    assert unsure.tolist().count(True) == 2
    assert np.array_equal(mixed.boxes[~unsure], found.boxes[~unsure])
    assert np.allclose(mixed.boxes[unsure], expected[unsure], atol=1e-3)
    assert not np.allclose(found.boxes[unsure], expected[unsure], atol=1)
    assert np.array_equal(mixed.scores, found.scores)


def test_what_is_not_found_keeps_its_mean_velocity(engine, moving_frames):
    unsure, known = replace(engine, confidence=1.1), engine.network.config.known
    first = engine.enroll(engine.observe(moving_frames[0]), APART)
    assert np.array_equal(unsure.track(engine.observe(moving_frames[0]), first)[1].boxes, APART)
    for seen in (2, 4, known):
        walk = np.float32([3, -2, 0, 0]) * np.arange(-known + 1, 1)[:, None].clip(-seen + 1)
        history = xyxy_to_cxcywh(APART)[:, None] + walk
        history[:, :, 2:] += 0.1 * np.arange(-known + 1, 1)[:, None]  # what grows does not go on to
        targets = replace(first, history=history.astype(np.float32), known=np.full(4, seen))
        _, motion = unsure.track(engine.observe(moving_frames[0]), targets)
        assert np.allclose(motion.boxes, APART + np.float32([3, -2, 3, -2]), atol=1e-3), seen


def test_without_enough_history_nothing_is_expected_to_move(engine, moving_frames):
    engine = pushed(engine, dx=0.5)
    known = engine.network.config.known
    _, motions = follow(engine, [moving_frames[0]] * (known + 1))
    for motion in motions[: known - 1]:
        assert np.allclose(motion.boxes, APART, atol=1e-4)
    moved = centres(motions[known - 1].boxes) - centres(APART)
    assert np.allclose(moved[:, 0], (APART[:, 2] - APART[:, 0]) / 2, atol=1e-3)
    assert np.allclose(moved[:, 1], 0, atol=1e-3)


def test_a_search_lies_about_the_last_box_or_where_inertia_expects_the_target(
    engine, moving_frames
):
    observation, targets = engine.observe(moving_frames[1]), resting(engine, moving_frames[0])
    half_a_side = xyxy_to_cxcywh(APART)[:, None] * np.float32([0, 0, 0.5, 0])
    ahead = replace(targets, history=targets.history + half_a_side[..., [2, 3, 0, 1]])
    still, moving = (pushed(engine, dx=dx, confidence=0.0) for dx in (0.0, 0.5))
    assert close(moving.track(observation, targets)[1], still.track(observation, targets)[1])
    _, found = replace(moving, anticipate=True).track(observation, targets)
    assert close(found, still.track(observation, ahead)[1], atol=1e-3)
    assert not close(found, still.track(observation, targets)[1], atol=1)


@pytest.mark.parametrize("towards", [(3, 3), (-3, 1), (2, -3)], ids=str)
def test_boxes_go_no_further_than_to_touch_the_frame(engine, towards, moving_frames):
    boxes = np.vstack([APART, [[900, 100, 930, 150], [-300, -200, -270, -180]]])
    _, motions = follow(pushed(engine, *towards), [moving_frames[0]] * 12, boxes.astype(np.float32))
    x0, y0, x1, y1 = motions[-1].boxes.T
    assert (np.minimum(x1, y1)[:4] > -1e-3).all()
    assert ((x0 < 320 + 1e-3) & (y0 < 240 + 1e-3))[:4].all()
    assert x0[4] <= 900.001
    assert x1[5] >= -270.001
    assert (np.abs(centres(motions[-1].boxes) - centres(boxes))[:4] > 60).any(1).all()


@pytest.mark.parametrize(("growth", "sides"), [(-1.5, (1, 1)), (1.5, (320, 240))])
def test_sides_stay_between_a_pixel_and_the_frames(engine, growth, sides, moving_frames):
    _, motions = follow(pushed(engine, growth=growth), [moving_frames[0]] * 12)
    assert np.allclose(xyxy_to_cxcywh(motions[-1].boxes)[:, 2:], sides, atol=1e-3)


@pytest.mark.parametrize("appearance", [(1, 0, 1, 0), (0, 0, 0, 0), (1, 1, 1, 1)], ids=str)
def test_refresh_moves_history_along_and_looks_anew_where_it_is_sure(
    engine, appearance, moving_frames, is_identical
):
    targets, observation = follow(engine, moving_frames[:4])[0], engine.observe(moving_frames[3])
    measured, sure = APART + np.float32([3, -5, 9, 4]), np.bool_(appearance)
    before = deepcopy(targets)
    fresh = engine.refresh(observation, targets, measured, sure)
    assert is_identical(targets, before)
    assert np.array_equal(fresh.boxes, measured)
    assert np.array_equal(fresh.history[:, -1], xyxy_to_cxcywh(measured))
    assert np.array_equal(fresh.known, targets.known)
    steps, now = (np.diff(t.history[..., :2], axis=1) for t in (targets, fresh))
    assert np.allclose(steps, now, atol=1e-3)
    sides, now = (t.history[..., 2:] / t.history[:, -1:, 2:] for t in (targets, fresh))
    assert np.allclose(sides, now, rtol=1e-4)
    assert is_identical(fresh[~sure].exemplars, targets[~sure].exemplars)
    assert is_identical(fresh[sure].exemplars, engine.enroll(observation, measured[sure]).exemplars)
    assert not any(map(is_identical, fresh[sure].exemplars, targets[sure].exemplars))
