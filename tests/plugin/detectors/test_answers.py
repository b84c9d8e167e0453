"""What detectors answer: taken as values of our own, refused where it makes no sense."""

from types import SimpleNamespace

import numpy as np
import pytest

from mvot_plugin.detectors import as_detections, from_supervision, keep_most_confident
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections


def test_detections_are_taken_with_arrays_of_their_own():
    given = Detections.of([[0, 0, 1, 1]], [0.5], [3])
    found = as_detections(given)
    given.xyxy[:] = np.nan
    assert found.xyxy.tolist() == [[0, 0, 1, 1]]
    assert (found.confidence.tolist(), found.class_id.tolist()) == ([0.5], [3])


def test_the_most_confident_are_kept_in_order_and_the_first_of_equal_ones():
    found = Detections.of(np.arange(20).reshape(5, 4), [0.5, 0.9, 0.5, 0.1, 0.5])
    left, left_out = keep_most_confident(found, 3)
    assert (left.xyxy[:, 0].tolist(), left_out) == ([0, 4, 8], 2)
    assert keep_most_confident(found, 5) == (found, 0)


def test_what_are_no_numbers_or_no_classes_is_refused():
    boxes = np.ones((1, 4))
    for column, kind in (([["a"] * 4], "boxes"), (boxes * 1j, "boxes"), ([[None] * 4], "boxes")):
        with pytest.raises(InputError, match=f"a detector's {kind} must be real numbers, got"):
            from_supervision(SimpleNamespace(xyxy=column, confidence=None, class_id=None))
    for number in (np.nan, np.inf, 2**63):
        with pytest.raises(InputError, match=r"classes must be numbers below 2\*\*63"):
            from_supervision(SimpleNamespace(xyxy=boxes, confidence=None, class_id=[number]))


def test_detections_of_other_shapes_are_refused():
    odd = Detections.of([[0, 0, 1, 1]])
    for name, shape in (("xyxy", (1, 5)), ("confidence", (2,)), ("class_id", (1, 1))):
        broken = Detections.of([[0, 0, 1, 1]])
        object.__setattr__(broken, name, np.zeros(shape, np.float32))
        with pytest.raises(InputError, match=r"boxes of shape \(N, 4\) with N confidences"):
            as_detections(broken)
    object.__setattr__(odd, "embeddings", np.zeros(1, np.float32))
    with pytest.raises(InputError, match=r"embeddings must have shape \(N, D\), got \(1,\)"):
        as_detections(odd)


def test_masks_and_keypoints_of_detections_are_checked():
    for name, shape, problem in (
        (
            "masks",
            (1, 30, 40),
            r"relative to the boxes, got \(1, 30, 40\); crop_masks\(masks, boxes",
        ),
        ("masks", (2, 8, 8), r"masks of Detections must have shape \(N, M, M\)"),
        ("keypoints", (2, 5, 3), r"keypoints must have shape \(N, K, 3\), .* with 1 boxes"),
        ("keypoints", (1, 3), r"keypoints must have shape \(N, K, 3\)"),
    ):
        broken = Detections.of([[0, 0, 1, 1]])
        object.__setattr__(broken, name, np.zeros(shape, np.float32))
        with pytest.raises(InputError, match=problem):
            as_detections(broken)
