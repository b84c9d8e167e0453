"""Use of a target's history by `siammotion`: inertia, limits, refresh."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.engine_runs import APART, centres, follow, is_close, narrow_engine
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh


@pytest.fixture(scope="module")
def engine():
    return narrow_engine()


def with_predicted_motion(engine, dx=0.0, dy=0.0, growth=0.0, confidence=1.1):
    """The engine, with inertia that predicts a shift by (dx, dy) sides and growth."""
    engine = replace(deepcopy(engine), confidence=confidence, stand_in="inertia")
    inertia = engine.network.module.network.inertia
    inertia.layers[-1].bias.copy_(torch.tensor([dx, dy, growth, growth]))
    return engine


def enroll_static_targets(engine, frame, boxes=APART):
    """Targets that never moved, with enough history for inertia."""
    static = with_predicted_motion(engine)
    return follow(static, [frame] * static.network.config.known, boxes)[0]


def test_inertia_replaces_boxes_of_low_confidence(engine, moving_frames):
    targets, observation = (
        enroll_static_targets(engine, moving_frames[0]),
        engine.observe(moving_frames[1]),
    )
    engine = with_predicted_motion(engine, dx=0.25, dy=-0.125, growth=0.0625, confidence=0.0)
    _, searched = engine.track(observation, targets)
    middle = float(np.sort(searched.scores)[2])
    _, mixed = replace(engine, confidence=middle).track(observation, targets)
    unsure = searched.scores < middle
    last = xyxy_to_cxcywh(APART)
    centre = last[:, :2] + last[:, 2:] * np.float32([0.25, -0.125])
    expected = cxcywh_to_xyxy(np.hstack([centre, last[:, 2:] * np.exp(np.float32(0.0625))]))
    assert unsure.tolist().count(True) == 2
    assert np.array_equal(mixed.boxes[~unsure], searched.boxes[~unsure])
    assert np.allclose(mixed.boxes[unsure], expected[unsure], atol=1e-3)
    assert not np.allclose(searched.boxes[unsure], expected[unsure], atol=1)
    assert np.array_equal(mixed.scores, searched.scores)


def test_a_lost_target_keeps_its_mean_velocity(engine, moving_frames):
    unsure, known = replace(engine, confidence=1.1), engine.network.config.known
    first = engine.enroll(engine.observe(moving_frames[0]), APART)
    assert np.array_equal(unsure.track(engine.observe(moving_frames[0]), first)[1].boxes, APART)
    for observed in (2, 4, known):
        shifts = np.float32([3, -2, 0, 0]) * np.arange(-known + 1, 1)[:, None].clip(-observed + 1)
        history = xyxy_to_cxcywh(APART)[:, None] + shifts
        history[:, :, 2:] += 0.1 * np.arange(-known + 1, 1)[:, None]  # growth is not extrapolated
        targets = replace(first, history=history.astype(np.float32), known=np.full(4, observed))
        _, motion = unsure.track(engine.observe(moving_frames[0]), targets)
        assert np.allclose(motion.boxes, APART + np.float32([3, -2, 3, -2]), atol=1e-3), observed


def test_without_enough_history_inertia_predicts_rest(engine, moving_frames):
    engine = with_predicted_motion(engine, dx=0.5)
    known = engine.network.config.known
    _, motions = follow(engine, [moving_frames[0]] * (known + 1))
    for motion in motions[: known - 1]:
        assert np.allclose(motion.boxes, APART, atol=1e-4)
    displacement = centres(motions[known - 1].boxes) - centres(APART)
    assert np.allclose(displacement[:, 0], (APART[:, 2] - APART[:, 0]) / 2, atol=1e-3)
    assert np.allclose(displacement[:, 1], 0, atol=1e-3)


def test_the_search_area_is_about_the_last_box_or_the_predicted_one(engine, moving_frames):
    observation, targets = (
        engine.observe(moving_frames[1]),
        enroll_static_targets(engine, moving_frames[0]),
    )
    half_a_side = xyxy_to_cxcywh(APART)[:, None] * np.float32([0, 0, 0.5, 0])
    ahead = replace(targets, history=targets.history + half_a_side[..., [2, 3, 0, 1]])
    static, moving = (with_predicted_motion(engine, dx=dx, confidence=0.0) for dx in (0.0, 0.5))
    assert is_close(moving.track(observation, targets)[1], static.track(observation, targets)[1])
    _, searched = replace(moving, anticipate=True).track(observation, targets)
    assert is_close(searched, static.track(observation, ahead)[1], atol=1e-3)
    assert not is_close(searched, static.track(observation, targets)[1], atol=1)


@pytest.mark.parametrize("towards", [(3, 3), (-3, 1), (2, -3)], ids=str)
def test_boxes_stay_in_contact_with_the_frame(engine, towards, moving_frames):
    boxes = np.vstack([APART, [[900, 100, 930, 150], [-300, -200, -270, -180]]])
    _, motions = follow(
        with_predicted_motion(engine, *towards), [moving_frames[0]] * 12, boxes.astype(np.float32)
    )
    x0, y0, x1, y1 = motions[-1].boxes.T
    assert (np.minimum(x1, y1)[:4] > -1e-3).all()
    assert ((x0 < 320 + 1e-3) & (y0 < 240 + 1e-3))[:4].all()
    assert x0[4] <= 900.001
    assert x1[5] >= -270.001
    assert (np.abs(centres(motions[-1].boxes) - centres(boxes))[:4] > 60).any(1).all()


@pytest.mark.parametrize(("growth", "sides"), [(-1.5, (1, 1)), (1.5, (320, 240))])
def test_sides_stay_between_a_pixel_and_the_frames(engine, growth, sides, moving_frames):
    _, motions = follow(with_predicted_motion(engine, growth=growth), [moving_frames[0]] * 12)
    assert np.allclose(xyxy_to_cxcywh(motions[-1].boxes)[:, 2:], sides, atol=1e-3)


@pytest.mark.parametrize("appearance", [(1, 0, 1, 0), (0, 0, 0, 0), (1, 1, 1, 1)], ids=str)
def test_refresh_shifts_history_and_updates_exemplars_where_sure(
    engine, appearance, moving_frames, is_identical
):
    targets, observation = follow(engine, moving_frames[:4])[0], engine.observe(moving_frames[3])
    measured, sure = APART + np.float32([3, -5, 9, 4]), np.bool_(appearance)
    before = deepcopy(targets)
    refreshed = engine.refresh(observation, targets, measured, sure)
    assert is_identical(targets, before)
    assert np.array_equal(refreshed.boxes, measured)
    assert np.array_equal(refreshed.history[:, -1], xyxy_to_cxcywh(measured))
    assert np.array_equal(refreshed.known, targets.known)
    steps, now = (np.diff(t.history[..., :2], axis=1) for t in (targets, refreshed))
    assert np.allclose(steps, now, atol=1e-3)
    sides, now = (t.history[..., 2:] / t.history[:, -1:, 2:] for t in (targets, refreshed))
    assert np.allclose(sides, now, rtol=1e-4)
    assert is_identical(refreshed[~sure].exemplars, targets[~sure].exemplars)
    assert is_identical(
        refreshed[sure].exemplars, engine.enroll(observation, measured[sure]).exemplars
    )
    assert not any(map(is_identical, refreshed[sure].exemplars, targets[sure].exemplars))
