"""The engine contract: targets are values, indexed, joined and tracked in any order."""

import pickle
from copy import deepcopy
from functools import cache

import numpy as np
import pytest

from helpers.engine_runs import (
    APART,
    CONTRACT_NAMES,
    WITHOUT_A_NETWORK,
    contract_engine,
    follow,
    is_foreign,
    without_interaction,
)
from mvot_plugin.engines import Targets, load_engine
from mvot_plugin.engines.base import refresh
from mvot_plugin.types import MASK_BINS

every_engine = pytest.mark.parametrize("name", CONTRACT_NAMES)


def follow_interleaved(frames, runs):
    """The motions of several runs (engine, boxes) that take turns on each frame."""
    targets = [engine.enroll(engine.observe(frames[0]), boxes) for engine, boxes in runs]
    motions = [[] for _ in runs]
    for frame in frames[1:]:
        for i, (engine, _) in enumerate(runs):
            targets[i], motion = engine.track(engine.observe(frame), targets[i])
            motions[i].append(motion)
    return motions


@pytest.fixture(scope="module")
def run(moving_frames):
    """The last targets and all motions of ``APART``, by the name of an engine; computed once."""
    return cache(lambda name: follow(contract_engine(name), moving_frames))


@pytest.fixture(scope="module")
def start(moving_frames):
    """An engine by its name, its targets after three frames, and the next one; computed once."""

    @cache
    def follow_some(name):
        engine = contract_engine(name)
        return engine, follow(engine, moving_frames[:3])[0], engine.observe(moving_frames[3])

    return follow_some


@every_engine
def test_targets_are_immutable_values(name, moving_frames, is_identical):
    engine = contract_engine(name)
    observation, boxes = engine.observe(moving_frames[0]), APART.copy()
    targets = engine.enroll(observation, boxes)
    boxes += 5
    assert np.array_equal(targets.boxes, APART)
    before, observed_before = deepcopy(targets), deepcopy(observation)
    later = engine.observe(moving_frames[1])
    tracked, motion = engine.track(later, targets)
    assert is_identical(targets, before)
    after, sure = deepcopy(tracked), np.array([True, False, True, False])
    refresh(engine, later, tracked, APART + 2, sure)
    assert is_identical(tracked, after)
    assert is_identical(observation, observed_before)
    assert len(motion.boxes) == 4


@every_engine
def test_a_run_is_repeatable(name, run, moving_frames, is_identical):
    engine, (targets, motions) = contract_engine(name), run(name)
    for _ in range(2):
        again = follow(engine, moving_frames)
        assert is_identical(targets, again[0])
        assert all(map(is_identical, motions, again[1]))


@every_engine
def test_two_runs_of_one_engine_are_independent(name, run, moving_frames, is_identical):
    engine = contract_engine(name)
    mixed = follow_interleaved(moving_frames, [(engine, APART), (engine, APART[:2] + 15)])
    assert all(map(is_identical, mixed[0], run(name)[1]))
    assert all(map(is_identical, mixed[1], follow(engine, moving_frames, APART[:2] + 15)[1]))


@every_engine
def test_a_batch_is_as_many_targets_alone(name, moving_frames, is_identical):
    engine = without_interaction(contract_engine(name))
    _, batch = follow(engine, moving_frames)
    for row in range(len(APART)):
        _, alone = follow(engine, moving_frames, APART[row : row + 1])
        for together, single in zip(batch, alone, strict=True):
            if name in WITHOUT_A_NETWORK:
                assert np.array_equal(together.boxes[row], single.boxes[0])
                assert together.scores[row] == single.scores[0]
            assert np.allclose(together.boxes[row], single.boxes[0], atol=0.05)
            assert np.allclose(together.scores[row], single.scores[0], atol=1e-3)


@every_engine
def test_the_order_of_targets_does_not_matter(name, run, moving_frames, is_identical):
    engine, order = contract_engine(name), np.array([2, 0, 3, 1])
    _, straight = run(name)
    _, shuffled = follow(engine, moving_frames, APART[order])
    targets = engine.enroll(engine.observe(moving_frames[0]), APART)[order]
    for frame, motion, other in zip(moving_frames[1:], straight, shuffled, strict=True):
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
def test_targets_are_indexed_like_an_array(name, rows, start):
    engine, targets, observation = start(name)
    chosen = targets[rows]
    assert type(chosen) is type(targets)
    assert np.array_equal(chosen.boxes, targets.boxes[rows].reshape(-1, 4))
    assert len(chosen) == len(chosen.boxes)
    _, motion = engine.track(observation, chosen)
    assert motion.boxes.shape == (len(chosen), 4)


@every_engine
def test_split_targets_can_be_concatenated_again(name, start, is_identical):
    engine, targets, observation = start(name)
    again = Targets.cat([targets[:1], targets[1:3], targets[3]])
    assert is_identical(again, targets)
    assert is_identical(engine.track(observation, again)[1], engine.track(observation, targets)[1])


@every_engine
def test_targets_survive_a_pickle(name, start, is_identical):
    engine, targets, observation = start(name)
    thawed = pickle.loads(pickle.dumps(targets))
    assert is_identical(thawed, targets)
    assert is_identical(engine.track(observation, thawed)[1], engine.track(observation, targets)[1])


@every_engine
def test_targets_last_seen_on_different_frames_are_tracked_together(
    name, moving_frames, is_identical
):
    engine = without_interaction(contract_engine(name))
    old = engine.enroll(engine.observe(moving_frames[0]), APART[:2])
    new = engine.enroll(engine.observe(moving_frames[3]), APART[2:])
    later = engine.observe(moving_frames[4])
    targets, motion = engine.track(later, Targets.cat([new, old])[[2, 0, 3, 1]])
    _, of_old = engine.track(later, old)
    _, of_new = engine.track(later, new)
    expected = [of_old.boxes[0], of_new.boxes[0], of_old.boxes[1], of_new.boxes[1]]
    assert np.allclose(motion.boxes, expected, atol=0.05)
    assert np.allclose(motion.scores[[0, 2]], of_old.scores, atol=1e-3)
    assert np.allclose(motion.scores[[1, 3]], of_new.scores, atol=1e-3)
    assert np.array_equal(targets.boxes, motion.boxes)


def test_parts_of_different_engines_do_not_concatenate(moving_frames):
    parts = [load_engine(name).enroll(moving_frames[0], APART) for name in ("hold", "kalman")]
    with pytest.raises(ValueError, match="HoldTargets, KalmanTargets"):
        Targets.cat(parts)


@every_engine
def test_targets_have_masks_of_all_or_of_none(name, moving_frames):
    engine = contract_engine(name)
    observation = engine.observe(moving_frames[0])
    enrolled = engine.enroll(observation, APART)
    tracked, _ = engine.track(engine.observe(moving_frames[1]), enrolled)
    some = np.array([True, False, True, False])
    refreshed = refresh(engine, engine.observe(moving_frames[1]), tracked, APART + 2, some)
    has_masks = enrolled.masks is not None
    assert has_masks == name.startswith("siamattn") or is_foreign(name)
    cells = len(enrolled.masks[0]) if has_masks and is_foreign(name) else MASK_BINS
    for targets in (
        enrolled,
        tracked,
        refreshed,
        tracked[:0],
        engine.enroll(observation, APART[:0]),
    ):
        assert (targets.masks is not None) == has_masks
        if has_masks:
            assert targets.masks.shape == (len(targets), cells, cells)
            assert targets.masks.dtype == np.float32
            assert ((targets.masks >= 0) & (targets.masks <= 1)).all()
