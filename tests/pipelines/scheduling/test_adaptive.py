import numpy as np
import pytest

from mvot_pipelines.scheduling import (
    Adaptive,
    AdaptiveConfig,
    CallCost,
    Scheduler,
    SupportsFeedback,
)
from mvot_plugin.association.assignment import Match
from mvot_plugin.association.associator import Merge
from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame

IMAGE = np.zeros((4, 4, 3), np.uint8)
BOXES = np.array([[0, 0, 20, 20], [40, 0, 60, 20], [80, 0, 100, 20], [120, 0, 140, 20]], np.float32)


def still(index):
    return Motion(boxes=BOXES, scores=np.ones(len(BOXES), np.float32))


def moving(index):
    return Motion(boxes=BOXES + np.float32(index), scores=np.ones(len(BOXES), np.float32))


def losing_from(first):
    def motion(index):
        scores = np.full(len(BOXES), 0.1 if index >= first else 1, np.float32)
        return Motion(boxes=BOXES, scores=scores)

    return motion


def merge(motion, shift, new):
    """All targets are matched, ``shift`` pixels beside their motion, and some are new."""
    rows, none = np.arange(len(motion.boxes)), np.zeros(0, np.int64)
    births = np.arange(len(rows), len(rows) + new)
    match = Match(
        targets=rows, detections=rows, unmatched_targets=none, unmatched_detections=births
    )
    boxes = np.concatenate([motion.boxes + np.float32(shift), np.tile(BOXES[:1] + 200, (new, 1))])
    merged = Merge(
        match=match,
        reenroll=np.ones(len(rows), np.bool_),
        alive=np.ones(len(rows), np.bool_),
        enrolled=births,
        left_out=0,
    )
    return Detections.of(boxes), merged


def cost(seconds):
    """That of a call of the detector; a frame without it takes a hundredth of a second."""
    return CallCost(detector=seconds, tracking=0.01)


def calls(scheduler, motion=still, *, indices=range(500), rate=25, shift=0.0, new=0, seconds=0.1):
    """The frames on which the detector is due; answers come at once, and correct what they say."""
    called = []
    for index in indices:
        frame = Frame(image=IMAGE, index=index, timestamp=index / rate)
        moved = motion(index)
        if scheduler.due(frame, moved):
            called.append(index)
            scheduler.learn(frame, moved, *merge(moved, shift, new), cost(seconds))
    return called


def adaptive(**settings):
    return Adaptive(AdaptiveConfig(**settings))


def test_it_is_a_scheduler_that_takes_feedback():
    assert isinstance(Adaptive(), Scheduler)
    assert isinstance(Adaptive(), SupportsFeedback)


def test_the_detector_is_due_on_the_first_frame_also_without_targets():
    nothing = Motion(boxes=np.empty((0, 4), np.float32), scores=np.empty(0, np.float32))
    assert calls(Adaptive(), lambda _: nothing)[0] == 0


def test_without_a_budget_there_are_more_calls_where_the_last_ones_have_corrected_much():
    assert len(calls(Adaptive(), shift=6)) > 1.5 * len(calls(Adaptive()))


def test_without_a_budget_there_are_more_calls_where_the_last_ones_have_found_new_targets():
    assert len(calls(Adaptive(), new=1)) > 1.5 * len(calls(Adaptive()))


def test_on_a_video_with_a_typical_loss_the_interval_is_what_is_set():
    typical = AdaptiveConfig().typical
    scheduler = adaptive(interval=8, base=typical, exact=0.01)  # no correction counts
    assert np.diff(calls(scheduler))[-10:].tolist() == [8] * 10


def test_a_shorter_interval_means_more_calls():
    assert len(calls(adaptive(interval=3))) > len(calls(adaptive(interval=6)))


@pytest.mark.parametrize("settings", [{}, {"every": 20}])
def test_a_call_comes_sooner_where_the_engine_loses_targets(settings):
    second = calls(adaptive(**settings))[1]
    assert calls(adaptive(**settings), losing_from(4))[1] < second


def test_targets_that_the_last_call_did_not_find_either_hasten_nothing():
    scheduler, unseen, all_of_them = Adaptive(every=10), losing_from(0)(0), np.arange(len(BOXES))
    none, called = np.zeros(0, np.int64), []
    missed = Match(
        targets=none, detections=none, unmatched_targets=all_of_them, unmatched_detections=none
    )
    merged = Merge(
        match=missed,
        reenroll=none > 0,
        alive=np.ones(len(BOXES), np.bool_),
        enrolled=none,
        left_out=0,
    )
    for index in range(50):
        frame = Frame(image=IMAGE, index=index, timestamp=index / 25)
        if scheduler.due(frame, unseen):
            called.append(index)
            scheduler.learn(frame, unseen, Detections.empty(), merged, cost(0.1))
    assert called == [0, 10, 20, 30, 40]


def test_calls_keep_to_a_mean_number_of_frames_and_are_evenly_spread_where_nothing_happens():
    assert calls(Adaptive(every=10)) == list(range(0, 500, 10))


def test_calls_keep_to_a_mean_number_of_frames_where_targets_are_lost():
    scheduler = Adaptive(every=7.5)
    assert len(calls(scheduler, losing_from(100))) == pytest.approx(500 / 7.5, abs=4)


@pytest.mark.parametrize("seconds", [0.1, 0.3])
def test_a_slow_detector_takes_its_share_of_the_time(seconds):
    taken = seconds * len(calls(adaptive(share=0.3, interval=1), seconds=seconds))
    assert taken == pytest.approx(0.3 * 500 / 25, rel=0.1)


def test_a_fast_detector_is_not_due_more_often_than_it_is_worth():
    assert calls(Adaptive(share=0.3), moving, seconds=0.0) == calls(Adaptive(), moving)


def test_without_an_answer_a_share_asks_again_after_the_longest_time():
    scheduler = adaptive(share=0.3, most_seconds=1.0)
    frames = [Frame(image=IMAGE, index=index, timestamp=index / 25) for index in range(60)]
    assert [frame.index for frame in frames if scheduler.due(frame, still(0))] == [0, 25, 50]


@pytest.mark.parametrize(("budget", "frames"), [(60.0, 2), (20.0, 10), (11.0, 100)])
def test_a_budget_is_what_a_frame_takes_in_the_mean(budget, frames):
    taken = calls(Adaptive(AdaptiveConfig(interval=0.1), budget=budget), moving, seconds=0.1)
    assert len(taken) == pytest.approx(500 / frames, rel=0.1, abs=2)


def test_there_are_at_most_so_many_seconds_between_calls():
    assert np.diff(calls(adaptive(most_seconds=0.8, interval=1000))).max() == 0.8 * 25


def test_frames_that_it_is_not_asked_about_count_for_the_budget():
    asked = [index for index in range(500) if index % 10 in (0, 1, 2)]
    assert len(calls(Adaptive(every=10), indices=asked)) == pytest.approx(50, abs=2)


def test_time_that_the_detector_was_busy_is_not_made_up_for_by_a_burst():
    scheduler = Adaptive(every=10)
    called = calls(scheduler, indices=[0, *range(200, 240)])
    assert called[1] == 200
    assert np.diff(called[1:]).min() >= 5


def test_the_same_frames_make_the_same_calls():
    assert calls(Adaptive(), moving, shift=3) == calls(Adaptive(), moving, shift=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"every": 5.0, "share": 0.3}, "every and share exclude each other"),
        ({"every": 0.5}, "AdaptiveConfig.every must be 1 or more, got 0.5"),
        ({"share": 1.5}, "share must be 1 or less, got 1.5"),
        ({"share": 0.0}, "share must be 0.001 or more, got 0"),
        ({"budget": 0.0}, "budget must be 0.001 or more, got 0"),
        ({"interval": 0.0}, "interval must be 0.001 or more, got 0"),
        ({"most_seconds": 0.0}, "most_seconds must be 0.001 or more, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        AdaptiveConfig(**settings)
