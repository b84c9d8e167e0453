"""Late answers give what answers in time would have given, once the tracker has caught up."""

from itertools import count

import numpy as np
import pytest

from helpers.engine_runs import narrow_engine
from helpers.pipelines import (
    BOX,
    blank_frames,
    constant_detector,
    failing_detector,
    recording_detector,
    track_all,
)
from helpers.pipelines.workers import lagging
from helpers.synthetic import render
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.tracking.config import LateConfig
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.timing import StageTimer
from mvot_synthetic import NoisyDetector, street

EVERY = 6


@pytest.fixture(scope="module")
def busy_street():
    """People, cars and cyclists who come, hide and go, before a camera that pans."""
    return street(7, size=(320, 240), frames=61, walkers=8, vehicles=2, cyclists=2, pan=0.5)


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("id", "xyxy", "score", "class_id", "detected")
    )


def run_both(scene, engine, lag, every=EVERY, frames=None, **late):
    """Tracks in time and late, with a noisy detector on the same frames.

    Each look at the clock is a second later than the one before.
    """
    detector, frames, seconds = NoisyDetector(scene, seed=1), frames or render(scene), count(0.0)
    config, timer = (
        PipelineConfig(late=LateConfig(**late)),
        StageTimer(lambda: next(seconds)),
    )
    worker = lagging(lag)
    in_time = MotPipeline(detector, engine, every)
    late = MotPipeline(detector, engine, every, config=config, asynchronous=worker, timer=timer)
    return track_all(in_time, frames), track_all(late, frames)


@pytest.mark.parametrize("lag", [1, 4, 5])
@pytest.mark.parametrize("engine", ["hold", "kalman", "lk-flow"])
def test_tracks_are_the_same_as_in_time_from_the_answer_on(busy_street, engine, lag):
    in_time, late = run_both(busy_street, engine, lag)
    assert sum(len(tracks) for tracks in in_time) > 100
    for index, (expected, found) in enumerate(zip(in_time, late, strict=True)):
        if index % EVERY >= lag:
            assert same(expected, found), index
    assert not all(map(same, in_time, late))


def test_a_network_tracks_again_as_in_time(busy_street):
    two = busy_street.select({1, 2})
    frames = [two.frame(index) for index in range(EVERY)]
    in_time, late = run_both(two, narrow_engine(), 3, frames=frames)
    for index in range(3, EVERY):
        assert same(in_time[index], late[index])


@pytest.mark.parametrize(("budget", "expected"), [(0.0, 8), (1e4, 6), (None, 5)])
def test_catching_up_is_spread_over_frames_by_the_budget(busy_street, budget, expected):
    in_time, late = run_both(busy_street, "lk-flow", 5, 12, budget=budget)
    caught_up = [index % 12 for index in range(12, 60) if same(in_time[index], late[index])]
    assert min(caught_up) == expected
    assert caught_up.count(expected) == 4


def test_while_it_catches_up_the_tracker_answers_with_what_it_knew(busy_street):
    _, late = run_both(busy_street, "lk-flow", 5, 12, budget=0.0)
    assert [len(tracks) for tracks in late[:8]] == [0] * 8
    assert len(late[8]) > 0


def test_of_many_frames_every_second_one_is_kept():
    detector, calls = recording_detector(constant_detector(BOX))
    config = PipelineConfig(late=LateConfig(kept_frames=4))
    tracker = MotPipeline(detector, "kalman", 1, config=config, asynchronous=lagging(9))
    answers = track_all(tracker, blank_frames(10))
    assert calls == [0, 9]
    assert tracker.timer.calls["associate"] == 9 + 1 + 3
    assert [tracks.id.tolist() for tracks in answers[8:]] == [[], [1]]


def test_the_detector_gets_the_newest_frame_that_is_due():
    detector, calls = recording_detector(constant_detector(BOX))
    track_all(MotPipeline(detector, "hold", 1, asynchronous=lagging(3)), blank_frames(10))
    assert calls == [0, 3, 6, 9]


def test_no_frame_is_given_to_the_detector_while_the_tracker_catches_up():
    detector, calls = recording_detector(constant_detector(BOX))
    config = PipelineConfig(late=LateConfig(budget=0.0))
    late = MotPipeline(detector, "hold", 1, config=config, asynchronous=lagging(3))
    track_all(late, blank_frames(12))
    assert calls == [0, 4, 8]


def test_a_late_failure_ends_the_run_with_the_frame_that_it_is_of():
    detector = failing_detector(constant_detector(BOX), 0)
    tracker = MotPipeline(detector, "hold", 5, asynchronous=lagging(2))
    track_all(tracker, blank_frames(2))
    with pytest.raises(InputError, match=r"failed on frame 0 \(ConnectionError: camera server"):
        tracker.step(blank_frames(3)[2])


def test_a_late_failure_may_be_coasted_over():
    config = PipelineConfig(on_detector_error="coast")
    detector = failing_detector(constant_detector(BOX), 5)
    tracker = MotPipeline(detector, "hold", 5, config=config, asynchronous=lagging(2))
    answers = track_all(tracker, blank_frames(13))
    assert [tracks.id.tolist() for tracks in answers] == [[], [], *[[1]] * 11]
    assert tracker.detector_errors == ["frame 5: ConnectionError: camera server is gone"]


@pytest.mark.parametrize(
    ("name", "value", "wanted"), [("kept_frames", 1, "2 or more"), ("budget", -1.0, "0 or more")]
)
def test_settings_out_of_range_are_refused(name, value, wanted):
    with pytest.raises(UsageError, match=f"LateConfig.{name} must be {wanted}, got {value}"):
        LateConfig(**{name: value})
