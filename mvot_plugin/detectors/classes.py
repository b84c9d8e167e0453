"""The names of classes, and their selection."""

from collections.abc import Mapping

import numpy as np

from mvot_plugin.detectors.base import Classes
from mvot_plugin.errors import InputError, unknown_name
from mvot_plugin.types import Detections

__all__ = ["COCO", "COCO_IDS", "ClassSelection", "find_class_names", "select_classes"]

_COCO = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, "
    "fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, "
    "bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, "
    "sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, "
    "bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, "
    "carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, "
    "tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, "
    "refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush"
)
_UNUSED_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}

COCO: Mapping[int, str] = dict(enumerate(_COCO.split(", ")))
"""COCO's 80 classes, numbered from 0 without gaps, as YOLO models have them."""
COCO_IDS: Mapping[int, str] = dict(
    zip(
        (number for number in range(1, 91) if number not in _UNUSED_IDS), COCO.values(), strict=True
    )
)
"""The same by the category numbers of COCO's own files, 1 to 90 with gaps."""


def select_classes(classes: Classes, names: Mapping[int, str]) -> list[int]:
    """The numbers of ``classes``, in order; a name goes before a number.

    Raises:
        UsageError: A class is not among ``names``.
    """
    return sorted({_find_class(choice, names) for choice in _split_classes(classes)})


def _split_classes(classes: Classes) -> list[str]:
    chosen = classes.split(",") if isinstance(classes, str) else classes or ()
    return [str(choice).strip() for choice in chosen]


def _find_class(choice: str, names: Mapping[int, str]) -> int:
    numbers = {name.lower(): number for number, name in names.items()}
    if choice.lower() in numbers:
        return numbers[choice.lower()]
    if choice.isdecimal() and int(choice) in names:
        return int(choice)
    raise unknown_name("class", choice, names.values())


def find_class_names(detector: object) -> Mapping[int, str] | None:
    """The attribute ``names`` of a detector, where it is a mapping or a list of class names."""
    names = getattr(detector, "names", None)
    if isinstance(names, (list, tuple)):
        return dict(enumerate(names))
    return names if isinstance(names, Mapping) else None


class ClassSelection:
    """Keeps the detections of some classes.

    Args:
        classes: The classes, by name or number.
        names: The names of all classes; where they are None, those that detections come with.

    Raises:
        UsageError: A class is not among ``names``.
    """

    def __init__(self, classes: Classes, names: Mapping[int, str] | None) -> None:
        self._chosen = _split_classes(classes)
        self._numbers = None if names is None else select_classes(classes, names)

    def __call__(self, detections: Detections) -> Detections:
        """Keep those; raises ``InputError`` where a class is given by name, and none is known."""
        numbers = self._numbers
        if numbers is None:
            names = detections.class_names
            if names is None and len(detections):
                self._refuse_names()
            numbers = [
                number
                for number in np.unique(detections.class_id).tolist()
                if _is_chosen(number, self._chosen, names or {})
            ]
        return detections[np.isin(detections.class_id, numbers)]

    def _refuse_names(self) -> None:
        """Raise ``InputError`` where a class is no number."""
        for choice in self._chosen:
            if not choice.isdecimal():
                raise InputError(
                    f"class {choice!r} cannot be selected by its name, as the detector says none: "
                    "give numbers, or give the detector an attribute names, {number: name}"
                )


def _is_chosen(number: int, chosen: list[str], names: Mapping[int, str]) -> bool:
    """Whether a class is among those chosen; a name goes before a number."""
    known = {name.lower() for name in names.values()}
    by_number = {int(one) for one in chosen if one.isdecimal() and one not in known}
    name = names.get(number, "").lower()
    return number in by_number or name in (one.lower() for one in chosen)
