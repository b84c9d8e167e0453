import numpy as np
import pytest

from lives import LONG, SHORT, SIZE, A, B, C, coast, detect, known, life, state, still, times
from mvot_plugin.affinity import AffinityConfig, affinity
from mvot_plugin.assignment import assign
from mvot_plugin.trajectories import State
from mvot_plugin.types import Detections


def test_all_of_the_first_frame_is_reported_at_once():
    cycle = life()
    assert detect(cycle, 0.0, A, B) == [1, 2]
    tracks = cycle.tracks()
    assert tracks.xyxy.tolist() == [list(A), list(B)]
    assert tracks.score.tolist() == [1, 1]
    assert tracks.detected.all()


def test_in_short_cycles_a_newcomer_waits_for_a_second_hit():
    cycle = life()
    assert detect(cycle, 0.0, A) == [1]
    assert detect(cycle, 0.2, A, B) == [1]
    assert state(cycle, 2) is State.TENTATIVE
    assert coast(cycle, 0.3) == [1]
    assert detect(cycle, 0.4, A, B) == [1, 2]
    assert state(cycle, 2) is State.CONFIRMED


def test_in_long_cycles_a_newcomer_is_reported_at_once():
    cycle = life()
    assert detect(cycle, 0.0, A) == [1]
    assert detect(cycle, 1.0, A, B) == [1, 2]


@pytest.mark.parametrize(("step", "reported"), [(0.49, [1]), (0.5, [1, 2])])
def test_newcomer_seconds_divide_short_cycles_from_long_ones(step, reported):
    cycle = life()
    detect(cycle, 0.0, A)
    assert detect(cycle, step, A, B) == reported


def test_a_false_alarm_is_never_reported_and_soon_forgotten():
    cycle = life()
    detect(cycle, 0.0, A)
    detect(cycle, 0.2, A, B)
    for time in (0.4, 0.6, 0.8):
        assert detect(cycle, time, A) == [1]
    assert cycle.trajectories.id.tolist() == [1]


def test_ids_count_from_1_in_the_order_of_birth_and_are_never_used_again():
    cycle = life(tau=0.5, tau_cycles=0.0)
    assert detect(cycle, 0.0, A, B) == [1, 2]
    assert coast(cycle, 0.6, score=0.0) == []
    assert len(cycle.trajectories) == 0
    assert detect(cycle, 2.4, A) == [3]
    assert detect(cycle, 3.6, A, B, C) == [3, 4, 5]


def test_two_lifecycles_count_for_themselves():
    one, other = life(), life()
    assert detect(one, 0.0, A, B) == [1, 2]
    assert detect(other, 0.0, A) == [1]
    assert detect(one, 1.0, A, B, C) == [1, 2, 3]


def test_births_stand_behind_survivors_in_the_order_of_their_detections():
    cycle = life()
    detect(cycle, 0.0, A)
    motion, found = still(cycle), Detections.of([C, A, B])
    fit = affinity(motion, cycle.trajectories.class_id, found, AffinityConfig())
    alive, births = cycle.update(motion, found, assign(fit, 0.1), 1.0, SIZE)
    assert alive.tolist() == [True]
    assert births.tolist() == [0, 2]
    assert cycle.trajectories.boxes.tolist() == [list(A), list(C), list(B)]


def test_beta_is_the_least_confidence_of_a_birth():
    cycle = life(beta=0.5)
    detect(cycle, 0.0, A, B, confidence=[0.49, 0.5])
    assert cycle.tracks().xyxy.tolist() == [list(B)]


def test_a_detection_too_unsure_for_a_birth_still_keeps_a_track():
    cycle = life(beta=0.5)
    detect(cycle, 0.0, A)
    detect(cycle, 0.2, A, confidence=0.3)
    assert cycle.tracks().detected.tolist() == [True]
    assert cycle.tracks().score.tolist() == [np.float32(0.3)]


def beside(share):
    """A box whose overlap (IoU) with A is ``share``."""
    shift = 40 * (1 - share) / (1 + share)
    return A[0] + shift, A[1], A[2] + shift, A[3]


@pytest.mark.parametrize(("share", "reported"), [(0.3, [1]), (0.2, [1, 2])])
def test_a_detection_on_a_reported_track_starts_nothing(share, reported):
    cycle = life()
    detect(cycle, 0.0, A)
    assert detect(cycle, 1.0, A, beside(share)) == reported
    assert len(cycle.trajectories) == len(reported)


def test_a_detection_on_a_lost_track_starts_anew():
    cycle = life()
    time = known(cycle, LONG)
    coast(cycle, time + 0.5, score=0.0)
    nothing = assign(np.zeros((1, 1), np.float32), 0.1)
    cycle.update(still(cycle, 0.0), Detections.of([A]), nothing, time + 1, SIZE)
    assert cycle.tracks().id.tolist() == [2]


@pytest.mark.parametrize(("step", "hits"), [(0.04, 10), (0.04, 100), (0.2, 5), (0.2, 10)])
def test_one_missed_detection_of_a_well_seen_track_keeps_it(step, hits):
    cycle = life()
    time = known(cycle, step, hits)
    assert detect(cycle, time + step) == [1]
    assert not cycle.tracks().detected.any()
    assert coast(cycle, time + 1.5 * step) == [1]
    assert detect(cycle, time + 2 * step, A) == [1]


def test_two_missed_detections_hide_a_track_and_the_next_ones_bring_it_back():
    cycle = life()
    time = known(cycle)
    assert detect(cycle, time + 0.2) == [1]
    assert detect(cycle, time + 0.4) == []
    assert state(cycle) is State.LOST
    assert 1 in detect(cycle, time + 0.6, A) + detect(cycle, time + 0.8, A)
    assert state(cycle) is State.CONFIRMED
    assert cycle.trajectories.id.tolist() == [1]


@pytest.mark.parametrize("hits", [2, 15, 60])
def test_a_first_miss_within_the_patience_is_forgiven_where_the_engine_is_sure(hits):
    for score, settings, kept in ((1.0, {}, [1]), (0.7, {}, []), (1.0, {"patience": 0.1}, [])):
        cycle = life(prior_misses=0.01, hit_odds=2.0, most_odds=4.0, **settings)
        for i in range(hits):
            detect(cycle, 0.2 * i, A)
        assert detect(cycle, 0.2 * hits, score=score) == kept
        assert detect(cycle, 0.2 * (hits + 1)) == []


def test_a_track_that_is_always_detected_is_doubted_sooner_than_one_now_and_then():
    always, sometimes = life(patience=0.0), life(patience=0.0)
    for i, time in enumerate(times(30)):
        detect(always, time, A)
        detect(sometimes, time, *([A] if i % 3 != 1 else []))
    end = 30 * SHORT
    assert sometimes.trajectories.odds <= always.trajectories.odds
    assert detect(always, end) == []
    assert detect(sometimes, end) == [1]
    assert sometimes.trajectories.odds > always.trajectories.odds


def test_an_engine_score_below_alpha_hides_a_track_and_a_better_one_brings_it_back():
    cycle = life()
    time = known(cycle)
    assert coast(cycle, time + 0.04, score=0.41) == [1]
    assert coast(cycle, time + 0.08, score=0.39) == []
    assert state(cycle) is State.LOST
    assert coast(cycle, time + 0.12, score=0.41) == [1]
    assert cycle.trajectories.id.tolist() == [1]


def test_a_detection_brings_a_hidden_track_back_whatever_the_engine_says():
    cycle = life()
    time = known(cycle)
    assert coast(cycle, time + 0.1, score=0.0) == []
    assert detect(cycle, time + 0.2, A, score=0.0) == [1]
    assert cycle.tracks().detected.tolist() == [True]


def test_alpha_is_a_setting():
    cycle = life(alpha=0.8)
    time = known(cycle)
    assert coast(cycle, time + 0.04, score=0.75) == []
    assert coast(cycle, time + 0.08, score=0.85) == [1]


def test_tau_seconds_unseen_end_a_track():
    cycle = life(tau=2.0)
    time = known(cycle)
    for age in (0.5, 1.0, 1.9):
        assert coast(cycle, time + age, score=0.0) == []
        assert cycle.trajectories.id.tolist() == [1]
    coast(cycle, time + 2.1, score=0.0)
    assert len(cycle.trajectories) == 0
    assert detect(cycle, time + 2.2, A) != [1]


def test_tau_counts_from_when_a_track_was_last_seen_not_detected():
    cycle = life(tau=1.0, tau_cycles=0.0)
    time = known(cycle)
    for age in times(10, 0.3, start=0.3):
        assert coast(cycle, time + age, score=1.0) == [1]
    assert coast(cycle, time + 3.9, score=0.0) == []
    assert len(cycle.trajectories) == 1
    coast(cycle, time + 4.1, score=0.0)
    assert len(cycle.trajectories) == 0


def test_tau_is_no_less_than_tau_cycles_detector_cycles():
    cycle = life(tau=2.0, tau_cycles=2.0)
    time = known(cycle, step=3.0)
    coast(cycle, time + 0.5, score=0.0)
    assert detect(cycle, time + 3) == []
    assert detect(cycle, time + 6) == []
    assert cycle.trajectories.id.tolist() == [1]
    coast(cycle, time + 6.1, score=0.0)
    assert len(cycle.trajectories) == 0


@pytest.mark.parametrize(("left", "lives"), [(-24.0, True), (-30.0, False)])
def test_a_target_with_too_little_of_it_inside_the_image_has_left(left, lives):
    cycle = life()
    detect(cycle, 0.0, (left + 20, 100.0, left + 60, 200.0))
    assert coast(cycle, 0.04, shift=-20.0) == ([1] if lives else [])
    assert len(cycle.trajectories) == lives


def test_a_target_that_is_detected_has_not_left():
    cycle = life()
    edge = (-30.0, 100.0, 10.0, 200.0)
    assert detect(cycle, 0.0, edge) == [1]
    assert detect(cycle, 0.2, edge) == [1]
    assert coast(cycle, 0.24) == []


def test_coasting_moves_boxes_and_scores_and_detects_nothing():
    cycle = life()
    detect(cycle, 0.0, A, B)
    coast(cycle, 0.04, score=0.75, shift=5.0)
    tracks = cycle.tracks()
    assert tracks.xyxy[:, 0].tolist() == [105, 305]
    assert tracks.score.tolist() == [0.75, 0.75]
    assert not tracks.detected.any()


def test_a_detector_frame_puts_a_match_on_its_detection_and_leaves_the_others_to_the_engine():
    cycle = life()
    for time in times(5):
        detect(cycle, time, A, B)
    found = (103.0, 101.0, 143.0, 201.0)
    detect(cycle, 1.0, found, score=0.5, shift=2.0, confidence=0.75)
    tracks = cycle.tracks()
    assert tracks.id.tolist() == [1, 2]
    assert tracks.xyxy.tolist() == [list(found), [302, 100, 342, 200]]
    assert tracks.score.tolist() == [0.75, 0.5]
    assert tracks.detected.tolist() == [True, False]


def moving(cycle, speed, hits=6):
    """Box A detected at this speed (pixels per second); the time and place of the last."""
    for time in times(hits):
        box = A[0] + speed * time, A[1], A[2] + speed * time, A[3]
        detect(cycle, time, box, shift=speed * SHORT)
    return time, box


def test_missing_is_what_the_engine_does_not_see():
    cycle = life()
    known(cycle)
    assert cycle.missing(still(cycle)).tolist() == [False]
    assert cycle.missing(still(cycle, score=0.3)).tolist() == [True]


def test_the_unproven_are_neither_missing_nor_crowded():
    cycle = life()
    beside = (A[0] + 10, *A[1:2], A[2] + 10, A[3])
    detect(cycle, 0.0, A)
    detect(cycle, 0.2, A, B)
    cycle.trajectories.boxes[1] = beside
    assert cycle.trajectories.proven.tolist() == [True, False]
    assert cycle.missing(still(cycle, score=0.0)).tolist() == [True, False]
    assert cycle.crowded(still(cycle)).tolist() == [True, False]


def test_crowded_is_what_overlaps_another_target():
    cycle = life(crowded=0.3)
    detect(cycle, 0.0, A, B)
    assert cycle.crowded(still(cycle)).tolist() == [False, False]
    width = A[2] - A[0]
    for share, crowded in ((0.31, True), (0.29, False)):
        shift = width * (1 - share) / (1 + share)
        cycle.trajectories.boxes[1] = np.add(A, [shift, 0, shift, 0])
        assert cycle.crowded(still(cycle)).tolist() == [crowded, crowded]


def test_inertia_goes_on_with_the_measured_velocity_from_the_last_detection():
    cycle = life()
    time, box = moving(cycle, speed=50.0)
    coast(cycle, time + 0.1, score=0.0)
    for away in (0.2, 0.5, 1.0):
        guess = cycle.trajectories.inertia(time + away)
        expected = np.array(box) + np.array([50 * away, 0, 50 * away, 0])
        assert np.allclose(guess.boxes, [expected], atol=0.05)
        assert guess.scores[0] == pytest.approx(0.5**away)


def test_velocity_follows_a_turn_within_its_memory():
    cycle = life()
    time, box = moving(cycle, speed=50.0)
    for i in range(1, 16):
        left = box[0] - 50 * SHORT * i
        detect(cycle, time + SHORT * i, (left, A[1], left + 40, A[3]), shift=-50 * SHORT)
    assert cycle.trajectories.velocity[0, 0] == pytest.approx(-50, abs=2)


def test_nothing_at_all_is_legal_everywhere():
    cycle = life()
    assert coast(cycle, 0.0) == []
    assert detect(cycle, 0.04) == []
    assert len(cycle.trajectories.inertia(0.06).boxes) == 0
    assert len(cycle.missing(still(cycle))) == len(cycle.crowded(still(cycle))) == 0
    assert detect(cycle, 0.08) == []
    tracks = cycle.tracks()
    assert len(tracks) == 0
    assert tracks.xyxy.shape == (0, 4)


def test_two_detector_calls_at_one_time_change_nothing_that_was_sure():
    cycle = life()
    time = known(cycle)
    assert detect(cycle, time, A) == [1]
    assert np.isfinite(cycle.trajectories.velocity).all()


def test_a_table_row_by_row():
    cycle = life()
    detect(cycle, 0.0, A, B, C)
    table = cycle.trajectories
    assert len(table[np.array([2, 0])]) == 2
    assert table[np.array([2, 0])].id.tolist() == [3, 1]
    assert table[np.array([False, True, False])].id.tolist() == [2]
    assert table.cat([table, table[np.array([0])]]).id.tolist() == [1, 2, 3, 1]
    assert table.cat([table, table[np.zeros(0, np.int64)]]).id.tolist() == [1, 2, 3]


def test_the_class_of_a_track_is_what_most_of_its_detections_say():
    cycle = life()
    for time, seen, elected in zip(
        times(9), [2, 7, 7, 7, 7, 2, 7, 7, 2], [2, 2, 7, 7, 7, 7, 7, 7, 7], strict=True
    ):
        assert detect(cycle, time, A, class_id=seen) == [1]
        assert cycle.tracks().class_id.tolist() == [elected]


def test_a_bicycle_is_born_beside_its_rider_and_a_second_rider_is_not():
    bicycle = (A[0], A[1] + 0.4 * (A[3] - A[1]), A[2], A[3])
    for class_id, tracks in ((1, [1, 2]), (0, [1])):
        cycle = life()
        time = known(cycle, step=1.0)
        detect(cycle, time + 1.0, A, bicycle, class_id=[0, class_id])
        assert detect(cycle, time + 2.0, A, bicycle, class_id=[0, class_id]) == tracks
