import numpy as np
import pytest

from helpers.engine_runs import (
    APART,
    CONTRACT_NAMES,
    FOLLOWS_OBJECTS,
    FOLLOWS_PEOPLE,
    WITHOUT_A_NETWORK,
    centres,
    contract_engine,
    follow,
    trained_engine,
)
from mvot_plugin.engines import Motion, MotionEngine, Targets
from mvot_plugin.engines.base import NOMINAL_STEP, SupportsRefresh, refresh
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.errors import InputError
from mvot_plugin.ops.boxes import iou, size
from mvot_plugin.types import Frame

NONE = np.empty((0, 4), np.float32)
MISSED = np.array([[6, -6, 6, -6], [-4, 0, -4, 0]] * 2, np.float32)
every_engine = pytest.mark.parametrize("name", CONTRACT_NAMES)
every_engine_that_follows_texture = pytest.mark.parametrize(
    "name", [name for name in CONTRACT_NAMES if name not in FOLLOWS_OBJECTS]
)


@every_engine
def test_an_engine_keeps_the_contract(name, moving_frames):
    engine = contract_engine(name)
    assert isinstance(engine, MotionEngine)
    targets = engine.enroll(engine.observe(moving_frames[0]), APART)
    assert isinstance(targets, Targets)
    assert len(targets) == len(APART)
    assert np.array_equal(targets.boxes, APART)
    for frame in moving_frames[1:]:
        targets, motion = engine.track(engine.observe(frame), targets)
        assert isinstance(motion, Motion)
        assert type(motion.boxes) is type(motion.scores) is np.ndarray
        assert motion.boxes.dtype == motion.scores.dtype == np.float32
        assert motion.boxes.shape == (4, 4)
        assert motion.scores.shape == (4,)
        assert ((motion.scores >= 0) & (motion.scores <= 1)).all()
        assert np.array_equal(targets.boxes, motion.boxes)
        assert (size(motion.boxes) > 0).all()


@pytest.mark.parametrize(
    "name", [name for name in CONTRACT_NAMES if not name.startswith(FOLLOWS_PEOPLE)]
)
def test_rows_stay_with_their_targets(name, moving_frames):
    _, motions = follow(trained_engine(name), moving_frames)
    assert (np.abs(centres(motions[-1].boxes) - centres(APART)) < 20).all()


@every_engine
def test_bare_arrays_are_frames(name, moving_frames):
    _, motions = follow(contract_engine(name), [frame.image for frame in moving_frames])
    assert len(motions[-1].boxes) == len(APART)
    assert np.isfinite(motions[-1].boxes).all()
    assert ((motions[-1].scores >= 0) & (motions[-1].scores <= 1)).all()


@every_engine
def test_a_frame_of_unknown_time_takes_a_nominal_step(name, moving_frames, is_identical):
    engine = contract_engine(name)
    timed = [
        Frame(image=frame.image, index=i, timestamp=i * NOMINAL_STEP)
        for i, frame in enumerate(moving_frames)
    ]
    _, with_time = follow(engine, timed)
    _, without = follow(engine, [frame.image for frame in moving_frames])
    for a, b in zip(with_time, without, strict=True):
        assert np.allclose(a.boxes, b.boxes, atol=1e-3)
        assert np.allclose(a.scores, b.scores, atol=1e-5)


@every_engine
def test_no_targets_are_legal(name, moving_frames):
    engine = contract_engine(name)
    observation = engine.observe(moving_frames[0])
    targets = engine.enroll(observation, NONE)
    assert len(targets) == 0
    targets, motion = engine.track(engine.observe(moving_frames[1]), targets)
    assert len(targets) == 0
    assert motion.boxes.shape == (0, 4)
    assert motion.scores.shape == (0,)
    assert motion.boxes.dtype == motion.scores.dtype == np.float32
    again = refresh(engine, observation, targets, NONE, np.zeros(0, np.bool_))
    assert len(again) == len(again[:0]) == len(Targets.cat([again, targets])) == 0


@every_engine
def test_no_targets_and_some_targets_concatenate(name, moving_frames, is_identical):
    engine = contract_engine(name)
    observation = engine.observe(moving_frames[0])
    some, none = engine.enroll(observation, APART), engine.enroll(observation, NONE)
    _, alone = engine.track(engine.observe(moving_frames[1]), some)
    for parts in ([none, some], [some, none], [some[:0], some]):
        _, motion = engine.track(engine.observe(moving_frames[1]), Targets.cat(parts))
        assert is_identical(motion, alone)


@every_engine
@pytest.mark.parametrize("bad", [[np.nan, 0, 9, 9], [0, 0, np.inf, 9], [5, 5, 5, 9], [5, 9, 9, 5]])
def test_boxes_without_area_are_refused(name, bad, moving_frames):
    engine = contract_engine(name)
    boxes = np.array([[10, 10, 40, 50], bad], np.float32)
    with pytest.raises(ValueError, match="box 1 is not finite or has no area"):
        engine.enroll(engine.observe(moving_frames[0]), boxes)


@every_engine
@pytest.mark.parametrize(
    "bad",
    [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32), np.zeros((9, 9, 4), np.uint8)],
    ids=["grey", "float", "alpha"],
)
def test_an_image_that_is_not_bgr_uint8_is_refused(name, bad):
    with pytest.raises(InputError, match="BGR uint8"):
        contract_engine(name).observe(bad)


@every_engine
def test_refresh_corrects_targets_towards_the_measured_boxes(name, moving_frames):
    engine = contract_engine(name)
    targets, motions = follow(engine, moving_frames[:3])
    measured = motions[-1].boxes + MISSED
    fresh = refresh(
        engine, engine.observe(moving_frames[2]), targets, measured, np.array([True, False] * 2)
    )
    assert type(fresh) is type(targets)
    assert len(fresh) == 4
    off = np.abs(centres(motions[-1].boxes) - centres(measured)).sum(1)
    assert (np.abs(centres(fresh.boxes) - centres(measured)).sum(1) < off).all()


@every_engine_that_follows_texture
def test_corrected_targets_are_searched_where_they_were_measured(name, moving_frames):
    """But a network finds the look that it knows, unless it was shown another."""
    engine = trained_engine(name)
    targets, motions = follow(engine, moving_frames[:3])
    observation, later = engine.observe(moving_frames[2]), engine.observe(moving_frames[3])
    measured = motions[-1].boxes + MISSED
    sure = np.array([True, False] * 2)
    fresh = refresh(engine, observation, targets, measured, sure)
    _, uncorrected = engine.track(later, targets)
    _, corrected = engine.track(later, fresh)
    displacement = centres(corrected.boxes) - centres(uncorrected.boxes)
    followed = slice(None) if name in WITHOUT_A_NETWORK else sure
    assert (np.sign(displacement[:, 0]) == [1, -1, 1, -1])[followed].all()


@every_engine_that_follows_texture
def test_the_same_frame_again_moves_nothing(name, moving_frames):
    engine = trained_engine(name)
    targets = engine.enroll(engine.observe(moving_frames[0]), APART)
    _, motion = engine.track(engine.observe(moving_frames[0]), targets)
    if name in WITHOUT_A_NETWORK:
        assert np.allclose(motion.boxes, APART, atol=0.05)
        assert (motion.scores > 0.9).all()
    else:  # networks look for objects; these boxes hold mere texture
        assert (np.diag(iou(motion.boxes, APART)) > 0.5).all()
        assert (motion.scores > 0.4).all()
        assert motion.scores.mean() > 0.5


@every_engine
@pytest.mark.parametrize(
    "box",
    [
        [-60, -60, 20, 20],
        [300, 220, 400, 400],
        [-50, -50, 400, 300],
        [1000, 1000, 1050, 1080],
        [10, 10, 10.25, 10.5],
        [0, 0, 1, 240],
    ],
    ids=["corner", "far corner", "larger than the image", "outside", "tiny", "line"],
)
def test_unusual_boxes_are_tracked_without_error(name, box, moving_frames):
    engine = contract_engine(name)
    _, motions = follow(engine, moving_frames[:4], np.array([box], np.float32))
    for motion in motions:
        assert np.isfinite(motion.boxes).all()
        assert (size(motion.boxes) > 0).all()
        assert ((motion.scores >= 0) & (motion.scores <= 1)).all()


@every_engine
@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 40, 3), (500, 20, 3)])
def test_small_and_slim_images_are_legal(name, shape):
    engine = contract_engine(name)
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    _, motions = follow(engine, [image] * 3, np.array([[1, 0, 7, 6]], np.float32))
    assert np.isfinite(motions[-1].boxes).all()


def random_squares(count):
    corner = np.random.default_rng(0).uniform(0, 200, (count, 2))
    return np.hstack([corner, corner + 24]).astype(np.float32)


@every_engine
def test_more_targets_than_an_image_has_rows_are_one_batch(name, moving_frames):
    engine = contract_engine(name)
    many = random_squares(1500 if name in WITHOUT_A_NETWORK else 300)
    _, motions = follow(engine, moving_frames[:2], many)
    _, last = follow(engine, moving_frames[:2], many[-3:])
    assert motions[0].boxes.shape == (len(many), 4)
    if name in ("hold", "kalman"):
        assert np.array_equal(motions[0].boxes[-3:], last[0].boxes)


def test_engines_without_history_enroll_again(moving_frames, is_identical):
    engine = HoldEngine()
    assert not isinstance(engine, SupportsRefresh)
    targets, _ = follow(engine, moving_frames[:3])
    fresh = refresh(engine, moving_frames[2], targets, APART + 1, np.ones(4, np.bool_))
    assert is_identical(fresh, engine.enroll(moving_frames[2], APART + 1))
