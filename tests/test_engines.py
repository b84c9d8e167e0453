import pickle
from copy import deepcopy

import numpy as np
import pytest

from following import (
    APART,
    WITHOUT_A_NETWORK,
    centres,
    contract_engine,
    each_by_itself,
    follow,
    trained_engine,
)
from mvot_plugin.engines import Motion, MotionEngine, Targets, engine_names, load_engine
from mvot_plugin.engines.base import NOMINAL_STEP, Refreshes, refresh
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.ops.boxes import iou, size
from mvot_plugin.types import Frame

NONE = np.empty((0, 4), np.float32)
MISSED = np.array([[6, -6, 6, -6], [-4, 0, -4, 0]] * 2, np.float32)
every_engine = pytest.mark.parametrize("name", engine_names())


def one_way_or_another(frames, ways):
    """The motions of two or more engines that see each frame in turn."""
    targets = [engine.enroll(engine.observe(frames[0]), boxes) for engine, boxes in ways]
    motions = [[] for _ in ways]
    for frame in frames[1:]:
        for i, (engine, _) in enumerate(ways):
            targets[i], motion = engine.track(engine.observe(frame), targets[i])
            motions[i].append(motion)
    return motions


@every_engine
def test_an_engine_keeps_the_contract(name, film):
    engine = contract_engine(name)
    assert isinstance(engine, MotionEngine)
    targets = engine.enroll(engine.observe(film[0]), APART)
    assert isinstance(targets, Targets)
    assert len(targets) == len(APART)
    assert np.array_equal(targets.boxes, APART)
    for frame in film[1:]:
        targets, motion = engine.track(engine.observe(frame), targets)
        assert isinstance(motion, Motion)
        assert type(motion.boxes) is type(motion.scores) is np.ndarray
        assert motion.boxes.dtype == motion.scores.dtype == np.float32
        assert motion.boxes.shape == (4, 4)
        assert motion.scores.shape == (4,)
        assert ((motion.scores >= 0) & (motion.scores <= 1)).all()
        assert np.array_equal(targets.boxes, motion.boxes)
        assert (size(motion.boxes) > 0).all()


@every_engine
def test_rows_stay_with_their_targets(name, film):
    _, motions = follow(trained_engine(name), film)
    assert (np.abs(centres(motions[-1].boxes) - centres(APART)) < 20).all()


@every_engine
def test_bare_arrays_are_frames(name, film):
    _, motions = follow(contract_engine(name), [frame.image for frame in film])
    assert len(motions[-1].boxes) == len(APART)
    assert np.isfinite(motions[-1].boxes).all()
    assert ((motions[-1].scores >= 0) & (motions[-1].scores <= 1)).all()


@every_engine
def test_a_frame_of_unknown_time_takes_a_nominal_step(name, film, alike):
    engine = contract_engine(name)
    timed = [
        Frame(image=frame.image, index=i, timestamp=i * NOMINAL_STEP)
        for i, frame in enumerate(film)
    ]
    _, with_time = follow(engine, timed)
    _, without = follow(engine, [frame.image for frame in film])
    for a, b in zip(with_time, without, strict=True):
        assert np.allclose(a.boxes, b.boxes, atol=1e-3)
        assert np.allclose(a.scores, b.scores, atol=1e-5)


@every_engine
def test_no_targets_are_legal(name, film):
    engine = contract_engine(name)
    observation = engine.observe(film[0])
    targets = engine.enroll(observation, NONE)
    assert len(targets) == 0
    targets, motion = engine.track(engine.observe(film[1]), targets)
    assert len(targets) == 0
    assert motion.boxes.shape == (0, 4)
    assert motion.scores.shape == (0,)
    assert motion.boxes.dtype == motion.scores.dtype == np.float32
    again = refresh(engine, observation, targets, NONE, np.zeros(0, np.bool_))
    assert len(again) == len(again[:0]) == len(Targets.cat([again, targets])) == 0


@every_engine
def test_no_targets_and_some_targets_concatenate(name, film, alike):
    engine = contract_engine(name)
    observation = engine.observe(film[0])
    some, none = engine.enroll(observation, APART), engine.enroll(observation, NONE)
    _, alone = engine.track(engine.observe(film[1]), some)
    for parts in ([none, some], [some, none], [some[:0], some]):
        _, motion = engine.track(engine.observe(film[1]), Targets.cat(parts))
        assert alike(motion, alone)


@every_engine
@pytest.mark.parametrize("bad", [[np.nan, 0, 9, 9], [0, 0, np.inf, 9], [5, 5, 5, 9], [5, 9, 9, 5]])
def test_boxes_without_area_are_refused(name, bad, film):
    engine = contract_engine(name)
    boxes = np.array([[10, 10, 40, 50], bad], np.float32)
    with pytest.raises(ValueError, match="box 1 is not finite or has no area"):
        engine.enroll(engine.observe(film[0]), boxes)


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
def test_targets_are_values(name, film, alike):
    engine = contract_engine(name)
    observation, boxes = engine.observe(film[0]), APART.copy()
    targets = engine.enroll(observation, boxes)
    boxes += 5
    assert np.array_equal(targets.boxes, APART)
    before, seen = deepcopy(targets), deepcopy(observation)
    later = engine.observe(film[1])
    tracked, motion = engine.track(later, targets)
    assert alike(targets, before)
    after, sure = deepcopy(tracked), np.array([True, False, True, False])
    refresh(engine, later, tracked, APART + 2, sure)
    assert alike(tracked, after)
    assert alike(observation, seen)
    assert len(motion.boxes) == 4


@every_engine
def test_a_run_is_repeatable(name, film, alike):
    first, again = follow(contract_engine(name), film), follow(contract_engine(name), film)
    assert alike(first[0], again[0])
    assert all(map(alike, first[1], again[1]))
    engine = contract_engine(name)
    assert all(map(alike, follow(engine, film)[1], follow(engine, film)[1]))


@every_engine
def test_two_runs_of_one_engine_are_independent(name, film, alike):
    engine = contract_engine(name)
    mixed = one_way_or_another(film, [(engine, APART), (engine, APART[:2] + 15)])
    assert all(map(alike, mixed[0], follow(engine, film)[1]))
    assert all(map(alike, mixed[1], follow(engine, film, APART[:2] + 15)[1]))


@every_engine
def test_a_batch_is_as_many_targets_alone(name, film, alike):
    engine = each_by_itself(contract_engine(name))
    _, batch = follow(engine, film)
    for row in range(len(APART)):
        _, alone = follow(engine, film, APART[row : row + 1])
        for together, single in zip(batch, alone, strict=True):
            if name in WITHOUT_A_NETWORK:
                assert np.array_equal(together.boxes[row], single.boxes[0])
                assert together.scores[row] == single.scores[0]
            assert np.allclose(together.boxes[row], single.boxes[0], atol=0.05)
            assert np.allclose(together.scores[row], single.scores[0], atol=1e-3)


@every_engine
def test_the_order_of_targets_does_not_matter(name, film, alike):
    engine, order = contract_engine(name), np.array([2, 0, 3, 1])
    _, straight = follow(engine, film)
    _, shuffled = follow(engine, film, APART[order])
    targets = engine.enroll(engine.observe(film[0]), APART)[order]
    for frame, motion, other in zip(film[1:], straight, shuffled, strict=True):
        targets, indexed = engine.track(engine.observe(frame), targets)
        for found in (indexed, other):
            assert np.allclose(found.boxes, motion.boxes[order], atol=0.05)
            assert np.allclose(found.scores, motion.scores[order], atol=1e-3)


@every_engine
@pytest.mark.parametrize(
    "rows",
    [
        2,
        -1,
        np.int64(0),
        slice(1, 3),
        slice(None, None, -1),
        [3, 1],
        np.array([0, 0, 2]),
        np.array([True, False, False, True]),
        np.zeros(4, np.bool_),
        np.zeros(0, np.int64),
    ],
    ids=str,
)
def test_targets_are_indexed_like_an_array(name, rows, film):
    engine = contract_engine(name)
    targets, _ = follow(engine, film[:3])
    chosen = targets[rows]
    assert type(chosen) is type(targets)
    assert np.array_equal(chosen.boxes, targets.boxes[rows].reshape(-1, 4))
    assert len(chosen) == len(chosen.boxes)
    _, motion = engine.track(engine.observe(film[3]), chosen)
    assert motion.boxes.shape == (len(chosen), 4)


@every_engine
def test_targets_fall_apart_and_come_together(name, film, alike):
    engine = contract_engine(name)
    targets, _ = follow(engine, film[:3])
    again = Targets.cat([targets[:1], targets[1:3], targets[3]])
    assert alike(again, targets)
    observation = engine.observe(film[3])
    assert alike(engine.track(observation, again)[1], engine.track(observation, targets)[1])


@every_engine
def test_targets_survive_a_pickle(name, film, alike):
    engine = contract_engine(name)
    targets, _ = follow(engine, film[:3])
    thawed = pickle.loads(pickle.dumps(targets))
    assert alike(thawed, targets)
    observation = engine.observe(film[3])
    assert alike(engine.track(observation, thawed)[1], engine.track(observation, targets)[1])


@every_engine
def test_targets_last_seen_on_different_frames_are_tracked_together(name, film, alike):
    engine = each_by_itself(contract_engine(name))
    old = engine.enroll(engine.observe(film[0]), APART[:2])
    new = engine.enroll(engine.observe(film[3]), APART[2:])
    later = engine.observe(film[4])
    targets, motion = engine.track(later, Targets.cat([new, old])[[2, 0, 3, 1]])
    _, of_old = engine.track(later, old)
    _, of_new = engine.track(later, new)
    expected = [of_old.boxes[0], of_new.boxes[0], of_old.boxes[1], of_new.boxes[1]]
    assert np.allclose(motion.boxes, expected, atol=0.05)
    assert np.allclose(motion.scores[[0, 2]], of_old.scores, atol=1e-3)
    assert np.allclose(motion.scores[[1, 3]], of_new.scores, atol=1e-3)
    assert np.array_equal(targets.boxes, motion.boxes)


@every_engine
def test_refresh_corrects_targets_towards_the_measured_boxes(name, film):
    engine = contract_engine(name)
    targets, motions = follow(engine, film[:3])
    measured = motions[-1].boxes + MISSED
    fresh = refresh(engine, engine.observe(film[2]), targets, measured, np.array([True, False] * 2))
    assert type(fresh) is type(targets)
    assert len(fresh) == 4
    off = np.abs(centres(motions[-1].boxes) - centres(measured)).sum(1)
    assert (np.abs(centres(fresh.boxes) - centres(measured)).sum(1) < off).all()


@every_engine
def test_corrected_targets_are_looked_for_where_they_were_measured(name, film):
    """But a network finds the look that it knows, unless it was shown another."""
    engine = trained_engine(name)
    targets, motions = follow(engine, film[:3])
    observation, later = engine.observe(film[2]), engine.observe(film[3])
    measured = motions[-1].boxes + MISSED
    sure = np.array([True, False] * 2)
    fresh = refresh(engine, observation, targets, measured, sure)
    _, uncorrected = engine.track(later, targets)
    _, corrected = engine.track(later, fresh)
    moved = centres(corrected.boxes) - centres(uncorrected.boxes)
    followed = slice(None) if name in WITHOUT_A_NETWORK else sure
    assert (np.sign(moved[:, 0]) == [1, -1, 1, -1])[followed].all()


@every_engine
def test_the_same_frame_again_moves_nothing(name, film):
    engine = trained_engine(name)
    targets = engine.enroll(engine.observe(film[0]), APART)
    _, motion = engine.track(engine.observe(film[0]), targets)
    if name in WITHOUT_A_NETWORK:
        assert np.allclose(motion.boxes, APART, atol=0.05)
        assert (motion.scores > 0.9).all()
    else:  # networks look for objects; these boxes hold mere texture
        assert (np.diag(iou(motion.boxes, APART)) > 0.5).all()
        assert (motion.scores > 0.5).all()


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
def test_odd_boxes_are_tracked_without_fuss(name, box, film):
    engine = contract_engine(name)
    _, motions = follow(engine, film[:4], np.array([box], np.float32))
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


def scattered(count):
    corner = np.random.default_rng(0).uniform(0, 200, (count, 2))
    return np.hstack([corner, corner + 24]).astype(np.float32)


@every_engine
def test_more_targets_than_an_image_has_rows_are_one_batch(name, film):
    engine = contract_engine(name)
    many = scattered(1500 if name in WITHOUT_A_NETWORK else 300)
    _, motions = follow(engine, film[:2], many)
    _, last = follow(engine, film[:2], many[-3:])
    assert motions[0].boxes.shape == (len(many), 4)
    if name in ("hold", "kalman"):
        assert np.array_equal(motions[0].boxes[-3:], last[0].boxes)


def test_parts_of_different_engines_do_not_concatenate(film):
    parts = [load_engine(name).enroll(film[0], APART) for name in ("hold", "kalman")]
    with pytest.raises(ValueError, match="HoldTargets, KalmanTargets"):
        Targets.cat(parts)


def test_an_unknown_engine_names_the_nearest():
    with pytest.raises(UsageError, match=r"unknown engine 'lk_flow': did you mean 'lk-flow'\?"):
        load_engine("lk_flow")
    with pytest.raises(UsageError, match=r"choose from .*hold.*kalman"):
        load_engine("zzz")


def test_an_unknown_precision_names_the_nearest():
    with pytest.raises(UsageError, match=r"unknown precision 'fp61': did you mean 'fp16'\?"):
        load_engine("hold", precision="fp61")


@pytest.mark.parametrize("name", WITHOUT_A_NETWORK)
def test_weights_for_an_engine_without_a_network_are_refused(name):
    with pytest.raises(UsageError, match=f"engine '{name}' has no weights"):
        load_engine(name, weights="siammotion.pt")


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "fp16"])
def test_engines_without_a_network_take_any_precision(precision):
    assert isinstance(load_engine("hold", precision=precision), HoldEngine)


def test_engines_without_history_are_enrolled_anew(film, alike):
    engine = HoldEngine()
    assert not isinstance(engine, Refreshes)
    targets, _ = follow(engine, film[:3])
    fresh = refresh(engine, film[2], targets, APART + 1, np.ones(4, np.bool_))
    assert alike(fresh, engine.enroll(film[2], APART + 1))
