import numpy as np
import pytest

from helpers.plugin.lifecycles import (
    SHORT,
    A,
    B,
    coast,
    create_lifecycle,
    detect,
    establish_track,
    state_of,
    times,
)
from mvot_plugin.association.trajectories import State


@pytest.mark.parametrize(("step", "hits"), [(0.04, 10), (0.04, 100), (0.2, 5), (0.2, 10)])
def test_a_track_survives_one_missed_detection_with_a_good_score(step, hits):
    cycle = create_lifecycle()
    time = establish_track(cycle, step, hits)
    assert detect(cycle, time + step) == [1]
    assert not cycle.tracks().detected.any()
    assert coast(cycle, time + 1.5 * step) == [1]
    assert detect(cycle, time + 2 * step, A) == [1]


def test_two_missed_detections_hide_a_track_and_the_next_ones_restore_it():
    cycle = create_lifecycle()
    time = establish_track(cycle)
    assert detect(cycle, time + 0.2) == [1]
    assert detect(cycle, time + 0.4) == []
    assert state_of(cycle) is State.LOST
    assert 1 in detect(cycle, time + 0.6, A) + detect(cycle, time + 0.8, A)
    assert state_of(cycle) is State.CONFIRMED
    assert cycle.trajectories.id.tolist() == [1]


@pytest.mark.parametrize("hits", [2, 15, 60])
def test_a_first_miss_within_the_patience_is_forgiven_where_the_engine_is_sure(hits):
    for score, settings, reported in ((1.0, {}, [1]), (0.7, {}, []), (1.0, {"patience": 0.1}, [])):
        cycle = create_lifecycle(prior_misses=0.01, hit_odds=2.0, most_odds=4.0, **settings)
        for i in range(hits):
            detect(cycle, 0.2 * i, A)
        assert detect(cycle, 0.2 * hits, score=score) == reported
        assert detect(cycle, 0.2 * (hits + 1)) == []


def test_misses_count_more_for_a_track_that_is_always_detected():
    always, sometimes = create_lifecycle(patience=0.0), create_lifecycle(patience=0.0)
    for i, time in enumerate(times(30)):
        detect(always, time, A)
        detect(sometimes, time, *([A] if i % 3 != 1 else []))
    end = 30 * SHORT
    assert sometimes.trajectories.odds <= always.trajectories.odds
    assert detect(always, end) == []
    assert detect(sometimes, end) == [1]
    assert sometimes.trajectories.odds > always.trajectories.odds


def test_an_engine_score_below_alpha_hides_a_track_and_a_higher_one_restores_it():
    cycle = create_lifecycle()
    time = establish_track(cycle)
    assert coast(cycle, time + 0.04, score=0.41) == [1]
    assert coast(cycle, time + 0.08, score=0.39) == []
    assert state_of(cycle) is State.LOST
    assert coast(cycle, time + 0.12, score=0.41) == [1]
    assert cycle.trajectories.id.tolist() == [1]


def test_a_detection_restores_a_hidden_track_at_any_engine_score():
    cycle = create_lifecycle()
    time = establish_track(cycle)
    assert coast(cycle, time + 0.1, score=0.0) == []
    assert detect(cycle, time + 0.2, A, score=0.0) == [1]
    assert cycle.tracks().detected.tolist() == [True]


def test_alpha_is_a_setting():
    cycle = create_lifecycle(alpha=0.8)
    time = establish_track(cycle)
    assert coast(cycle, time + 0.04, score=0.75) == []
    assert coast(cycle, time + 0.08, score=0.85) == [1]


def test_tau_seconds_unseen_end_a_track():
    cycle = create_lifecycle(tau=2.0)
    time = establish_track(cycle)
    for age in (0.5, 1.0, 1.9):
        assert coast(cycle, time + age, score=0.0) == []
        assert cycle.trajectories.id.tolist() == [1]
    coast(cycle, time + 2.1, score=0.0)
    assert len(cycle.trajectories) == 0
    assert detect(cycle, time + 2.2, A) != [1]


def test_tau_counts_from_when_a_track_was_last_seen_not_detected():
    cycle = create_lifecycle(tau=1.0, tau_cycles=0.0)
    time = establish_track(cycle)
    for age in times(10, 0.3, start=0.3):
        assert coast(cycle, time + age, score=1.0) == [1]
    assert coast(cycle, time + 3.9, score=0.0) == []
    assert len(cycle.trajectories) == 1
    coast(cycle, time + 4.1, score=0.0)
    assert len(cycle.trajectories) == 0


def test_tau_is_no_less_than_tau_cycles_detector_cycles():
    cycle = create_lifecycle(tau=2.0, tau_cycles=2.0)
    time = establish_track(cycle, step=3.0)
    coast(cycle, time + 0.5, score=0.0)
    assert detect(cycle, time + 3) == []
    assert detect(cycle, time + 6) == []
    assert cycle.trajectories.id.tolist() == [1]
    coast(cycle, time + 6.1, score=0.0)
    assert len(cycle.trajectories) == 0


@pytest.mark.parametrize(("left", "lives"), [(-24.0, True), (-30.0, False)])
def test_a_target_mostly_outside_the_image_has_left(left, lives):
    cycle = create_lifecycle()
    detect(cycle, 0.0, (left + 20, 100.0, left + 60, 200.0))
    assert coast(cycle, 0.04, shift=-20.0) == ([1] if lives else [])
    assert len(cycle.trajectories) == lives


def test_a_target_that_is_detected_has_not_left():
    cycle = create_lifecycle()
    edge = (-30.0, 100.0, 10.0, 200.0)
    assert detect(cycle, 0.0, edge) == [1]
    assert detect(cycle, 0.2, edge) == [1]
    assert coast(cycle, 0.24) == []


def test_coasting_moves_boxes_and_scores_and_detects_nothing():
    cycle = create_lifecycle()
    detect(cycle, 0.0, A, B)
    coast(cycle, 0.04, score=0.75, shift=5.0)
    tracks = cycle.tracks()
    assert tracks.xyxy[:, 0].tolist() == [105, 305]
    assert tracks.score.tolist() == [0.75, 0.75]
    assert not tracks.detected.any()


def test_matched_tracks_get_their_detections_and_others_the_engines_boxes():
    cycle = create_lifecycle()
    for time in times(5):
        detect(cycle, time, A, B)
    found = (103.0, 101.0, 143.0, 201.0)
    detect(cycle, 1.0, found, score=0.5, shift=2.0, confidence=0.75)
    tracks = cycle.tracks()
    assert tracks.id.tolist() == [1, 2]
    assert tracks.xyxy.tolist() == [list(found), [302, 100, 342, 200]]
    assert tracks.score.tolist() == [0.75, 0.5]
    assert tracks.detected.tolist() == [True, False]


def test_a_weak_hit_is_detected_and_counts_less():
    odds = []
    for weight in (1.0, 0.5, 0.0):
        cycle = create_lifecycle()
        detect(cycle, 0.0, A)
        assert detect(cycle, 0.2, A, weight=weight) == [1]
        assert cycle.tracks().detected.all()
        odds.append(cycle.trajectories.odds.item())
    assert odds[0] > odds[1] > odds[2] > 1
    assert odds[0] / odds[1] == pytest.approx(5**0.5)


def test_weak_hits_alone_do_not_restore_even_odds_at_once():
    for weight, reported in ((1.0, [1]), (0.1, [])):
        cycle = create_lifecycle()
        detect(cycle, 0.0, A)
        assert detect(cycle, 60.0, A, weight=weight) == reported


def test_only_proven_trajectories_are_remembered_where_they_end():
    cycle = create_lifecycle(tau=1.0, tau_cycles=0.0)
    detect(cycle, 0.0, A)
    detect(cycle, 0.2, A, B)
    assert len(cycle.ended) == 0
    assert coast(cycle, 0.3, score=0.0) == []
    coast(cycle, 1.3, score=0.0)
    assert len(cycle.trajectories) == 0
    assert cycle.ended.id.tolist() == [1]
    coast(cycle, 1.4)
    assert len(cycle.ended) == 0


def test_no_tracks_and_no_detections_are_legal():
    cycle = create_lifecycle()
    assert coast(cycle, 0.0) == []
    assert detect(cycle, 0.04) == []
    assert len(cycle.predict_courses(None, 0.06).boxes) == 0
    assert detect(cycle, 0.08) == []
    tracks = cycle.tracks()
    assert len(tracks) == 0
    assert tracks.xyxy.shape == (0, 4)


def test_two_detector_calls_at_one_time_keep_confirmed_tracks():
    cycle = create_lifecycle()
    time = establish_track(cycle)
    assert detect(cycle, time, A) == [1]
    assert np.isfinite(cycle.trajectories.course.velocity).all()
