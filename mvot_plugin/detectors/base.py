"""The detector contract, and what makes other libraries' answers keep it.

A detector is any callable from a frame to detections. Adapters here know other libraries by the
shape of their results only, and import none of them.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections, Frame

__all__ = [
    "Classes",
    "Detector",
    "as_detections",
    "from_supervision",
    "from_ultralytics",
    "of_classes",
    "usable",
]


Classes: TypeAlias = str | Sequence[int | str] | None
"""Names or numbers of classes, in a sequence or separated by commas; all for None or none."""


@runtime_checkable
class Detector(Protocol):
    """Finds the objects of one frame; any Python callable of this form is one."""

    def __call__(self, frame: Frame, /) -> Detections:
        """What is on ``frame``, in its pixels; ``Detections.empty()`` for nothing."""
        ...


def as_detections(found: object) -> Detections:
    """What a detector returned, as ``Detections``.

    Takes ``Detections``, an ultralytics ``Results`` (or the list of one that its models return),
    and ``supervision.Detections``. Raises ``InputError`` for anything else.
    """
    if isinstance(found, Detections):
        return found
    single = found[0] if isinstance(found, (list, tuple)) and len(found) == 1 else found
    if hasattr(single, "boxes"):
        return from_ultralytics(single)
    if hasattr(single, "xyxy") and hasattr(single, "class_id"):
        return from_supervision(single)
    if isinstance(found, (list, tuple)):
        got = f"a {type(found).__name__} of {len(found)}"
    else:
        got = type(found).__name__
    raise InputError(
        "a detector must return Detections (Detections.empty() for nothing found), one "
        f"ultralytics Results, or supervision.Detections; this one returned {got}"
    )


def from_ultralytics(results: Any) -> Detections:
    """The boxes of one ultralytics ``Results``, or of a list that holds exactly one.

    Tensors may be on any device. Raises ``InputError`` where there are no upright boxes.
    """
    if isinstance(results, (list, tuple)):
        if len(results) != 1:
            raise InputError(f"expected the ultralytics Results of one frame, got {len(results)}")
        results = results[0]
    boxes = results.boxes
    if boxes is None:
        kind = "oriented boxes" if getattr(results, "obb", None) is not None else "no boxes"
        raise InputError(
            f"the ultralytics model returned {kind}; use a detection, segmentation or pose model"
        )
    return _detections(boxes.xyxy, boxes.conf, boxes.cls)


def from_supervision(detections: Any) -> Detections:
    """The boxes of a ``supervision.Detections``.

    A missing ``confidence`` is 1 and a missing ``class_id`` is 0 throughout.
    """
    return _detections(detections.xyxy, detections.confidence, detections.class_id)


def usable(detections: Detections, size: tuple[int, int]) -> tuple[Detections, int]:
    """Drop what cannot be tracked on a (width, height) image; also returns how many were dropped.

    Dropped are boxes and confidences that are not finite, boxes of no width or height, and boxes
    wholly outside the image. Boxes partly outside are kept as they are.
    """
    width, height = size
    x0, y0, x1, y1 = detections.xyxy.T
    finite = np.isfinite(detections.xyxy).all(1) & np.isfinite(detections.confidence)
    has_area = (x1 > x0) & (y1 > y0)
    inside = (x1 > 0) & (y1 > 0) & (x0 < width) & (y0 < height)
    good = finite & has_area & inside
    dropped = len(good) - int(good.sum())
    return (detections[good] if dropped else detections), dropped


def of_classes(detections: Detections, classes: Collection[int]) -> Detections:
    """Only the detections whose ``class_id`` is among ``classes``."""
    return detections[np.isin(detections.class_id, list(classes))]


def _array(values: Any) -> np.ndarray:
    if hasattr(values, "detach"):  # a torch tensor; numpy has no bfloat16
        values = values.detach().float().cpu().numpy()
    return np.asarray(values)


def _detections(xyxy: Any, confidence: Any, class_id: Any) -> Detections:
    boxes = _array(xyxy)
    if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
        raise InputError(f"a detector's boxes must have shape (N, 4), got {boxes.shape}")
    columns = [_array(1.0 if confidence is None else confidence)]
    columns.append(_array(0 if class_id is None else class_id))
    rows = len(boxes)
    if any(column.shape not in [(), (rows,)] for column in columns):
        lengths = ", ".join(str(column.size) for column in columns)
        raise InputError(
            f"a detector must give one confidence and one class per box, got {rows} boxes "
            f"with {lengths}"
        )
    return Detections.of(boxes, *columns)
