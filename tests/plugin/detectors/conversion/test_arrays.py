"""Arrays, tensors, lists of rows and tuples of columns as detections."""

from collections import namedtuple

import numpy as np
import pytest
import torch

from mvot_plugin.detectors import as_detections
from mvot_plugin.errors import InputError

ROWS = np.array([[1, 2, 30, 40, 0.5, 7], [5, 6, 70, 80, 0.25, 0]], np.float32)
BOXES, SCORES, CLASSES = ROWS[:, :4], ROWS[:, 4], ROWS[:, 5].astype(np.int64)

MISFITS = {
    "int": 5,
    "str": "person",
    "bytes": b"1234",
    "list_iterator": iter([BOXES]),
    "list of 4 (int, int, int, ...)": [1, 2, 30, 40],
    "ndarray of shape (6,), float64": np.ones(6),
    "float32": np.float32(3),
    "Tensor of shape (), torch.float32": torch.ones(()),
    "ndarray of shape (2, 3), float64": np.ones((2, 3)),
    "Tensor of shape (2, 7), torch.float32": torch.ones(2, 7),
    "ndarray of shape (1, 2, 6), float64": np.ones((1, 2, 6)),
    "ndarray of shape (3, 0), float64": np.ones((3, 0)),
    "list of 1 (ndarray (2, 6))": [np.ones((2, 6))],
    "list of 1 (list of 1)": [[[1, 2, 30, 40]]],
    "list of 2 (list of 4, list of 2)": [[1, 2, 30, 40], [5, 6]],
    "list of 2 (str, str)": ["person", "car"],
    "ndarray of shape (1, 4), <U1": np.array([["1", "2", "3", "4"]]),
    "list of 1 (list of 4)": [[1, 2, 30, None]],
    "ndarray of shape (2, 4), complex64": BOXES * 1j,
    "list of 1 (NoneType)": [None],
    "tuple of 3 (ndarray (4,), float, int)": (BOXES[0], 0.5, 3),
    "tuple of 2 (ndarray (2, 4), ndarray (2, 4))": (BOXES, BOXES),
    "tuple of 2 (ndarray (2, 4), ndarray (2, 1))": (BOXES, SCORES[:, None]),
    "tuple of 3 (ndarray (2,), ndarray (2,), ndarray (2, 4))": (SCORES, CLASSES, BOXES),
    "tuple of 4 (ndarray (2, 4), ndarray (2,), ndarray (2,), ...)": (
        BOXES,
        SCORES,
        CLASSES,
        CLASSES,
    ),
}


def columns(found):
    return found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist()


FULL = BOXES.tolist(), [0.5, 0.25], [7, 0]


@pytest.mark.parametrize("columns_given", [4, 5, 6])
@pytest.mark.parametrize(
    "make",
    [
        *(np.asarray, np.asfortranarray, torch.tensor, np.ndarray.tolist, list, tuple),
        lambda rows: torch.tensor(rows, dtype=torch.bfloat16),
        lambda rows: list(torch.tensor(rows, dtype=torch.bfloat16)),
        lambda rows: torch.tensor(rows, requires_grad=True),
    ],
    ids=["array", "fortran", "tensor", "lists", "list", "tuple", "bf16", "list of bf16", "grad"],
)
def test_rows_are_boxes_then_confidence_then_class(make, columns_given):
    boxes, confidence, class_id = columns(as_detections(make(ROWS[:, :columns_given])))
    assert boxes == FULL[0]
    assert confidence == (FULL[1] if columns_given > 4 else [1, 1])
    assert class_id == (FULL[2] if columns_given > 5 else [0, 0])


@pytest.mark.parametrize("rows", range(1, 7))
def test_any_number_of_rows_of_four_are_boxes(rows):
    boxes = np.arange(4.0 * rows).reshape(rows, 4) + 10
    for given in (boxes, boxes.tolist(), list(boxes), tuple(boxes), tuple(map(tuple, boxes))):
        found = as_detections(given)
        assert columns(found) == (boxes.tolist(), [1.0] * rows, [0] * rows)


@pytest.mark.parametrize(
    "given",
    [
        (BOXES, SCORES, CLASSES),
        [BOXES, SCORES, CLASSES],
        (torch.tensor(BOXES), torch.tensor(SCORES).bfloat16(), torch.tensor(CLASSES)),
        (BOXES.tolist(), SCORES.tolist(), CLASSES.tolist()),
        (list(torch.tensor(BOXES)), list(torch.tensor(SCORES)), CLASSES.tolist()),
        (list(map(tuple, BOXES.tolist())), tuple(SCORES), tuple(CLASSES)),
    ],
    ids=["tuple", "list", "tensors", "lists", "lists of tensors", "tuples"],
)
def test_columns_are_boxes_scores_and_classes(given):
    assert columns(as_detections(given)) == FULL
    assert columns(as_detections(given[:2])) == (*FULL[:2], [0, 0])


def test_columns_of_one_four_and_six_boxes_are_no_rows():
    for count in (1, 4, 6):
        boxes, scores = np.tile(BOXES[:1], (count, 1)), np.linspace(0.1, 0.9, count)
        found = as_detections((boxes, scores, np.arange(count)))
        assert found.class_id.tolist() == list(range(count))
        assert found.confidence.tolist() == scores.astype(np.float32).tolist()
    assert len(as_detections((BOXES, None, CLASSES))) == 2


def test_named_tuples_are_taken_by_name():
    answer = namedtuple("answer", "boxes labels scores")(BOXES, CLASSES, SCORES)
    assert columns(as_detections(answer)) == FULL


@pytest.mark.parametrize(
    "given",
    [
        *(None, [], (), [[]], ([], []), ([], [], []), (np.zeros(0), np.zeros(0), np.zeros(0))),
        (np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64)),
        *(np.zeros(shape) for shape in [(0,), (0, 0), (0, 4), (0, 6), (0, 85)]),
        *(torch.zeros(shape) for shape in [(0,), (0, 6)]),
    ],
)
def test_nothing_found_is_taken_in_any_form(given):
    found = as_detections(given)
    assert (found.xyxy.shape, found.confidence.shape, found.class_id.shape) == ((0, 4), (0,), (0,))


def test_the_arrays_are_not_those_of_the_detector():
    given = ROWS.copy()
    found = as_detections(given)
    given[:] = 0
    assert columns(found) == FULL


@pytest.mark.parametrize("got", MISFITS)
def test_what_cannot_be_understood_is_shown_with_three_ways_to_write_it(got):
    with pytest.raises(InputError) as caught:
        as_detections(MISFITS[got])
    assert str(caught.value) == (
        "detections must be an N x 6 array (x0, y0, x1, y1 in pixels, confidence, class), a tuple "
        f"(boxes, scores, classes), or Detections.of(boxes, scores, classes); got {got}"
    )


@pytest.mark.parametrize(
    "given",
    [
        ROWS[:, [0, 1, 2, 3, 5, 4]],
        (BOXES, CLASSES, SCORES),
    ],
    ids=["rows", "columns"],
)
def test_classes_before_confidences_are_refused(given):
    with pytest.raises(InputError, match="classes have fractions, so they are none: the order is"):
        as_detections(given)


@pytest.mark.parametrize("given", [(BOXES, CLASSES), ROWS[:, [0, 1, 2, 3, 5]]])
def test_classes_in_the_place_of_confidences_are_refused(given):
    with pytest.raises(InputError, match="confidences are whole numbers above 1, as classes are"):
        as_detections(given)


def test_columns_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="one confidence and one class per box, got 2 boxes with "):
        as_detections((BOXES, SCORES[:1], CLASSES))
    with pytest.raises(InputError, match="got 0 boxes with 1, 1"):
        as_detections(([], [0.5]))
    with pytest.raises(InputError, match=r"boxes must have shape \(N, 4\), got \(2, 5\)"):
        as_detections((ROWS[:, :5], SCORES))
    with pytest.raises(InputError, match="classes must be real numbers, got <U"):
        as_detections((BOXES, SCORES, ["person", "car"]))


def test_boxes_that_are_parts_of_the_frame_are_refused():
    relative = np.array([[0.1, 0.2, 0.5, 1.02], [-0.01, 0, 1, 1]], np.float32)
    for given in (relative, relative.tolist(), (relative, SCORES)):
        with pytest.raises(InputError, match=r"all lie within 0\.\.1, .* give them in its pixels$"):
            as_detections(given)
    pixels = [[0.1, 0.2, 0.5, 0.9], [0.1, 0.2, 0.5, 2]]
    assert len(as_detections(pixels)) == 2
    assert len(as_detections(np.zeros((3, 6)))) == 3


def test_numbers_that_are_not_finite_are_left_to_the_pipeline():
    rows = ROWS.copy()
    rows[0, 0], rows[1, 4] = np.nan, np.inf
    found = as_detections(rows)
    assert np.isnan(found.xyxy[0, 0])
    assert np.isinf(found.confidence[1])
    rows[0, 5] = np.nan
    with pytest.raises(InputError, match=r"classes must be numbers below 2\*\*63"):
        as_detections(rows)
