"""When a lifecycle starts a track, and when it reports a new one."""

import numpy as np
import pytest

from helpers.plugin.lifecycles import (
    LONG,
    A,
    B,
    C,
    coast,
    create_lifecycle,
    detect,
    establish_track,
    shifted_motion,
    state_of,
    update,
)
from mvot_plugin.association.assignment import assign
from mvot_plugin.association.trajectories import State
from mvot_plugin.types import Detections


def test_all_of_the_first_frame_is_reported_at_once():
    cycle = create_lifecycle()
    assert detect(cycle, 0.0, A, B) == [1, 2]
    tracks = cycle.tracks()
    assert tracks.xyxy.tolist() == [list(A), list(B)]
    assert tracks.score.tolist() == [1, 1]
    assert tracks.detected.all()


def test_in_short_cycles_a_newcomer_waits_for_a_second_hit():
    cycle = create_lifecycle()
    assert detect(cycle, 0.0, A) == [1]
    assert detect(cycle, 0.2, A, B) == [1]
    assert state_of(cycle, 2) is State.TENTATIVE
    assert coast(cycle, 0.3) == [1]
    assert detect(cycle, 0.4, A, B) == [1, 2]
    assert state_of(cycle, 2) is State.CONFIRMED


def test_in_long_cycles_a_newcomer_is_reported_at_once():
    cycle = create_lifecycle()
    assert detect(cycle, 0.0, A) == [1]
    assert detect(cycle, 1.0, A, B) == [1, 2]


@pytest.mark.parametrize(("step", "reported"), [(0.49, [1]), (0.5, [1, 2])])
def test_newcomer_seconds_divide_short_cycles_from_long_ones(step, reported):
    cycle = create_lifecycle()
    detect(cycle, 0.0, A)
    assert detect(cycle, step, A, B) == reported


def test_a_false_positive_is_never_reported_and_soon_removed():
    cycle = create_lifecycle()
    detect(cycle, 0.0, A)
    detect(cycle, 0.2, A, B)
    for time in (0.4, 0.6, 0.8):
        assert detect(cycle, time, A) == [1]
    assert cycle.trajectories.id.tolist() == [1]


def test_ids_count_from_1_in_the_order_of_birth_and_are_never_reused():
    cycle = create_lifecycle(tau=0.5, tau_cycles=0.0)
    assert detect(cycle, 0.0, A, B) == [1, 2]
    assert coast(cycle, 0.6, score=0.0) == []
    assert len(cycle.trajectories) == 0
    assert detect(cycle, 2.4, A) == [3]
    assert detect(cycle, 3.6, A, B, C) == [3, 4, 5]


def test_the_ids_of_two_lifecycles_are_independent():
    one, other = create_lifecycle(), create_lifecycle()
    assert detect(one, 0.0, A, B) == [1, 2]
    assert detect(other, 0.0, A) == [1]
    assert detect(one, 1.0, A, B, C) == [1, 2, 3]


def test_births_stand_behind_survivors_in_the_order_of_their_detections():
    cycle = create_lifecycle()
    detect(cycle, 0.0, A)
    motion, found = shifted_motion(cycle), Detections.of([C, A, B])
    second = assign(np.array([[0, 1, 0]], np.float32), 0.1)
    alive, births = update(cycle, 1.0, motion, found, second)
    assert alive.tolist() == [True]
    assert births.tolist() == [0, 2]
    assert cycle.trajectories.boxes.tolist() == [list(A), list(C), list(B)]


def test_beta_is_the_least_confidence_of_a_birth():
    cycle = create_lifecycle(beta=0.5)
    detect(cycle, 0.0, A, B, confidence=[0.49, 0.5])
    assert cycle.tracks().xyxy.tolist() == [list(B)]


def test_a_detection_below_beta_still_confirms_a_track():
    cycle = create_lifecycle(beta=0.5)
    detect(cycle, 0.0, A)
    detect(cycle, 0.2, A, confidence=0.3)
    assert cycle.tracks().detected.tolist() == [True]
    assert cycle.tracks().score.tolist() == [np.float32(0.3)]


def test_a_weak_detection_starts_nothing():
    cycle = create_lifecycle()
    assert detect(cycle, 0.0, A, weight=0.9) == []
    assert len(cycle.trajectories) == 0


def test_a_revived_track_stands_behind_the_others_and_keeps_its_id_and_class():
    cycle = create_lifecycle(tau=0.5, tau_cycles=0.0)
    detect(cycle, 0.0, A, B, class_id=2)
    first = cycle.trajectories[[0]]
    cycle.trajectories = cycle.trajectories[[1]]
    cycle.revive(first, Detections.of([C], confidence=0.5, class_id=7), 3.0)
    assert cycle.trajectories.id.tolist() == cycle.tracks().id.tolist() == [2, 1]
    assert cycle.tracks().xyxy.tolist() == [list(B), list(C)]
    assert cycle.tracks().class_id.tolist() == [2, 2]
    revived = cycle.trajectories[[1]]
    assert (revived.seen, revived.measured, revived.hits) == (3.0, 3.0, 2)
    assert revived.course.velocity.tolist() == [[0, 0]]
    assert revived.course.timestamp.tolist() == [3.0]
    assert cycle.start(Detections.of([A]), 3.0).tolist() == [3]


def overlapping_box(share):
    """A box whose overlap (IoU) with A is ``share``."""
    shift = 40 * (1 - share) / (1 + share)
    return A[0] + shift, A[1], A[2] + shift, A[3]


@pytest.mark.parametrize(("share", "reported"), [(0.3, [1]), (0.2, [1, 2])])
def test_a_detection_on_a_reported_track_starts_no_track(share, reported):
    cycle = create_lifecycle()
    detect(cycle, 0.0, A)
    assert detect(cycle, 1.0, A, overlapping_box(share)) == reported
    assert len(cycle.trajectories) == len(reported)


def test_a_detection_on_a_lost_track_starts_a_track():
    cycle = create_lifecycle()
    time = establish_track(cycle, LONG)
    coast(cycle, time + 0.5, score=0.0)
    nothing = assign(np.zeros((1, 1), np.float32), 0.1)
    update(cycle, time + 1, shifted_motion(cycle, 0.0), Detections.of([A]), nothing)
    assert cycle.tracks().id.tolist() == [2]


def test_a_bicycle_starts_a_track_on_its_rider_and_a_second_rider_does_not():
    bicycle = (A[0], A[1] + 0.4 * (A[3] - A[1]), A[2], A[3])
    for class_id, tracks in ((1, [1, 2]), (0, [1])):
        cycle = create_lifecycle()
        time = establish_track(cycle, step=1.0)
        detect(cycle, time + 1.0, A, bicycle, class_id=[0, class_id])
        assert detect(cycle, time + 2.0, A, bicycle, class_id=[0, class_id]) == tracks
