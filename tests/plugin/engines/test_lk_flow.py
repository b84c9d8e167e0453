import cv2
import numpy as np
import pytest

from helpers.engine_runs import APART, centres, follow
from mvot_plugin.engines import Targets, load_engine
from mvot_plugin.engines.base import NOMINAL_STEP, refresh
from mvot_plugin.engines.lk_flow import LKFlowEngine
from mvot_plugin.ops.boxes import iou, size
from mvot_plugin.types import Frame


@pytest.mark.parametrize("step", [(3.0, -2.0), (0.5, 0.25), (-6.3, 4.1), (11.0, 0.0), (0.0, 0.0)])
def test_optical_flow_recovers_a_shift(step, render_view):
    frames = [render_view(dx=step[0] * i, dy=step[1] * i) for i in range(6)]
    _, motions = follow(load_engine("lk-flow"), frames, APART[:3] + np.float32(5))
    before = APART[:3] + np.float32(5)
    for motion in motions:
        shifted = centres(motion.boxes) - centres(before)
        assert np.abs(shifted - step).max() < 0.3
        assert (motion.scores > 0.8).all()
        before = motion.boxes
    assert np.allclose(size(before), size(APART[:3]), rtol=0.02)


@pytest.mark.parametrize("rate", [1.02, 1 / 1.02, 1.01])
def test_optical_flow_recovers_a_zoom(rate, render_view):
    frames = [render_view(zoom=rate**i) for i in range(9)]
    boxes = np.array([[110, 70, 210, 170]], np.float32)
    _, motions = follow(load_engine("lk-flow"), frames, boxes)
    for i, motion in enumerate(motions, 1):
        assert size(motion.boxes)[0] / 100 == pytest.approx(rate**i, rel=0.015)
        assert np.abs(centres(motion.boxes) - (160, 120)).max() < 2


def test_optical_flow_follows_the_majority_of_a_box_and_lowers_the_score(render_view):
    box = np.array([[100, 60, 160, 160]], np.float32)
    static, shifted = render_view(), render_view(dx=8.0)
    part = shifted.copy()
    part[:, :124] = static[:, :124]
    engine = load_engine("lk-flow")
    _, (all_of_it,) = follow(engine, [static, shifted], box)
    _, (most_of_it,) = follow(engine, [static, part], box)
    assert np.allclose(centres(most_of_it.boxes) - centres(box), [[8, 0]], atol=0.5)
    assert np.allclose(size(most_of_it.boxes), size(box), rtol=0.02)
    assert most_of_it.scores[0] < all_of_it.scores[0]


def noise_image(seed, shape=(240, 320, 3)):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)


def test_optical_flow_lowers_the_score_of_a_target_replaced_by_noise(render_view):
    frames = [render_view()] + [noise_image(i) for i in range(1, 30)]
    _, motions = follow(load_engine("lk-flow"), frames)
    scores = np.array([motion.scores for motion in motions])
    assert (np.diff(scores, axis=0) < 0).all()
    assert (scores[-1] < 0.4).all()


def test_optical_flow_without_texture_fades_and_stays():
    _, motions = follow(load_engine("lk-flow"), [np.full((240, 320, 3), 90, np.uint8)] * 30)
    assert np.array_equal(motions[-1].boxes, APART)
    assert np.allclose(motions[-1].scores, 0.5 ** (29 * NOMINAL_STEP / 0.5), atol=1e-3)


def test_only_the_target_that_vanished_has_a_low_score(render_view):
    empty = render_view().copy()
    empty[15:95, 15:75] = 128
    _, motions = follow(load_engine("lk-flow"), [render_view()] + [empty] * 29)
    assert motions[-1].scores[0] < 0.4
    assert (motions[-1].scores[1:] > 0.95).all()


def test_an_occluded_target_continues_with_its_velocity(render_view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=render_view(dx=3.0 * i), index=i, timestamp=i / 25) for i in range(11)]
    targets, _ = follow(engine, frames[:-1], np.array([[60, 60, 100, 140]], np.float32))
    observation = engine.observe(frames[-1])
    walker, _ = engine.track(observation, targets)
    x0, _, x1, _ = walker.boxes[0]
    wall = np.array([[x0 - 15, 40, x1 + 60, 200]], np.float32)
    targets = Targets.cat([walker, engine.enroll(observation, wall)])
    for i in range(1, 6):
        static = Frame(image=frames[-1].image, index=10 + i, timestamp=(10 + i) / 25)
        targets, motion = engine.track(engine.observe(static), targets)
        assert centres(motion.boxes)[0, 0] - (x0 + x1) / 2 == pytest.approx(3 * i, abs=0.3)
        assert np.allclose(motion.boxes[1], wall, atol=0.05)
    assert motion.scores[0] < 0.9 < motion.scores[1]


def test_velocity_is_extrapolated_by_time_not_by_frame(render_view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=render_view(dx=3.0 * i), index=i, timestamp=i / 25) for i in range(11)]
    targets, motions = follow(engine, frames, APART[:1])
    blank = np.full((240, 320, 3), 90, np.uint8)
    _, motion = engine.track(engine.observe(Frame(image=blank, index=11, timestamp=0.6)), targets)
    shifted = centres(motion.boxes) - centres(motions[-1].boxes)
    assert np.allclose(shifted, [[15, 0]], atol=1)


def test_refresh_keeps_the_velocity_of_optical_flow(render_view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=render_view(dx=3.0 * i), index=i, timestamp=i / 25) for i in range(11)]
    targets, _ = follow(engine, frames, APART[:1])
    fresh = refresh(engine, engine.observe(frames[-1]), targets, APART[:1], np.ones(1, np.bool_))
    assert np.allclose(fresh.velocity, [[75, 0]], atol=4)
    assert fresh.score.tolist() == [1]


def test_optical_flow_continues_from_a_corrected_box(render_view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=render_view(), index=i, timestamp=i / 25) for i in range(7)]
    targets, _ = follow(engine, frames[:6], APART[:1])
    found, sure = APART[:1] + np.float32([90, 0, 90, 0]), np.ones(1, np.bool_)
    fresh = refresh(engine, engine.observe(frames[5]), targets, found, sure)
    _, motion = engine.track(engine.observe(frames[6]), fresh)
    assert iou(motion.boxes, found).item() > 0.5


def test_a_colour_frame_and_its_grey_version_give_the_same_motion(render_view):
    colour = [render_view(dx=2.0 * i) for i in range(4)]
    grey = [cv2.cvtColor(cv2.cvtColor(i, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for i in colour]
    engine = load_engine("lk-flow")
    a, b = follow(engine, colour)[1][-1], follow(engine, grey)[1][-1]
    assert np.allclose(a.boxes, b.boxes, atol=0.1)


@pytest.mark.parametrize(("longest", "reduction"), [(320, 1.0), (319, 0.5), (90, 0.25)])
def test_large_frames_are_followed_on_a_reduced_one(longest, reduction, render_view):
    frames = [render_view(dx=4.0 * i, dy=-2.0 * i) for i in range(5)]
    engine = LKFlowEngine(longest=longest)
    observation = engine.observe(frames[0])
    assert observation.reduction == reduction
    assert observation.grey.shape == (240 * reduction, 320 * reduction)
    _, motions = follow(engine, frames, APART[:3] + np.float32(5))
    shifted = centres(motions[-1].boxes) - centres(APART[:3] + np.float32(5))
    assert np.abs(shifted - (16, -8)).max() < 1


@pytest.mark.parametrize("other", [(320, 200), (640, 480), (2560, 1920)])
def test_between_frames_of_other_sizes_targets_coast(render_view, other):
    views = [render_view(dx=3.0 * i) for i in range(4)]
    larger = [cv2.resize(view, other) for view in views[2:]]
    _, motions = follow(load_engine("lk-flow"), [*views[:2], *larger], APART[:2])
    before, changed, after = motions
    assert np.allclose(centres(changed.boxes), centres(before.boxes) + np.float32([3, 0]), atol=0.1)
    assert (changed.scores < before.scores).all()
    assert np.isfinite(after.boxes).all()
