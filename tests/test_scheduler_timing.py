from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_pipelines.scheduler import EveryK
from mvot_pipelines.timing import StageTimer
from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

IMAGE = np.zeros((4, 4, 3), np.uint8)
NOTHING = Motion(boxes=np.empty((0, 4), np.float32), scores=np.empty(0, np.float32))


class Clock:
    """Shows the time that it is told to."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def due(k, index):
    return EveryK(k=k).due(Frame(image=IMAGE, index=index, timestamp=0.0), NOTHING)


@given(st.integers(1, 30), st.integers(0, 200))
def test_the_detector_is_due_on_every_kth_frame_of_the_source(k, index):
    assert due(k, index) is (index in range(0, 201, k))


@pytest.mark.parametrize("k", [0, -1])
def test_detecting_every_0_frames_names_the_option(k):
    with pytest.raises(UsageError, match=f"--detect-every must be 1 or more, got {k}"):
        EveryK(k=k)


def test_a_timer_adds_up_seconds_and_calls_by_stage():
    clock = Clock(100.0)
    timer = StageTimer(clock)
    for stage, seconds in [("detect", 0.5), ("motion", 0.25), ("detect", 1.0)]:
        with timer(stage):
            clock.now += seconds
        clock.now += 10
    assert timer.seconds == {"detect": 1.5, "motion": 0.25}
    assert timer.calls == {"detect": 2, "motion": 1}
    assert timer.total == 1.75


def test_a_timer_counts_a_stage_that_raises():
    clock = Clock()
    timer = StageTimer(clock)

    def fail():
        with timer("detect"):
            clock.now += 2.0
            raise KeyError("gone")

    for _ in range(2):
        with pytest.raises(KeyError, match="gone"):
            fail()
    assert timer.seconds == {"detect": 4.0}
    assert timer.calls == {"detect": 2}


def test_a_timer_looks_at_its_clock_twice_a_stage():
    ticks = count()
    timer = StageTimer(lambda: float(next(ticks)))
    for _ in range(3):
        with timer("motion"):
            pass
    assert timer.seconds == {"motion": 3.0}
    assert next(ticks) == 6


def test_a_timer_starts_with_nothing_and_alone():
    one, other = StageTimer(), StageTimer()
    with one("motion"):
        pass
    assert one.total == one.seconds["motion"] > 0
    assert other.seconds == other.calls == {}


def test_a_timer_that_timed_nothing_has_a_total_of_0_seconds():
    assert StageTimer().total == 0.0
