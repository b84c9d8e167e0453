"""Pseudo-labels from several detectors, on hand-computed cases."""

import numpy as np
import pytest

from mvot_plugin.types import Detections
from mvot_training.detector.dataset import blank_doubtful_boxes, format_labels
from mvot_training.detector.pseudo_labels import (
    CLASSES,
    AgreementConfig,
    PseudoLabels,
    add_pseudo_labels,
    count_unexplained,
    create_pseudo_labels,
    estimate_reliable_scores,
    map_classes,
)

PERSON, CAR, DOG = (CLASSES.index(name) for name in ("person", "car", "dog"))
CONFIG = AgreementConfig()
NOTHING = Detections.empty()


def one_detection(box, score, kind=PERSON):
    return Detections.of([box], score, kind)


def test_two_detectors_that_agree_make_a_label_of_their_mean():
    detections = [one_detection([10, 10, 30, 60], 0.5), one_detection([12, 10, 32, 62], 0.6)]
    labels = create_pseudo_labels(detections, [1.0, 1.0], CONFIG)
    assert labels.xyxy.tolist() == [[11, 10, 31, 61]]
    assert labels.class_id.tolist() == [PERSON]
    assert len(labels.doubtful) == 0


@pytest.mark.parametrize(
    ("first", "second", "label", "doubtful"),
    [
        (one_detection([0, 0, 20, 40], 0.9), NOTHING, False, True),  # unconfirmed
        (one_detection([0, 0, 20, 40], 1.0), NOTHING, True, False),  # reliable alone
        (one_detection([0, 0, 20, 40], 0.49), NOTHING, False, False),  # below both thresholds
        (
            one_detection([0, 0, 20, 40], 0.9),
            one_detection([0, 0, 20, 40], 0.44),
            False,
            True,
        ),  # other too weak
        (one_detection([0, 0, 20, 40], 0.9), one_detection([0, 0, 20, 40], 0.45), True, False),
        (
            one_detection([0, 0, 20, 40], 0.9),
            one_detection([0, 0, 20, 19], 0.9),
            False,
            True,
        ),  # overlap below half
        (
            one_detection([0, 0, 20, 40], 0.9),
            one_detection([0, 0, 20, 40], 0.9, CAR),
            False,
            True,
        ),  # classes differ
        (
            one_detection([0, 0, 20, 40], 1.5),
            one_detection([0, 0, 20, 40], 0.9, CAR),
            True,
            False,
        ),  # one is reliable
    ],
)
def test_a_box_is_a_label_or_doubtful_or_neither(first, second, label, doubtful):
    labels = create_pseudo_labels([first, second], [1.0, 1.0], CONFIG)
    assert (len(labels.xyxy) > 0, len(labels.doubtful) > 0) == (label, doubtful)
    if label:
        assert labels.class_id.tolist() == [PERSON]
        assert labels.xyxy[0].tolist() == [0, 0, 20, 40]


def test_scores_are_relative_to_each_detectors_reliable_score():
    detections = [one_detection([0, 0, 20, 40], 0.5), NOTHING]
    assert len(create_pseudo_labels(detections, [0.5, 0.9], CONFIG).xyxy) == 1
    assert len(create_pseudo_labels(detections, [0.9, 0.5], CONFIG).xyxy) == 0


def test_a_known_box_of_unknown_class_confirms_a_detection():
    detections = [one_detection([0, 0, 20, 40], 0.6, DOG), NOTHING]
    hint = np.array([[1, 0, 21, 40]], np.float32)
    labels = create_pseudo_labels(detections, [1.0, 1.0], CONFIG, hint)
    assert (labels.xyxy.tolist(), labels.class_id.tolist()) == ([[0, 0, 20, 40]], [DOG])
    assert len(create_pseudo_labels(detections, [1.0, 1.0], CONFIG, hint + 15).xyxy) == 0
    mislabelled = [detections[0], one_detection([0, 0, 20, 38], 0.2, CLASSES.index("sheep"))]
    assert len(create_pseudo_labels(mislabelled, [1.0, 1.0], CONFIG, hint).xyxy) == 0


def test_from_the_reliable_score_on_the_others_nearly_always_confirm():
    box, far = [0, 0, 20, 40], [50, 50, 70, 90]
    images = [[one_detection(box, 0.9 - k / 100), one_detection(box, 0.5)] for k in range(19)]
    images += [[one_detection(far, 0.6), one_detection(box, 0.4)]]
    images += [[one_detection(far, 0.3), NOTHING]]
    reliable = estimate_reliable_scores(images, CONFIG)
    assert reliable[0] == pytest.approx(0.6)  # 19 of 20 is enough, 19 of 21 is not
    assert reliable[1] == pytest.approx(0.4)  # 19 of 20
    assert estimate_reliable_scores([[one_detection(box, 1.0), NOTHING]], CONFIG)[0] > 1
    assert estimate_reliable_scores([], CONFIG) == []


def test_classes_are_mapped_by_name_and_others_dropped():
    detections = Detections.of([[0, 0, 1, 1]] * 4, [0.1, 0.2, 0.3, 0.4], [7, 0, 5, 99])
    ours = map_classes(detections, {0: "dog", 5: "person", 7: "zebra"})
    assert ours.class_id.tolist() == [DOG, PERSON]
    assert ours.confidence.tolist() == pytest.approx([0.2, 0.3])


def test_ground_truth_takes_precedence_over_pseudo_labels():
    ground_truth = PseudoLabels.of([[0, 0, 20, 40]], [PERSON], [[80, 80, 90, 90]])
    labels = PseudoLabels.of(
        [[2, 0, 20, 38], [0, 0, 20, 40], [50, 0, 70, 40]],
        [PERSON, DOG, PERSON],
        [[1, 1, 19, 30], [60, 60, 70, 70]],
    )
    both = add_pseudo_labels(ground_truth, labels)
    assert both.class_id.tolist() == [PERSON, DOG, PERSON]
    assert both.xyxy[2].tolist() == [50, 0, 70, 40]
    assert both.doubtful.tolist() == [[80, 80, 90, 90], [60, 60, 70, 70]]


def test_weak_boxes_without_a_label_are_counted():
    weak = Detections.of([[30 * k, 0, 30 * k + 20, 40] for k in range(9)], [0.21] * 8 + [0.19])
    labels = PseudoLabels.of([[0, 0, 20, 40]], [PERSON], [[30, 0, 50, 40]])
    assert count_unexplained([weak, NOTHING], [1.0, 1.0], CONFIG, labels) == 6


def test_a_label_line_is_class_and_relative_centre_and_size():
    labels = PseudoLabels.of(
        [[10, 20, 30, 60], [-20, 0, 20, 100], [50, 50, 53, 70]], [PERSON, DOG, CAR]
    )
    assert format_labels(labels, (200, 100)) == [
        "0 0.100000 0.400000 0.100000 0.400000",
        f"{DOG} 0.050000 0.500000 0.100000 1.000000",
    ]


def test_doubtful_boxes_are_grey_except_where_labels_are():
    image = np.full((40, 50, 3), 7, np.uint8)
    labels = PseudoLabels.of([[10, 10, 20, 20]], [PERSON], [[5, 5, 25, 25], [45, 30, 90, 90]])
    painted, share = blank_doubtful_boxes(image, labels)
    assert (painted[12, 12] == 7).all()
    assert (painted[7, 7] == 114).all()
    assert (painted[35, 48] == 114).all()
    assert share == pytest.approx((400 - 100 + 50) / 2000)
    assert (image == 7).all()
