"""When a video begins, begins anew, or pauses is nothing to its tracks but the time that passes."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pipelines import BOX, blank_frames, track_all
from helpers.properties import assert_same, scaled
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.tracking.clock import VideoClock
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame
from mvot_synthetic import NoisyDetector

IMAGE = np.zeros((48, 64, 3), np.uint8)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
@scaled(100)
def test_time_never_goes_back_nor_leaps(times):
    clock = VideoClock(25.0)
    frames = [Frame(image=IMAGE, index=0, timestamp=time) for time in times]
    passed = [clock.put(frame).timestamp for frame in frames]
    assert passed[:1] == [0.0] * bool(passed)
    assert all(0 <= after - before <= 3600.001 for before, after in pairwise(passed))


def test_a_video_keeps_its_own_times():
    clock = VideoClock(25.0)
    frames = [Frame(image=IMAGE, index=i, timestamp=i / 30) for i in range(100)]
    assert all(clock.put(frame) is frame for frame in frames)


def test_a_video_that_begins_anew_goes_on_with_the_next_frame():
    clock = VideoClock(10.0)
    times = [5.0, 5.5, 0.0, 0.25, 9000.25]
    frames = [Frame(image=IMAGE, index=i, timestamp=time) for i, time in enumerate(times)]
    assert [clock.put(one).timestamp for one in frames] == pytest.approx(
        [0, 0.5, 0.6, 0.85, 3600.85]
    )


@pytest.mark.parametrize("rate", [0.0, -25.0, float("nan")])
def test_a_frame_rate_of_nothing_is_refused(rate):
    with pytest.raises(UsageError, match=f"frame_rate must be above 0, got {rate:g}"):
        VideoClock(rate)


@pytest.mark.parametrize("engine", ["hold", "kalman", "lk-flow"])
def test_tracks_do_not_depend_on_when_a_video_begins(scene, frames, engine):
    """Some powers of two keep differences of times exact."""
    timed = [replace(frame, timestamp=frame.index / 32) for frame in frames]
    one, other = (MotPipeline(NoisyDetector(scene), engine, 3) for _ in range(2))
    for frame in timed:
        later = replace(frame, timestamp=frame.timestamp + 2.0**31)
        assert_same(one.step(frame), other.step(later))


def test_targets_end_also_after_the_time_fell_by_hours():
    found = Detections.of([BOX])
    tracker = MotPipeline(lambda frame: found if frame.index < 20 else found[:0], "kalman", 5)
    frames = [replace(frame, timestamp=frame.timestamp + 7200) for frame in blank_frames(10)]
    assert track_all(tracker, frames)[-1].id.tolist() == [1]
    later = track_all(tracker, blank_frames(300)[10:])
    assert later[0].id.tolist() == [1]
    assert len(later[-1]) == 0
    assert len(tracker.tracker.associator.lifecycle.trajectories) == 0
