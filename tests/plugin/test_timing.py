"""Timing: stages by name, the active timer, and clocks that wait for a device."""

import time
from itertools import count

import pytest
import torch

from mvot_plugin.runtimes.devices import device_clock
from mvot_plugin.timing import StageTimer, stage


class Clock:
    """A clock that returns the time it is set to."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_timer_adds_up_seconds_and_calls_by_stage():
    clock = Clock(100.0)
    timer = StageTimer(clock)
    for name, seconds in [("detect", 0.5), ("motion", 0.25), ("detect", 1.0)]:
        with timer(name):
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


def test_a_timer_reads_its_clock_twice_a_stage():
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


def test_a_stage_within_another_counts_for_the_inner_one_alone():
    clock = Clock()
    timer = StageTimer(clock)
    with timer("outer"):
        clock.now += 1.0
        for _ in range(2):
            with timer("inner"):
                clock.now += 0.25
                with timer("innermost"):
                    clock.now += 4.0
        clock.now += 2.0
    assert timer.seconds == {"outer": 3.0, "inner": 0.5, "innermost": 8.0}
    assert timer.total == 11.5


def test_labelled_stages_reach_the_active_timer_and_no_other():
    clock = Clock()
    inner, outer = StageTimer(clock), StageTimer(clock)

    def work():
        with stage("crop"):
            clock.now += 1.0

    work()
    with outer.activate():
        work()
        with inner.activate():
            work()
        work()
    work()
    assert (inner.seconds, outer.seconds) == ({"crop": 1.0}, {"crop": 2.0})


def test_a_stage_without_an_active_timer_has_no_effect():
    assert stage("crop") is stage("head")


def test_the_clock_of_a_gpu_waits_for_it(monkeypatch):
    assert device_clock(torch.device("cpu")) is time.perf_counter
    waited = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    clock = device_clock(torch.device("cuda:1"))
    assert clock() <= clock()
    assert waited == [torch.device("cuda:1")] * 2
