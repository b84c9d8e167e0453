"""Callables that take an image or a frame: told apart by annotation, or on the first call."""

import copy
import pickle
import warnings
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from cv2.typing import MatLike
from jaxtyping import Float, UInt8
from torch import Tensor

from mvot_plugin.detectors import as_detector
from mvot_plugin.detectors.callables import find_input
from mvot_plugin.errors import GuessedInput, InputError
from mvot_plugin.types import Detections, Frame

FRAME = Frame(image=np.zeros((48, 64, 3), np.uint8), index=3, timestamp=0.1)
BOX = [10, 20, 30, 40]


def of_image(image):
    height, width = image.shape[:2]
    return [[0, 0, width, height, 0.5, 1]]


def of_frame(frame):
    return [[frame.index, 0, 30, 40, 0.5, 1]]


class Model:
    """A model with names, which takes images."""

    names = ("person", "car")

    def __init__(self):
        self.calls = 0

    def __call__(self, image: np.ndarray):
        self.calls += 1
        return of_image(image)

    def detect(self, frame: Frame, least: float = 0.5):
        return [[*BOX, least, 1]]


def annotated(annotation):
    def detect(what, more=1):
        return of_image(what)

    detect.__annotations__["what"] = annotation
    return detect


@pytest.mark.parametrize(
    ("annotation", "takes"),
    [
        (Frame, "frame"),
        ("Frame", "frame"),
        (Frame | np.ndarray, "frame"),
        ("mvot_plugin.types.Frame | None", "frame"),
        (np.ndarray, "image"),
        ("np.ndarray", "image"),
        ("np.ndarray | None", "image"),
        ("not_imported.ndarray", "image"),
        (npt.NDArray[np.uint8], "image"),
        ("NDArray[np.uint8]", "image"),
        (UInt8[np.ndarray, "height width 3"], "image"),
        ("UInt8[np.ndarray, 'height width 3']", "image"),
        (MatLike, "image"),
        (Float[Tensor, "3 height width"], None),
        (int, None),
        ("Image", None),
        ("not a name", None),
    ],
    ids=str,
)
def test_the_first_parameter_says_what_it_takes(annotation, takes):
    detect = annotated(annotation)
    assert find_input(detect) == takes
    adapted = as_detector(detect)
    assert (adapted is detect) == (takes == "frame")
    if takes == "image":
        assert adapted(FRAME).xyxy.tolist() == [[0, 0, 64, 48]]


def test_all_kinds_of_callables_are_read():
    model = Model()
    assert find_input(model) == "image"
    assert find_input(model.detect) == "frame"
    assert find_input(partial(model.detect, least=0.1)) == "frame"
    assert find_input(lambda: None) is None
    assert find_input(lambda *, frame: None) is None
    assert find_input(dict.fromkeys) is None
    assert as_detector(model)(FRAME).class_id.tolist() == [1]
    assert as_detector(model.detect)(FRAME) == [[*BOX, 0.5, 1]]


def test_attributes_are_those_of_the_callable():
    model = Model()
    detector = as_detector(model)
    assert detector.names == ("person", "car")
    detector(FRAME)
    assert detector.calls == 1
    with pytest.raises(AttributeError):
        _ = detector.nothing
    assert as_detector(detector) is detector


def test_a_callable_that_takes_frames_is_tried_first_and_kept():
    taken = []
    detector = as_detector(lambda it: taken.append(it) or of_frame(it))
    for _ in range(2):
        assert detector(FRAME).xyxy.tolist() == [[3, 0, 30, 40]]
    assert taken == [FRAME, FRAME]


def test_a_callable_that_takes_images_is_found_out_once_and_said_so():
    taken = []
    detector = as_detector(lambda it: taken.append(type(it)) or of_image(it))
    with pytest.warns(GuessedInput) as caught:
        detector(FRAME)
    assert len(caught) == 1
    assert str(caught[0].message) == (
        "the detector test_a_callable_that_takes_images_is_found_out_once_and_said_so.<locals>."
        "<lambda> failed with a Frame, and takes an image: annotate its first parameter with "
        "np.ndarray to say so (or with Frame)"
    )
    assert detector(FRAME).xyxy.tolist() == [[0, 0, 64, 48]]
    assert taken == [Frame, np.ndarray, np.ndarray]


def test_where_both_fail_the_first_error_is_raised_and_nothing_is_decided():
    broken = True

    def detect(it):
        if broken:
            raise ConnectionError(f"no {type(it).__name__}")
        return of_frame(it)

    detector = as_detector(detect)
    for _ in range(2):
        with pytest.raises(ConnectionError, match=r"^no Frame$"):
            detector(FRAME)
    broken = False
    assert len(detector(FRAME)) == 1
    broken = True
    with pytest.raises(ConnectionError, match=r"^no Frame$"):
        detector(FRAME)


def test_an_answer_that_is_none_is_no_reason_to_try_the_image():
    taken = []
    detector = as_detector(lambda it: taken.append(type(it)) or 7)
    with pytest.raises(InputError, match=r"^detections must be"):
        detector(FRAME)
    assert taken == [Frame]


def test_interrupting_the_first_call_is_no_failure():
    taken = []

    def detect(it):
        taken.append(it)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        as_detector(detect)(FRAME)
    assert taken == [FRAME]


def test_it_is_pickled_with_what_it_found_out():
    fresh = pickle.loads(pickle.dumps(as_detector(of_image)))
    with pytest.warns(GuessedInput):
        fresh(FRAME)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for used in (pickle.loads(pickle.dumps(fresh)), copy.deepcopy(fresh)):
            assert used(FRAME).xyxy.tolist() == [[0, 0, 64, 48]]
    model = as_detector(Model())
    model(FRAME)
    assert pickle.loads(pickle.dumps(model)).calls == 1


def test_detectors_of_ours_stay_as_they_are():
    class Own:
        def __call__(self, frame: Frame, /) -> Detections:
            return Detections.of([BOX])

    own = Own()
    assert as_detector(own) is own
