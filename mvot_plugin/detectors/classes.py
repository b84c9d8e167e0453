"""The names of classes, and their selection."""

from collections.abc import Mapping

from mvot_plugin.detectors.base import Classes
from mvot_plugin.errors import unknown_name

__all__ = ["COCO", "COCO_IDS", "select_classes"]

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
    chosen = classes.split(",") if isinstance(classes, str) else classes or ()
    return sorted({_find_class(choice, names) for choice in chosen})


def _find_class(choice: int | str, names: Mapping[int, str]) -> int:
    numbers = {name.lower(): number for number, name in names.items()}
    text = str(choice).strip()
    if text.lower() in numbers:
        return numbers[text.lower()]
    if text.isdecimal() and int(text) in names:
        return int(text)
    raise unknown_name("class", text, names.values())
