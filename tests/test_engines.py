import pickle
from copy import deepcopy

import cv2
import numpy as np
import pytest

from mvot_plugin.engines import Motion, MotionEngine, Targets, engine_names, load_engine
from mvot_plugin.engines.base import NOMINAL_STEP, Refreshes, refresh
from mvot_plugin.engines.hold import HoldEngine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.ops.boxes import iou, size
from mvot_plugin.types import Frame

APART = np.array(
    [[20, 20, 70, 90], [120, 30, 160, 110], [220, 25, 290, 100], [60, 130, 120, 220]], np.float32
)
NONE = np.empty((0, 4), np.float32)
every_engine = pytest.mark.parametrize("name", engine_names())


def centres(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def follow(engine, frames, boxes=APART):
    """Enrol on the first frame, track over the others; the motion on each of these."""
    targets, motions = engine.enroll(engine.observe(frames[0]), boxes), []
    for frame in frames[1:]:
        targets, motion = engine.track(engine.observe(frame), targets)
        motions.append(motion)
    return targets, motions


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
    engine = load_engine(name)
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
    _, motions = follow(load_engine(name), film)
    assert (np.abs(centres(motions[-1].boxes) - centres(APART)) < 20).all()


@every_engine
def test_bare_arrays_are_frames(name, film):
    _, motions = follow(load_engine(name), [frame.image for frame in film])
    assert len(motions[-1].boxes) == len(APART)
    assert np.isfinite(motions[-1].boxes).all()
    assert ((motions[-1].scores >= 0) & (motions[-1].scores <= 1)).all()


@every_engine
def test_a_frame_of_unknown_time_takes_a_nominal_step(name, film, alike):
    engine = load_engine(name)
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
    engine = load_engine(name)
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
    engine = load_engine(name)
    observation = engine.observe(film[0])
    some, none = engine.enroll(observation, APART), engine.enroll(observation, NONE)
    _, alone = engine.track(engine.observe(film[1]), some)
    for parts in ([none, some], [some, none], [some[:0], some]):
        _, motion = engine.track(engine.observe(film[1]), Targets.cat(parts))
        assert alike(motion, alone)


@every_engine
@pytest.mark.parametrize("bad", [[np.nan, 0, 9, 9], [0, 0, np.inf, 9], [5, 5, 5, 9], [5, 9, 9, 5]])
def test_boxes_without_area_are_refused(name, bad, film):
    engine = load_engine(name)
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
        load_engine(name).observe(bad)


@every_engine
def test_targets_are_values(name, film, alike):
    engine = load_engine(name)
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
    first, again = follow(load_engine(name), film), follow(load_engine(name), film)
    assert alike(first[0], again[0])
    assert all(map(alike, first[1], again[1]))
    engine = load_engine(name)
    assert all(map(alike, follow(engine, film)[1], follow(engine, film)[1]))


@every_engine
def test_two_runs_of_one_engine_are_independent(name, film, alike):
    engine = load_engine(name)
    mixed = one_way_or_another(film, [(engine, APART), (engine, APART[:2] + 15)])
    assert all(map(alike, mixed[0], follow(engine, film)[1]))
    assert all(map(alike, mixed[1], follow(engine, film, APART[:2] + 15)[1]))


@every_engine
def test_a_batch_is_as_many_targets_alone(name, film, alike):
    engine = load_engine(name)
    _, batch = follow(engine, film)
    for row in range(len(APART)):
        _, alone = follow(engine, film, APART[row : row + 1])
        for together, single in zip(batch, alone, strict=True):
            if name in ("hold", "kalman", "lk-flow"):
                assert np.array_equal(together.boxes[row], single.boxes[0])
                assert together.scores[row] == single.scores[0]
            assert np.allclose(together.boxes[row], single.boxes[0], atol=0.05)
            assert np.allclose(together.scores[row], single.scores[0], atol=1e-3)


@every_engine
def test_the_order_of_targets_does_not_matter(name, film, alike):
    engine, order = load_engine(name), np.array([2, 0, 3, 1])
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
    engine = load_engine(name)
    targets, _ = follow(engine, film[:3])
    chosen = targets[rows]
    assert type(chosen) is type(targets)
    assert np.array_equal(chosen.boxes, targets.boxes[rows].reshape(-1, 4))
    assert len(chosen) == len(chosen.boxes)
    _, motion = engine.track(engine.observe(film[3]), chosen)
    assert motion.boxes.shape == (len(chosen), 4)


@every_engine
def test_targets_fall_apart_and_come_together(name, film, alike):
    engine = load_engine(name)
    targets, _ = follow(engine, film[:3])
    again = Targets.cat([targets[:1], targets[1:3], targets[3]])
    assert alike(again, targets)
    observation = engine.observe(film[3])
    assert alike(engine.track(observation, again)[1], engine.track(observation, targets)[1])


@every_engine
def test_targets_survive_a_pickle(name, film, alike):
    engine = load_engine(name)
    targets, _ = follow(engine, film[:3])
    thawed = pickle.loads(pickle.dumps(targets))
    assert alike(thawed, targets)
    observation = engine.observe(film[3])
    assert alike(engine.track(observation, thawed)[1], engine.track(observation, targets)[1])


@every_engine
def test_targets_last_seen_on_different_frames_are_tracked_together(name, film, alike):
    engine = load_engine(name)
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
    engine = load_engine(name)
    targets, motions = follow(engine, film[:3])
    observation, later = engine.observe(film[2]), engine.observe(film[3])
    measured = motions[-1].boxes + np.array([[6, -6, 6, -6], [-4, 0, -4, 0]] * 2, np.float32)
    fresh = refresh(engine, observation, targets, measured, np.array([True, False] * 2))
    assert type(fresh) is type(targets)
    assert len(fresh) == 4
    off = np.abs(centres(motions[-1].boxes) - centres(measured)).sum(1)
    assert (np.abs(centres(fresh.boxes) - centres(measured)).sum(1) < off).all()
    _, uncorrected = engine.track(later, targets)
    _, corrected = engine.track(later, fresh)
    moved = centres(corrected.boxes) - centres(uncorrected.boxes)
    assert (np.sign(moved[:, 0]) == [1, -1, 1, -1]).all()


@every_engine
def test_the_same_frame_again_moves_nothing(name, film):
    engine = load_engine(name)
    targets = engine.enroll(engine.observe(film[0]), APART)
    _, motion = engine.track(engine.observe(film[0]), targets)
    assert np.allclose(motion.boxes, APART, atol=0.05)
    assert (motion.scores > 0.9).all()


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
    engine = load_engine(name)
    _, motions = follow(engine, film[:4], np.array([box], np.float32))
    for motion in motions:
        assert np.isfinite(motion.boxes).all()
        assert (size(motion.boxes) > 0).all()
        assert ((motion.scores >= 0) & (motion.scores <= 1)).all()


@every_engine
@pytest.mark.parametrize("shape", [(8, 8, 3), (1, 40, 3), (500, 20, 3)])
def test_small_and_slim_images_are_legal(name, shape):
    engine = load_engine(name)
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    _, motions = follow(engine, [image] * 3, np.array([[1, 0, 7, 6]], np.float32))
    assert np.isfinite(motions[-1].boxes).all()


def scattered(count):
    corner = np.random.default_rng(0).uniform(0, 200, (count, 2))
    return np.hstack([corner, corner + 24]).astype(np.float32)


@every_engine
def test_more_targets_than_an_image_has_rows_are_one_batch(name, film):
    engine, many = load_engine(name), scattered(1500)
    _, motions = follow(engine, film[:2], many)
    _, last = follow(engine, film[:2], many[-3:])
    assert motions[0].boxes.shape == (1500, 4)
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


@pytest.mark.parametrize("name", ["hold", "kalman", "lk-flow"])
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


def at(time):
    return Frame(image=np.zeros((240, 320, 3), np.uint8), index=0, timestamp=time)


def drive(engine, moments, speed=(100.0, -40.0), growth=0.0):
    """A box of 40x80 measured at these moments while it moves; the targets at the last."""

    def place(time):
        x, y = 50 + speed[0] * time, 120 + speed[1] * time
        grown = 1 + growth * time
        half = 20 * grown, 40 * grown
        return np.array([[x - half[0], y - half[1], x + half[0], y + half[1]]], np.float32)

    targets = engine.enroll(at(moments[0]), place(moments[0]))
    for time in moments[1:]:
        targets, _ = engine.track(at(time), targets)
        targets = refresh(engine, at(time), targets, place(time), np.ones(1, np.bool_))
    return targets, place


REGULAR = [i * 0.1 for i in range(12)]
IRREGULAR = [0.0, 0.04, 0.2, 0.24, 0.28, 0.6, 0.64, 0.68, 0.9, 0.94, 1.06, 1.1]


@pytest.mark.parametrize("moments", [REGULAR, IRREGULAR], ids=["regular", "irregular"])
@pytest.mark.parametrize("away", [0.04, 0.3, 0.5])
def test_kalman_predicts_by_time_with_the_velocity_it_learnt(moments, away):
    engine = load_engine("kalman")
    targets, place = drive(engine, moments)
    _, motion = engine.track(at(moments[-1] + away), targets)
    assert np.allclose(motion.boxes, place(moments[-1] + away), atol=1 + 4 * away)


def test_kalman_counts_seconds_and_not_frames():
    engine = load_engine("kalman")
    targets, _ = drive(engine, REGULAR)
    start = REGULAR[-1]
    _, leap = engine.track(at(start + 0.4), targets)
    for moment in (0.04, 0.1, 0.16, 0.36, 0.4):
        targets, steps = engine.track(at(start + moment), targets)
    assert np.allclose(leap.boxes, steps.boxes, atol=0.01)


def test_kalman_at_rest_stays_until_a_detection_says_otherwise():
    engine = load_engine("kalman")
    _, motions = follow(engine, [at(i / 25) for i in range(6)])
    assert np.allclose(motions[-1].boxes, APART, atol=1e-3)


def test_kalman_learns_growth():
    engine = load_engine("kalman")
    targets, place = drive(engine, REGULAR, speed=(0.0, 0.0), growth=0.5)
    _, motion = engine.track(at(REGULAR[-1] + 0.3), targets)
    assert np.allclose(motion.boxes, place(REGULAR[-1] + 0.3), atol=3)


def test_kalman_is_less_sure_the_longer_nothing_was_measured():
    engine = load_engine("kalman")
    targets, _ = drive(engine, REGULAR)
    scores = [
        engine.track(at(REGULAR[-1] + away), targets)[1].scores[0] for away in (0, 0.2, 0.5, 1, 3)
    ]
    assert (np.diff(scores) < 0).all()
    assert scores[0] > 0.9
    assert scores[-1] < 0.4


def test_kalman_is_as_sure_of_a_small_target_as_of_a_large_one():
    engine = load_engine("kalman")
    boxes = np.array([[0, 0, 4, 8], [0, 0, 100, 200]], np.float32)
    _, motions = follow(engine, [at(0.0), at(0.3)], boxes)
    assert motions[0].scores[0] == pytest.approx(motions[0].scores[1], abs=1e-5)


@pytest.mark.parametrize("step", [(3.0, -2.0), (0.5, 0.25), (-6.3, 4.1), (11.0, 0.0), (0.0, 0.0)])
def test_optical_flow_recovers_a_shift(step, view):
    frames = [view(dx=step[0] * i, dy=step[1] * i) for i in range(6)]
    _, motions = follow(load_engine("lk-flow"), frames, APART[:3] + np.float32(5))
    before = APART[:3] + np.float32(5)
    for motion in motions:
        moved = centres(motion.boxes) - centres(before)
        assert np.abs(moved - step).max() < 0.3
        assert (motion.scores > 0.8).all()
        before = motion.boxes
    assert np.allclose(size(before), size(APART[:3]), rtol=0.02)


@pytest.mark.parametrize("rate", [1.02, 1 / 1.02, 1.01])
def test_optical_flow_recovers_a_zoom(rate, view):
    frames = [view(zoom=rate**i) for i in range(9)]
    boxes = np.array([[110, 70, 210, 170]], np.float32)
    _, motions = follow(load_engine("lk-flow"), frames, boxes)
    for i, motion in enumerate(motions, 1):
        assert size(motion.boxes)[0] / 100 == pytest.approx(rate**i, rel=0.015)
        assert np.abs(centres(motion.boxes) - (160, 120)).max() < 2


def test_optical_flow_follows_the_most_of_a_box_and_counts_the_rest_against_its_score(view):
    box = np.array([[100, 60, 160, 160]], np.float32)
    still, moved = view(), view(dx=8.0)
    part = moved.copy()
    part[:, :124] = still[:, :124]
    engine = load_engine("lk-flow")
    _, (all_of_it,) = follow(engine, [still, moved], box)
    _, (most_of_it,) = follow(engine, [still, part], box)
    assert np.allclose(centres(most_of_it.boxes) - centres(box), [[8, 0]], atol=0.5)
    assert np.allclose(size(most_of_it.boxes), size(box), rtol=0.02)
    assert most_of_it.scores[0] < all_of_it.scores[0]


def noise(seed, shape=(240, 320, 3)):
    return np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)


def test_optical_flow_loses_trust_in_what_was_replaced_by_noise(view):
    frames = [view()] + [noise(i) for i in range(1, 30)]
    _, motions = follow(load_engine("lk-flow"), frames)
    scores = np.array([motion.scores for motion in motions])
    assert (np.diff(scores, axis=0) < 0).all()
    assert (scores[-1] < 0.4).all()


def test_optical_flow_without_texture_fades_and_stays():
    _, motions = follow(load_engine("lk-flow"), [np.full((240, 320, 3), 90, np.uint8)] * 30)
    assert np.array_equal(motions[-1].boxes, APART)
    assert np.allclose(motions[-1].scores, 0.5 ** (29 * NOMINAL_STEP / 0.5), atol=1e-3)


def test_only_the_target_that_vanished_loses_trust(view):
    empty = view().copy()
    empty[15:95, 15:75] = 128
    _, motions = follow(load_engine("lk-flow"), [view()] + [empty] * 29)
    assert motions[-1].scores[0] < 0.4
    assert (motions[-1].scores[1:] > 0.95).all()


def test_a_target_behind_a_nearer_one_goes_on_with_its_velocity(view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=view(dx=3.0 * i), index=i, timestamp=i / 25) for i in range(11)]
    targets, _ = follow(engine, frames[:-1], np.array([[60, 60, 100, 140]], np.float32))
    observation = engine.observe(frames[-1])
    walker, _ = engine.track(observation, targets)
    x0, _, x1, _ = walker.boxes[0]
    wall = np.array([[x0 - 15, 40, x1 + 60, 200]], np.float32)
    targets = Targets.cat([walker, engine.enroll(observation, wall)])
    for i in range(1, 6):
        still = Frame(image=frames[-1].image, index=10 + i, timestamp=(10 + i) / 25)
        targets, motion = engine.track(engine.observe(still), targets)
        assert centres(motion.boxes)[0, 0] - (x0 + x1) / 2 == pytest.approx(3 * i, abs=0.3)
        assert np.allclose(motion.boxes[1], wall, atol=0.05)
    assert motion.scores[0] < 0.9 < motion.scores[1]


def test_optical_flow_goes_on_with_its_velocity_by_time_not_by_frame(view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=view(dx=3.0 * i), index=i, timestamp=i / 25) for i in range(11)]
    targets, motions = follow(engine, frames, APART[:1])
    blank = np.full((240, 320, 3), 90, np.uint8)
    _, motion = engine.track(engine.observe(Frame(image=blank, index=11, timestamp=0.6)), targets)
    moved = centres(motion.boxes) - centres(motions[-1].boxes)
    assert np.allclose(moved, [[15, 0]], atol=1)


def test_refresh_keeps_the_velocity_of_optical_flow(view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=view(dx=3.0 * i), index=i, timestamp=i / 25) for i in range(11)]
    targets, _ = follow(engine, frames, APART[:1])
    fresh = refresh(engine, engine.observe(frames[-1]), targets, APART[:1], np.ones(1, np.bool_))
    assert np.allclose(fresh.velocity, [[75, 0]], atol=4)
    assert fresh.trust.tolist() == [1]


def test_optical_flow_goes_on_from_where_a_strayed_target_was_found(view):
    engine = load_engine("lk-flow")
    frames = [Frame(image=view(), index=i, timestamp=i / 25) for i in range(7)]
    targets, _ = follow(engine, frames[:6], APART[:1])
    found, sure = APART[:1] + np.float32([90, 0, 90, 0]), np.ones(1, np.bool_)
    fresh = refresh(engine, engine.observe(frames[5]), targets, found, sure)
    _, motion = engine.track(engine.observe(frames[6]), fresh)
    assert iou(motion.boxes, found).item() > 0.5


def test_a_colour_frame_and_its_grey_move_alike(view):
    colour = [view(dx=2.0 * i) for i in range(4)]
    grey = [cv2.cvtColor(cv2.cvtColor(i, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) for i in colour]
    engine = load_engine("lk-flow")
    a, b = follow(engine, colour)[1][-1], follow(engine, grey)[1][-1]
    assert np.allclose(a.boxes, b.boxes, atol=0.1)
