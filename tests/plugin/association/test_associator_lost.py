"""Who was lost is found again, within reach or from memory, by place and appearance."""

import numpy as np
import pytest

from helpers.plugin.associations import A, B, C, D, HeldTargets, cycles, found, person
from mvot_plugin.association.appearance import AppearanceConfig
from mvot_plugin.association.lifecycle import LifecycleConfig
from mvot_plugin.association.memory import MemoryConfig


def miss_and_jump(before, after, way=95.0, **settings):
    """Whether someone missed for a second, then seen 1.5 sizes away, keeps the id."""
    targets, looks = HeldTargets(**settings), before is not None
    here, there = [
        (person(left), look) if looks else person(left)
        for left, look in ((100.0, before), (100.0 + way, after))
    ]
    for time in cycles(0, 2):
        assert targets.step(time, found(here)) in ([], [1])
    for time in cycles(2, 3):
        targets.step(time, found(), scores=0.0)
    assert targets.ids.tolist() == [1]
    targets.step(3.0, found(there))
    return targets.merge.match.targets.tolist() == [0] and targets.boxes[0, 0] == 100.0 + way


def test_who_was_missed_and_jumped_is_found_again_by_the_look():
    assert miss_and_jump(A, A)
    assert not miss_and_jump(A, C)
    assert not miss_and_jump(None, None)
    assert not miss_and_jump(A, A, way=400.0)
    assert not miss_and_jump(A, A, appearance=AppearanceConfig(weight=0.0))
    assert not miss_and_jump(A, A, memory=MemoryConfig(seconds=0.0))


@pytest.mark.parametrize(("confidence", "matched"), [(0.9, [0, 1]), (0.3, [1])])
def test_only_sure_detections_are_found_again(confidence, matched):
    targets = HeldTargets()
    for time in cycles(0, 2):
        targets.step(time, found((person(100), A), (person(400), B)))
    for time in cycles(2, 3):
        targets.step(time, found((person(400), B)), scores=np.where(targets.ids == 1, 0, 1))
    targets.step(3.0, found((person(195), A), (person(400), B), confidence=[confidence, 0.9]))
    assert targets.merge.match.targets.tolist() == matched


@pytest.mark.parametrize(("left", "matched"), [(195.0, [0, 1]), (212.0, [1])])
def test_nobody_is_found_again_on_another_who_is_matched(left, matched):
    targets, other = HeldTargets(), (person(220), B)
    for time in cycles(0, 2):
        targets.step(time, found((person(100), A), other))
    for time in cycles(2, 3):
        targets.step(time, found(other), scores=np.where(targets.ids == 1, 0, 1))
    targets.step(3.0, found((person(left), A), other))
    assert targets.merge.match.targets.tolist() == matched


def leave_and_return(before, after, seconds=4.0, **settings):
    """Whether someone who looks so before, and so after, keeps the id when coming back."""
    targets, looks = HeldTargets(**settings), before is not None
    here, back, other = [
        (person(left), look) if looks else person(left)
        for left, look in ((100.0, before), (110.0, after), (400.0, B))
    ]
    for time in cycles(0, 2):
        assert 1 in targets.step(time, found(here, other))
    for time in cycles(2, 2 + seconds):
        targets.step(time, found(other), scores=np.where(targets.ids == 1, 0, 1))
    assert 1 not in targets.ids
    for time in cycles(2 + seconds, 3 + seconds):
        targets.step(time, found(other, back))
    (identity,) = [one for one, left in targets.boxes_by_id().items() if left == 110.0]
    return identity == 1


def test_who_comes_back_after_seconds_is_known_by_appearance():
    assert leave_and_return(A, A)
    assert not leave_and_return(A, C)
    assert not leave_and_return(None, None)
    assert not leave_and_return(A, A, appearance=AppearanceConfig(weight=0.0))


def test_who_comes_back_after_the_memory_is_a_stranger():
    assert not leave_and_return(A, A, memory=MemoryConfig(seconds=3.0))
    assert not leave_and_return(A, A, memory=MemoryConfig(seconds=0.0))
    assert not leave_and_return(A, A, seconds=12.0)


def test_the_recalled_come_before_the_new():
    targets = HeldTargets()
    for time in cycles(0, 2):
        targets.step(time, found((person(100), A), (person(300), B)))
    for time in cycles(2, 6):
        targets.step(time, found(), scores=0.0)
    assert len(targets.ids) == 0
    targets.step(6.0, found((person(500), D), (person(305), B), (person(20), C), (person(105), A)))
    assert targets.ids.tolist() == [1, 2, 3, 4]
    assert targets.merge.enrolled.tolist() == [3, 1, 0, 2]
    assert targets.boxes[:, 0].tolist() == [105, 305, 500, 20]


@pytest.mark.parametrize(("covered", "keeps"), [(0.2, True), (1.0, False)])
def test_a_covered_detection_is_not_kept_as_a_look(covered, keeps):
    targets = HeldTargets(
        appearance=AppearanceConfig(covered=covered, looks=3, limit=8.0),
        lifecycle=LifecycleConfig(tau=2.0),
    )
    front = person(115, top=105), B
    for time in cycles(0, 1):
        targets.step(time, found((person(100), A), front))
    for time in cycles(1, 3):
        targets.step(time, found((person(100), C), front))
    assert len(targets.ids) == 2
    for time in cycles(3, 6):
        targets.step(time, found(front), scores=np.where(targets.ids == 1, 0, 1))
    targets.step(6.0, found((person(60), A), front))
    assert (1 in targets.ids) == keeps


def test_who_is_matched_after_tau_does_not_end_on_that_frame():
    targets = HeldTargets(lifecycle=LifecycleConfig(tau=2.0))
    for time in cycles(0, 2):
        targets.step(time, found(person(100), person(400)))
    for time in cycles(2, 4):
        targets.step(time, found(person(400)), scores=np.where(targets.ids == 1, 0, 1))
    targets.step(4.0, found(person(100), person(400)))
    assert targets.merge.match.targets.tolist() == [0, 1]
    assert targets.merge.alive.tolist() == [True, True]
