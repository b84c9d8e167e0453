"""The detector protocol, and adapters from the results of other libraries.

A detector is any callable from a frame to detections. The adapters recognise results by their
attributes, and import no other library.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from mvot_plugin.errors import InputError
from mvot_plugin.rows import largest_rows
from mvot_plugin.types import Detections, Frame

__all__ = [
    "Classes",
    "Detector",
    "as_detections",
    "drop_unusable",
    "from_supervision",
    "from_ultralytics",
    "keep_most_confident",
]


_FARTHEST = 1e6
"""The largest coordinate of a box, in pixels; areas beyond are no float32."""
_THINNEST = 0.01
"""The least side of a box with area, in pixels."""

_MOST_CLASSES = 2.0**63

Classes: TypeAlias = str | Sequence[int | str] | None
"""Names or numbers of classes, in a sequence or separated by commas; None or an empty one: all."""


@runtime_checkable
class Detector(Protocol):
    """Detects the objects of one frame; any callable of this form is a detector."""

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect objects.

        Args:
            frame: The frame.

        Returns:
            N detections, with boxes in pixels of the frame; ``Detections.empty()`` for none.
        """
        ...


def as_detections(result: object) -> Detections:
    """Convert what a detector returned to ``Detections`` of their own, whatever it does later.

    Args:
        result: ``Detections``, an ultralytics ``Results`` (or the list of one that its models
            return), or ``supervision.Detections``.

    Returns:
        The N detections, with boxes (N, 4) as xyxy in pixels.

    Raises:
        InputError: The result is none of these, or its columns have other shapes.
    """
    found = _convert(result)
    return found[np.arange(len(found))]


def _convert(result: object) -> Detections:
    if isinstance(result, Detections):
        _check_shapes(result)
        return result
    single = result[0] if isinstance(result, (list, tuple)) and len(result) == 1 else result
    if hasattr(single, "boxes"):
        return from_ultralytics(single)
    if hasattr(single, "xyxy") and hasattr(single, "class_id"):
        return from_supervision(single)
    if isinstance(result, (list, tuple)):
        got = f"a {type(result).__name__} of {len(result)}"
    else:
        got = type(result).__name__
    raise InputError(
        "a detector must return Detections (Detections.empty() for nothing found), one "
        f"ultralytics Results, or supervision.Detections; this one returned {got}"
    )


def from_ultralytics(results: Any) -> Detections:
    """Convert one ultralytics ``Results``, or a list of exactly one; tensors on any device.

    Raises:
        InputError: There are several results, or no upright boxes.
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
    return _to_detections(boxes.xyxy, boxes.conf, boxes.cls)


def from_supervision(detections: Any) -> Detections:
    """Convert a ``supervision.Detections``; confidence is 1 and class 0 where it has none."""
    return _to_detections(detections.xyxy, detections.confidence, detections.class_id)


def drop_unusable(detections: Detections, size: tuple[int, int]) -> tuple[Detections, int]:
    """Drop detections that cannot be tracked on an image of ``size`` = (width, height) pixels.

    These are boxes and confidences that are not finite, boxes without area, boxes completely
    outside the image, and those that reach beyond it by a million pixels. Boxes partly outside stay
    as they are. Also returns how many were dropped.
    """
    width, height = size
    x0, y0, x1, y1 = detections.xyxy.T
    finite = (np.abs(detections.xyxy) <= _FARTHEST).all(1) & np.isfinite(detections.confidence)
    has_area = (x1 > x0) & (y1 > y0) & (x1 >= x0 + _THINNEST) & (y1 >= y0 + _THINNEST)
    inside = (x1 > 0) & (y1 > 0) & (x0 < width) & (y0 < height)
    good = finite & has_area & inside
    dropped = len(good) - int(good.sum())
    return (detections[good] if dropped else detections), dropped


def keep_most_confident(detections: Detections, most: int | None) -> tuple[Detections, int]:
    """Keep the ``most`` most confident detections, in order; also returns how many were left out.

    Of those that are equally confident, the first are kept. None is any number.
    """
    if most is None or len(detections) <= most:
        return detections, 0
    kept = largest_rows(detections.confidence, most)
    return detections[kept], len(detections) - most


def _check_shapes(detections: Detections) -> None:
    """Raise ``InputError`` for columns that are none of detections."""
    columns = detections.xyxy, detections.confidence, detections.class_id
    shapes, embeddings = [np.shape(column) for column in columns], detections.embeddings
    rows = shapes[1][:1]
    if shapes != [(*rows, 4), rows, rows]:
        raise InputError(
            "a detector must give boxes of shape (N, 4) with N confidences and N classes, got "
            f"shapes {', '.join(map(str, shapes))}"
        )
    if embeddings is not None and (np.ndim(embeddings) != 2 or len(embeddings) != shapes[0][0]):
        raise InputError(
            f"a detector's embeddings must have shape (N, D), got {np.shape(embeddings)}"
        )


def _to_numbers(values: Any, name: str) -> np.ndarray:
    if hasattr(values, "detach"):  # a torch tensor; numpy has no bfloat16
        values = values.detach().float().cpu().numpy()
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise InputError(f"a detector's {name} must be real numbers, got {array.dtype}")
    return array


def _to_detections(xyxy: Any, confidence: Any, class_id: Any) -> Detections:
    boxes = _to_numbers(xyxy, "boxes")
    if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
        raise InputError(f"a detector's boxes must have shape (N, 4), got {boxes.shape}")
    columns = [_to_numbers(1.0 if confidence is None else confidence, "confidences")]
    columns.append(_to_numbers(0 if class_id is None else class_id, "classes"))
    rows = len(boxes)
    if any(column.shape not in [(), (rows,)] for column in columns):
        lengths = ", ".join(str(column.size) for column in columns)
        raise InputError(
            f"a detector must give one confidence and one class per box, got {rows} boxes "
            f"with {lengths}"
        )
    if columns[1].dtype.kind != "i" and not (np.abs(columns[1]) < _MOST_CLASSES).all():
        raise InputError("a detector's classes must be numbers below 2**63")
    return Detections.of(boxes, *columns)
