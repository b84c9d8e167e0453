"""Dictionaries as detections: those of torchvision and transformers, and others."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
import torchvision

from mvot_plugin.detectors import as_detections
from mvot_plugin.errors import InputError

BOXES = np.array([[10, 20, 30, 40], [5, 6, 25, 46]], np.float32)
SCORES = np.array([0.5, 0.25], np.float32)


def taken(found):
    return found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist()


def test_a_real_model_of_torchvision_answers_in_this_form():
    torch.manual_seed(0)
    model = torchvision.models.detection.ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=3, score_thresh=0.0, detections_per_img=5
    ).eval()
    with torch.no_grad():
        answer = model([torch.rand(3, 90, 120)])
    found = as_detections(answer)
    assert len(found) == 5
    assert found.xyxy.tolist() == answer[0]["boxes"].tolist()
    assert found.confidence.tolist() == answer[0]["scores"].tolist()
    assert found.class_id.tolist() == answer[0]["labels"].tolist()
    assert (found.masks, found.keypoints, dict(found.data)) == (None, None, {})


@pytest.mark.parametrize("layers", [(1,), ()], ids=["N x 1 x H x W", "N x H x W"])
def test_masks_and_keypoints_of_torchvision_are_taken(layers):
    pixels = torch.zeros(2, 50, 60)
    pixels[0, 20:30, 10:30] = 0.75
    answer = {
        "boxes": torch.tensor(BOXES),
        "labels": torch.tensor([1, 1]),
        "scores": torch.tensor(SCORES),
        "masks": pixels.reshape(2, *layers, 50, 60),
        "keypoints": torch.tensor([[[11.0, 22, 1]] * 17, [[6.0, 7, 0]] * 17]),
        "keypoints_scores": torch.full((2, 17), 9.5),
    }
    found = as_detections([answer])
    assert found.masks.shape == (2, 64, 64)
    np.testing.assert_allclose(found.masks[0, :32], 0.75, atol=1e-5)
    assert not found.masks[0, 32:].any()
    assert not found.masks[1].any()
    assert found.keypoints[:, 3].tolist() == [[11, 22, 1], [6, 7, 0]]
    assert found.data["keypoints_scores"].shape == (2, 17)


def test_the_dict_of_transformers_is_taken_alone_and_in_a_batch_of_one():
    answer = {
        "scores": torch.tensor(SCORES),
        "labels": torch.tensor([17, 3]),
        "boxes": torch.tensor(BOXES),
    }
    for given in (answer, [answer], (answer,), OrderedDict(answer)):
        assert taken(as_detections(given)) == (BOXES.tolist(), [0.5, 0.25], [17, 3])


def test_relative_boxes_of_transformers_are_refused_with_what_to_give():
    answer = {"scores": SCORES, "labels": [1, 2], "boxes": BOXES / 50}
    with pytest.raises(InputError, match=r"give them in its pixels \(of transformers: .*target_si"):
        as_detections([answer])


@pytest.mark.parametrize("boxes", ["boxes", "xyxy"])
@pytest.mark.parametrize("scores", ["scores", "confidence", "conf"])
@pytest.mark.parametrize("classes", ["labels", "class_id", "classes", "cls"])
def test_columns_have_the_names_that_libraries_give_them(boxes, scores, classes):
    found = as_detections({boxes: BOXES, scores: SCORES, classes: [3, 4]})
    assert taken(found) == (BOXES.tolist(), [0.5, 0.25], [3, 4])


def test_boxes_are_enough_and_two_names_for_one_column_are_too_many():
    assert taken(as_detections({"boxes": BOXES.tolist()})) == (BOXES.tolist(), [1, 1], [0, 0])
    assert len(as_detections({"boxes": BOXES, "scores": None, "conf": SCORES})) == 2
    with pytest.raises(InputError, match="have both 'labels' and 'cls', of which only one can be"):
        as_detections({"boxes": BOXES, "cls": [0, 1], "labels": [0, 1]})


def test_other_columns_become_data_and_the_rest_is_left_out():
    found = as_detections(
        {
            "boxes": BOXES,
            "speed": torch.tensor([1.5, 2.5]).bfloat16(),
            "words": ["a", "b"],
            "parts": [[1], [2, 3]],
            "image_size": (480, 640, 3),
            "title": "ab",
            "number": 2,
            7: [1, 2],
        }
    )
    assert list(found.data) == ["speed", "words", "parts"]
    assert found.data["speed"].tolist() == [1.5, 2.5]
    assert found.data["words"].tolist() == ["a", "b"]
    assert found.data["parts"].tolist() == [[1], [2, 3]]


def test_nothing_found_has_columns_of_no_rows():
    empty = {"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0).long()}
    assert len(as_detections(empty)) == 0
    more = {"masks": torch.zeros(0, 1, 50, 60), "keypoints": torch.zeros(0, 17, 3)}
    found = as_detections([{**empty, **more}])
    assert (found.masks.shape, found.keypoints.shape) == ((0, 64, 64), (0, 17, 3))


@pytest.mark.parametrize(
    ("given", "got"),
    [
        ({}, "empty dict"),
        ({"logits": 1, "pred_boxes": BOXES}, "dict of 'logits', 'pred_boxes'"),
        (dict.fromkeys("abcdefg"), "dict of 'a', 'b', 'c', 'd', 'e', 'f', ..."),
        ([{"boxes": BOXES}, {"boxes": BOXES}], r"list of 2 \(dict, dict\)"),
    ],
    ids=str,
)
def test_a_dict_without_boxes_is_shown(given, got):
    with pytest.raises(InputError, match=f"^detections must be .* got {got}$"):
        as_detections(given)


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"masks must have shape \(N, height, width\) .* got \(3,"):
        as_detections({"boxes": BOXES, "masks": np.zeros((3, 50, 60))})
    with pytest.raises(InputError, match=r"masks must have shape .* got \(2, 2, 50, 60\)"):
        as_detections({"boxes": BOXES, "masks": np.zeros((2, 2, 50, 60))})
    with pytest.raises(InputError, match=r"keypoints must have shape \(N, K, 3\), .* got \(2, 17,"):
        as_detections({"boxes": BOXES, "keypoints": np.zeros((2, 17, 4))})
    with pytest.raises(InputError, match="classes must be real numbers, got <U6"):
        as_detections({"boxes": BOXES, "labels": ["person", "car"]})
