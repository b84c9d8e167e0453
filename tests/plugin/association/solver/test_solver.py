"""SiamMOT's online solver: what continues, is lost, is re-instated, and is killed."""

import pickle

import numpy as np
import pytest

from helpers.plugin.associations import BLANK_IMAGE, SolvedTargets, found, person
from mvot_plugin.association.siammot import SiamMotSolver, SiamMotSolverConfig
from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame


def start(*people, **settings):
    """Targets that were found at time 0; their ids count from 1."""
    targets = SolvedTargets(**settings)
    assert targets.step(0.0, found(*people)) == list(range(1, len(people) + 1))
    return targets


def test_the_papers_settings_are_the_defaults():
    config = SiamMotSolverConfig()
    assert (config.alpha, config.beta, config.suppress, config.tau) == (0.4, 0.6, 0.5, 30 / 30)


@pytest.mark.parametrize("name", ["alpha", "suppress", "nms", "inside"])
def test_a_share_beyond_1_is_refused(name):
    with pytest.raises(UsageError, match=f"SiamMotSolverConfig.{name} must be 1 or less"):
        SiamMotSolverConfig(**{name: 1.5})


@pytest.mark.parametrize(("alpha", "reported"), [(0.4, [1, 2]), (0.5, [1]), (0.0, [1, 2, 3])])
def test_a_trajectory_continues_while_its_visibility_is_alpha_or_more(alpha, reported):
    targets = start(person(100), person(200), person(300), alpha=alpha)
    assert targets.step(0.1, scores=[0.9, 0.4, 0.39]) == reported
    assert targets.ids.tolist() == [1, 2, 3]  # the engine goes on with all of them


def test_a_continuing_track_has_the_engines_box_and_visibility():
    targets = start(person(100))
    first = targets.associator.tracks()
    assert (first.score.tolist(), first.detected.tolist()) == ([pytest.approx(0.9)], [True])
    targets.boxes[0] = person(120)
    targets.step(0.1, scores=[0.7])
    tracks = targets.associator.tracks()
    assert tracks.xyxy.tolist() == [list(person(120))]
    assert (tracks.score.tolist(), tracks.detected.tolist()) == ([pytest.approx(0.7)], [False])


def test_a_lost_target_is_re_instated_where_the_engine_finds_it_again():
    targets = start(person(100), person(300))
    assert targets.step(0.3, scores=[0.1, 0.9]) == [2]
    targets.boxes[0] = person(150)
    assert targets.step(0.6, scores=[0.1, 0.9]) == [2]
    assert targets.step(0.9, scores=[0.5, 0.9]) == [1, 2]
    assert targets.boxes_by_id() == {1: 150.0, 2: 300.0}


@pytest.mark.parametrize(("rate", "tau"), [(30, 1.0), (10, 1.0), (25, 0.6)])
def test_a_trajectory_is_killed_when_lost_for_tau_seconds_on_end(rate, tau):
    targets = start(person(100), tau=tau)
    for frame in range(1, round(tau * rate)):
        assert targets.step(frame / rate, scores=0.1) == []
        assert targets.ids.tolist() == [1], frame
    targets.step(tau, scores=0.1)
    assert targets.ids.tolist() == []
    assert targets.step(tau, found(person(100))) == [2]  # its id is not given again


def test_a_frame_on_which_it_is_visible_begins_the_time_anew():
    targets = start(person(100), person(300))
    for tenth in range(1, 40):
        visible = [0.1 if tenth % 8 else 0.9, 0.1 if tenth % 11 else 0.9]
        targets.step(tenth / 10, scores=visible[: len(targets.ids)])
        assert 1 in targets.ids
    assert targets.ids.tolist() == [1]


def test_with_tau_0_a_trajectory_is_killed_at_once():
    targets = start(person(100), person(300), tau=0.0)
    targets.step(0.1, scores=[0.9, 0.1])
    assert targets.ids.tolist() == [1]


def test_a_lost_trajectory_is_killed_on_a_frame_with_detections_too():
    targets = start(person(100), person(300))
    assert targets.step(1.0, found(person(300)), scores=0.1) == [2]
    assert targets.ids.tolist() == [2]
    assert targets.merge.alive.tolist() == [False, True]


def test_of_two_trajectories_in_one_place_the_surer_one_continues():
    targets = start(person(100), person(300))
    for tenth in range(1, 4):
        targets.boxes[:] = person(300)
        scores = [0.8, 0.7] if tenth < 3 else [0.7, 0.7]  # of equal ones, the first
        assert targets.step(tenth / 10, scores=scores) == [1]
    targets.boxes[1] = person(340)
    assert targets.step(0.4, scores=[0.7, 0.6]) == [1, 2]
    targets.boxes[1] = person(300)
    for tenth in range(5, 15):
        assert targets.step(tenth / 10, scores=[0.9, 0.8]) == [1]
    assert targets.ids.tolist() == [1]  # the other one was not visible for a second


def test_one_that_loses_its_place_takes_no_place_of_a_third():
    targets = start(person(100), person(200), person(300))
    targets.boxes[:] = [person(100), person(112), person(124)]  # IoU 0.54, 0.54 and 0.25
    assert targets.step(0.1, scores=[0.9, 0.8, 0.7]) == [1, 3]


@pytest.mark.parametrize(("nms", "reported"), [(0.5, [1]), (0.6, [1, 2]), (1.0, [1, 2])])
def test_nms_is_the_overlap_beyond_which_two_are_one(nms, reported):
    targets = start(person(100), person(300), nms=nms)
    targets.boxes[1] = person(112)  # IoU 28 / 52
    assert targets.step(0.1, scores=[0.9, 0.8]) == reported
    targets = SolvedTargets(nms=nms)
    assert targets.step(0.0, found(person(100), person(112))) == reported


def test_with_nms_1_two_in_the_very_same_place_are_two():
    targets = SolvedTargets(nms=1.0)
    assert targets.step(0.0, found(person(100), person(100))) == [1, 2]
    assert targets.step(0.1) == [1, 2]


@pytest.mark.parametrize("left", [-29, 640 - 11])
def test_a_trajectory_that_leaves_the_image_is_killed(left):
    targets = start(person(100), person(300))
    targets.boxes[0] = person(left)  # 11 of 40 pixels are inside
    assert targets.step(0.1) == [2]
    assert targets.ids.tolist() == [2]


def test_a_fork_coasts_on_its_own_and_one_of_the_two_goes_on_merging():
    targets = start(person(100))
    solver = targets.associator
    fork = solver.fork()
    frame = Frame(image=BLANK_IMAGE, index=0, timestamp=2.0)
    unseen = Motion(boxes=targets.boxes, scores=np.zeros(1, np.float32))
    assert fork.coast(frame, unseen).tolist() == [False]
    assert (fork.ids.tolist(), solver.ids.tolist()) == ([], [1])
    assert fork.merge(frame, _nothing(), found(person(300))).enrolled.tolist() == [0]
    assert (fork.ids.tolist(), solver.ids.tolist()) == ([2], [1])


def _nothing():
    return Motion(boxes=np.empty((0, 4), np.float32), scores=np.empty(0, np.float32))


def test_a_solver_that_is_pickled_goes_on_where_it_was():
    targets = start(person(100), person(300))
    targets.step(0.5, scores=[0.1, 0.9])
    targets.associator = pickle.loads(pickle.dumps(targets.associator))
    assert targets.step(0.9, scores=[0.1, 0.9]) == [2]
    assert targets.ids.tolist() == [1, 2]
    targets.step(1.0, found(person(500)), scores=[0.1, 0.9])
    assert targets.ids.tolist() == [2, 3]


def test_no_targets_and_no_detections_are_legal():
    targets, empty = SolvedTargets(), Detections.empty()
    assert targets.step(0.0) == targets.step(0.2, empty) == []
    assert targets.step(0.4, found(person(100))) == [1]
    assert targets.step(0.6, empty) == [1]
    assert len(SiamMotSolver(SiamMotSolverConfig()).tracks()) == 0
