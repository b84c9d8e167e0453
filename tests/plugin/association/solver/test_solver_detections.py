"""SiamMOT's online solver: which detections are suppressed, taken, and born."""

from dataclasses import replace

import numpy as np
import pytest

from helpers.plugin.associations import SolvedTargets, found, person
from mvot_plugin.types import Detections


def of_classes(detections, *class_id):
    return replace(detections, class_id=np.array(class_id))


def start(*people, **settings):
    targets = SolvedTargets(**settings)
    targets.step(0.0, found(*people))
    return targets


@pytest.mark.parametrize("scale", [1.0, 0.2, 150.0])
@pytest.mark.parametrize(("beta", "born"), [(0.6, 3), (0.3, 4), (0.0, 5)])
def test_a_detection_is_born_from_a_share_of_the_typical_confidence(scale, beta, born):
    confidence = scale * np.array([0.9, 0.8, 0.9, 0.4, 0.1])
    targets = SolvedTargets(beta=beta)
    people = [person(100 * i) for i in range(5)]
    assert len(targets.step(0.0, found(*people, confidence=confidence))) == born
    assert (targets.associator.tracks().score <= 1).all()


def test_scores_below_0_do_not_keep_the_sure_ones_from_being_born():
    targets = SolvedTargets()
    detections = found(*[person(100 * i) for i in range(4)], confidence=[3.1, -0.4, 2.2, -0.6])
    assert targets.step(0.0, detections) == [1, 2]
    assert targets.boxes_by_id() == {1: 0.0, 2: 200.0}


def test_of_detections_of_one_object_the_surest_is_born_whatever_their_classes():
    targets = SolvedTargets()
    detections = found(person(100), person(104), person(300), confidence=[0.8, 0.9, 0.9])
    assert targets.step(0.0, of_classes(detections, 0, 2, 0)) == [1, 2]
    assert targets.boxes_by_id() == {1: 104.0, 2: 300.0}
    assert targets.associator.tracks().class_id.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("suppress", "left", "born"),
    [(0.5, 112, 1), (0.5, 114, 2), (0.4, 114, 1), (0.6, 112, 2), (1.0, 101, 2), (1.0, 100, 1)],
)
def test_a_detection_on_a_tracked_instance_is_suppressed(suppress, left, born):
    targets = start(person(100), suppress=suppress)
    assert len(targets.step(0.1, found(person(left)))) == born


def test_a_tracked_instance_takes_the_box_that_it_suppresses_and_is_enrolled_there_again():
    targets = start(person(100), person(300))
    detections = found(person(304), person(108), confidence=[0.9, 0.2])
    assert targets.step(0.1, detections, scores=[0.5, 0.6]) == [1, 2]
    assert targets.boxes_by_id() == {1: 108.0, 2: 304.0}
    match = targets.merge.match
    assert (match.targets.tolist(), match.detections.tolist()) == ([0, 1], [1, 0])
    assert targets.merge.reenroll.tolist() == [True, True]
    tracks = targets.associator.tracks()
    assert tracks.detected.tolist() == [True, True]
    assert tracks.score.tolist() == pytest.approx([0.2, 0.9])


def test_a_detection_of_another_class_is_suppressed_and_not_taken():
    targets = start(person(100))
    assert targets.step(0.1, of_classes(found(person(108)), 3)) == [1]
    assert targets.boxes_by_id() == {1: 100.0}
    assert targets.merge.match.unmatched_detections.tolist() == [0]
    assert targets.associator.tracks().class_id.tolist() == [0]


def test_each_detection_goes_to_one_target_and_the_overlap_of_all_is_largest():
    targets = start(person(100), person(300), nms=1.0)
    targets.boxes[1] = person(110)
    targets.step(0.1, found(person(105), person(121)))
    assert targets.boxes_by_id() == {1: 105.0, 2: 121.0}
    targets.boxes[:] = [person(105), person(109)]
    targets.step(0.2, found(person(108)))  # nearer to the second
    assert targets.boxes_by_id() == {1: 105.0, 2: 108.0}
    assert targets.associator.tracks().detected.tolist() == [False, True]


def test_a_detection_that_nms_removes_is_neither_taken_nor_born():
    targets = start(person(100))
    targets.step(0.1, found(person(101), person(114), confidence=[0.5, 0.9]))
    assert targets.boxes_by_id() == {1: 100.0, 2: 114.0}  # 101 is nearer, but lost against 114


def test_a_lost_target_suppresses_nothing_and_takes_a_detection_that_would_be_born():
    targets = start(person(100))
    targets.step(0.1, scores=[0.1])
    assert targets.step(0.2, found(person(108)), scores=[0.1]) == [1]
    assert targets.boxes_by_id() == {1: 108.0}
    assert targets.merge.reenroll.tolist() == [True]
    assert targets.step(1.1, scores=[0.1]) == []  # lost since 0.2 s only
    assert targets.ids.tolist() == [1]


@pytest.mark.parametrize(
    ("left", "class_id", "confidence", "boxes"),
    [
        (112, 0, 0.9, {1: 300.0, 2: 112.0, 3: 500.0}),
        (114, 0, 0.9, {1: 300.0, 3: 114.0, 4: 500.0}),  # too far
        (112, 1, 0.9, {1: 300.0, 3: 112.0, 4: 500.0}),  # of another class
        (112, 0, 0.3, {1: 300.0, 3: 500.0}),  # not sure enough to be born
    ],
)
def test_which_detections_re_instate_a_lost_target(left, class_id, confidence, boxes):
    targets = start(person(300), person(100))
    targets.step(0.1, scores=[0.9, 0.1])
    detections = found(person(left), person(500), confidence=[confidence, 0.9])
    targets.step(0.2, of_classes(detections, class_id, 0), scores=[0.9, 0.1])
    assert targets.boxes_by_id() == boxes
    assert 2 in targets.ids  # lost, if it was not re-instated


def test_a_tracked_instance_comes_before_a_lost_target():
    targets = start(person(100), person(300), nms=0.9)
    targets.boxes[1] = person(108)
    ids = targets.step(0.1, found(person(101)), scores=[0.1, 0.9])  # nearer to the lost one
    assert (ids, targets.boxes_by_id()) == ([2], {2: 101.0})


def test_a_target_that_lost_its_place_takes_a_detection_of_its_own():
    targets = start(person(100), person(300))
    targets.boxes[1] = person(110)
    ids = targets.step(0.1, found(person(98), person(122)), scores=[0.9, 0.8])
    assert (ids, targets.boxes_by_id()) == ([1, 2], {1: 98.0, 2: 122.0})


def test_more_detections_than_may_be_tracked_are_left_out_and_counted():
    targets = SolvedTargets(most=2)
    people = [person(100 * i) for i in range(6)]
    confidence = [0.7, 0.9, 0.8, 0.95, 0.6, 0.85]
    assert targets.step(0.0, found(*people, confidence=confidence)) == [1, 2, 3, 4]
    assert targets.merge.enrolled.tolist() == [1, 2, 3, 5]
    assert targets.merge.left_out == 2
    targets.step(1.0, found(*people, confidence=confidence), scores=[0.9, 0.1, 0.9, 0.9])
    assert targets.ids.tolist() == [1, 2, 3, 4]  # the second was found again
    targets.step(2.5, Detections.empty(), scores=[0.9, 0.1, 0.9, 0.9])
    targets.step(2.6, found(*people, confidence=confidence))
    assert (targets.ids.tolist(), targets.merge.left_out) == ([1, 3, 4, 5], 2)


def test_a_detection_beyond_the_edge_keeps_its_target():
    targets = start(person(620))
    for tenth in range(1, 4):
        assert targets.step(tenth / 10, found(person(620 + 3 * tenth))) == [1]
    assert targets.step(0.4) == []
