"""When the boxes of several detectors become labels, by hand."""

import numpy as np
import pytest

from mvot_pipelines.training.detector_data import blanked, label_lines
from mvot_pipelines.training.labelling import (
    CLASSES,
    Agreement,
    Labels,
    agreed,
    in_classes,
    joined,
    sure_scores,
    unexplained,
)
from mvot_plugin.types import Detections

PERSON, CAR, DOG = (CLASSES.index(name) for name in ("person", "car", "dog"))
RULES = Agreement()
NOTHING = Detections.empty()


def one(box, score, kind=PERSON):
    return Detections.of([box], score, kind)


def test_two_detectors_that_agree_make_a_label_of_their_mean():
    found = [one([10, 10, 30, 60], 0.5), one([12, 10, 32, 62], 0.6)]
    labels = agreed(found, [1.0, 1.0], RULES)
    assert labels.xyxy.tolist() == [[11, 10, 31, 61]]
    assert labels.class_id.tolist() == [PERSON]
    assert len(labels.doubtful) == 0


@pytest.mark.parametrize(
    ("first", "second", "label", "doubtful"),
    [
        (one([0, 0, 20, 40], 0.9), NOTHING, False, True),  # nobody confirms it
        (one([0, 0, 20, 40], 1.0), NOTHING, True, False),  # sure alone
        (one([0, 0, 20, 40], 0.49), NOTHING, False, False),  # too weak to matter
        (one([0, 0, 20, 40], 0.9), one([0, 0, 20, 40], 0.44), False, True),  # too weak a witness
        (one([0, 0, 20, 40], 0.9), one([0, 0, 20, 40], 0.45), True, False),
        (one([0, 0, 20, 40], 0.9), one([0, 0, 20, 19], 0.9), False, True),  # overlap below half
        (one([0, 0, 20, 40], 0.9), one([0, 0, 20, 40], 0.9, CAR), False, True),  # of what class?
        (one([0, 0, 20, 40], 1.5), one([0, 0, 20, 40], 0.9, CAR), True, False),  # one is sure
    ],
)
def test_what_is_a_label_and_what_is_doubtful(first, second, label, doubtful):
    labels = agreed([first, second], [1.0, 1.0], RULES)
    assert (len(labels.xyxy) > 0, len(labels.doubtful) > 0) == (label, doubtful)
    if label:
        assert labels.class_id.tolist() == [PERSON]
        assert labels.xyxy[0].tolist() == [0, 0, 20, 40]


def test_scores_count_by_each_detectors_own_sure_score():
    found = [one([0, 0, 20, 40], 0.5), NOTHING]
    assert len(agreed(found, [0.5, 0.9], RULES).xyxy) == 1
    assert len(agreed(found, [0.9, 0.5], RULES).xyxy) == 0


def test_a_known_box_of_unknown_class_confirms_a_detection():
    found = [one([0, 0, 20, 40], 0.6, DOG), NOTHING]
    hint = np.array([[1, 0, 21, 40]], np.float32)
    labels = agreed(found, [1.0, 1.0], RULES, hint)
    assert (labels.xyxy.tolist(), labels.class_id.tolist()) == ([[0, 0, 20, 40]], [DOG])
    assert len(agreed(found, [1.0, 1.0], RULES, hint + 15).xyxy) == 0
    goat = [found[0], one([0, 0, 20, 38], 0.2, CLASSES.index("sheep"))]
    assert len(agreed(goat, [1.0, 1.0], RULES, hint).xyxy) == 0


def test_the_sure_score_is_where_the_others_nearly_always_confirm():
    box, far = [0, 0, 20, 40], [50, 50, 70, 90]
    seen = [[one(box, 0.9 - k / 100), one(box, 0.5)] for k in range(19)]
    seen += [[one(far, 0.6), one(box, 0.4)]]
    seen += [[one(far, 0.3), NOTHING]]
    sure = sure_scores(seen, RULES)
    assert sure[0] == pytest.approx(0.6)  # 19 of 20 is enough, 19 of 21 is not
    assert sure[1] == pytest.approx(0.4)  # 19 of 20
    assert sure_scores([[one(box, 1.0), NOTHING]], RULES)[0] > 1
    assert sure_scores([], RULES) == []


def test_classes_are_mapped_by_name_and_others_dropped():
    found = Detections.of([[0, 0, 1, 1]] * 4, [0.1, 0.2, 0.3, 0.4], [7, 0, 5, 99])
    ours = in_classes(found, {0: "dog", 5: "person", 7: "zebra"})
    assert ours.class_id.tolist() == [DOG, PERSON]
    assert ours.confidence.tolist() == pytest.approx([0.2, 0.3])


def test_ground_truth_goes_before_what_was_made():
    truth = Labels.of([[0, 0, 20, 40]], [PERSON], [[80, 80, 90, 90]])
    made = Labels.of(
        [[2, 0, 20, 38], [0, 0, 20, 40], [50, 0, 70, 40]],
        [PERSON, DOG, PERSON],
        [[1, 1, 19, 30], [60, 60, 70, 70]],
    )
    both = joined(truth, made)
    assert both.class_id.tolist() == [PERSON, DOG, PERSON]
    assert both.xyxy[2].tolist() == [50, 0, 70, 40]
    assert both.doubtful.tolist() == [[80, 80, 90, 90], [60, 60, 70, 70]]


def test_weak_boxes_apart_from_labels_tell_a_crowd():
    weak = Detections.of([[30 * k, 0, 30 * k + 20, 40] for k in range(9)], [0.21] * 8 + [0.19])
    labels = Labels.of([[0, 0, 20, 40]], [PERSON], [[30, 0, 50, 40]])
    assert unexplained([weak, NOTHING], [1.0, 1.0], RULES, labels) == 6


def test_a_label_line_is_class_and_centre_and_size_as_shares():
    labels = Labels.of([[10, 20, 30, 60], [-20, 0, 20, 100], [50, 50, 53, 70]], [PERSON, DOG, CAR])
    assert label_lines(labels, (200, 100)) == [
        "0 0.100000 0.400000 0.100000 0.400000",
        f"{DOG} 0.050000 0.500000 0.100000 1.000000",
    ]


def test_doubtful_boxes_are_grey_but_for_labels_on_them():
    image = np.full((40, 50, 3), 7, np.uint8)
    labels = Labels.of([[10, 10, 20, 20]], [PERSON], [[5, 5, 25, 25], [45, 30, 90, 90]])
    painted, share = blanked(image, labels)
    assert (painted[12, 12] == 7).all()
    assert (painted[7, 7] == 114).all()
    assert (painted[35, 48] == 114).all()
    assert share == pytest.approx((400 - 100 + 50) / 2000)
    assert (image == 7).all()
