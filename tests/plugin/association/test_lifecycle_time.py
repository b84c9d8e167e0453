"""The lifecycle is independent of the frame rate; odds of existence over time."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.plugin.lifecycles import A, B, C, coast, create_lifecycle, detect, establish_track


def run_scenario(rate, every):
    """Run one scenario, timed in seconds; return the reported ids of each detector call.

    B appears at 1 s and is confirmed, A is missed once at 1.6 s, C is a false positive at 2 s, A
    disappears at 2.4 s and B stays.
    """
    cycle, reports = create_lifecycle(), []
    for frame in range(int(6 * rate)):
        time = frame / rate
        if frame % every:
            coast(cycle, time)
            continue
        found = [A] * (time < 2.4 and time != 1.6) + [B] * (time >= 1) + [C] * (time == 2)
        reports.append((round(time, 6), detect(cycle, time, *found)))
    return reports


def test_a_scenario_has_the_same_outcome_at_any_frame_rate():
    slow, fast = run_scenario(rate=10, every=2), run_scenario(rate=50, every=10)
    assert slow == fast == run_scenario(rate=5, every=1)
    reported_at = dict(slow)
    assert reported_at[0.8] == [1]
    assert reported_at[1.0] == [1]
    assert reported_at[1.2] == [1, 2]
    assert reported_at[1.6] == [1, 2]
    assert reported_at[2.2] == [1, 2]
    assert reported_at[3.4] == [2]
    assert reported_at[5.8] == [2]


@pytest.mark.parametrize("rate", [25, 50, 100])
def test_an_undetected_track_ends_after_the_same_seconds_at_any_frame_rate(rate):
    cycle = create_lifecycle(tau=2.0)
    time = establish_track(cycle)
    end = next(
        i / rate
        for i in range(1, 4 * rate)
        if not coast(cycle, time + i / rate, score=0.0) and not len(cycle.trajectories)
    )
    assert end == pytest.approx(2.0, abs=1.01 / rate)


def is_newcomer_confirmed(rate, every):
    """Whether B, detected from the second frame on, is reported within a second."""
    cycle = create_lifecycle()
    for frame in range(rate):
        detector = frame % every == 0
        reported = (
            detect(cycle, frame / rate, A, *([B] if frame else []))
            if detector
            else coast(cycle, frame / rate)
        )
    return len(reported) == 2


@pytest.mark.parametrize("rate", [10, 25, 30, 60, 120])
def test_a_newcomer_is_confirmed_within_a_second_with_the_detector_on_every_frame(rate):
    assert is_newcomer_confirmed(rate, every=1)


@pytest.mark.parametrize(("rate", "every"), [(25, 2), (25, 5), (30, 2), (30, 5), (60, 5), (60, 10)])
def test_a_newcomer_is_confirmed_within_a_second_with_frames_between(rate, every):
    assert is_newcomer_confirmed(rate, every)


@pytest.mark.parametrize(("rate", "every"), [(50, 2), (60, 2), (100, 4), (120, 5)])
def test_a_newcomer_is_confirmed_in_very_short_cycles_with_frames_between(rate, every):
    assert is_newcomer_confirmed(rate, every)


def test_a_newcomer_is_confirmed_in_high_speed_video():
    assert is_newcomer_confirmed(rate=240, every=1)


@dataclass(kw_only=True)
class ReferenceOdds:
    """One target's odds, computed with scalars."""

    odds: float
    hits: int = 1
    misses: int = 0

    def update(self, hit, cycle):
        newcomer = min(cycle / 0.5, 4.0)
        prior = np.exp(-cycle / 5) * self.odds / (1 + self.odds)
        hit_rate = (self.hits + 2) / (self.hits + self.misses + 3)
        odds = prior / (1 - prior) * (5 if hit else max(1 - hit_rate, 0.05))
        self.misses += not hit and self.odds >= 1
        self.hits += hit
        self.odds = min(max(odds, newcomer if hit else 0.125), 50.0)


@given(st.lists(st.booleans(), max_size=25), st.sampled_from([0.04, 0.2, 0.8]))
def test_odds_are_bounded_and_equal_the_scalar_reference(hits, step):
    cycle, reference = create_lifecycle(tau=1e9, patience=0.0), ReferenceOdds(odds=4.0)
    detect(cycle, 0.0, A, B)
    for i, hit in enumerate(hits, 1):
        detect(cycle, i * step, *([A] if hit else []), B)
        reference.update(hit, step)
        assert cycle.trajectories.odds[0] == pytest.approx(reference.odds, rel=1e-6)
        assert ((cycle.trajectories.odds >= 0.125) & (cycle.trajectories.odds <= 50)).all()
        assert cycle.trajectories.proven.all()


def test_one_hit_restores_the_odds_after_a_long_interval():
    cycle = create_lifecycle()
    detect(cycle, 0.0, A)
    assert detect(cycle, 60.0, A) == [1]
    assert cycle.trajectories.odds.item() >= 1
