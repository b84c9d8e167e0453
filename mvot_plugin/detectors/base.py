"""The detector protocol, and adapters from the results of other libraries.

A detector is any callable from a frame to detections. The adapters recognise results by their
attributes, and import no other library.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections, Frame

__all__ = [
    "Classes",
    "Detector",
    "as_detections",
    "drop_unusable",
    "from_supervision",
    "from_ultralytics",
]


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
    """Convert what a detector returned to ``Detections``.

    Args:
        result: ``Detections``, which are returned as they are, an ultralytics ``Results`` (or the
            list of one that its models return), or ``supervision.Detections``.

    Returns:
        The N detections, with boxes (N, 4) as xyxy in pixels.

    Raises:
        InputError: The result is none of these.
    """
    if isinstance(result, Detections):
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

    These are boxes and confidences that are not finite, boxes without area, and boxes completely
    outside the image. Boxes partly outside stay as they are. Also returns how many were dropped.
    """
    width, height = size
    x0, y0, x1, y1 = detections.xyxy.T
    finite = np.isfinite(detections.xyxy).all(1) & np.isfinite(detections.confidence)
    has_area = (x1 > x0) & (y1 > y0)
    inside = (x1 > 0) & (y1 > 0) & (x0 < width) & (y0 < height)
    good = finite & has_area & inside
    dropped = len(good) - int(good.sum())
    return (detections[good] if dropped else detections), dropped


def _to_array(values: Any) -> np.ndarray:
    if hasattr(values, "detach"):  # a torch tensor; numpy has no bfloat16
        values = values.detach().float().cpu().numpy()
    return np.asarray(values)


def _to_detections(xyxy: Any, confidence: Any, class_id: Any) -> Detections:
    boxes = _to_array(xyxy)
    if boxes.size and (boxes.ndim != 2 or boxes.shape[1] != 4):
        raise InputError(f"a detector's boxes must have shape (N, 4), got {boxes.shape}")
    columns = [_to_array(1.0 if confidence is None else confidence)]
    columns.append(_to_array(0 if class_id is None else class_id))
    rows = len(boxes)
    if any(column.shape not in [(), (rows,)] for column in columns):
        lengths = ", ".join(str(column.size) for column in columns)
        raise InputError(
            f"a detector must give one confidence and one class per box, got {rows} boxes "
            f"with {lengths}"
        )
    return Detections.of(boxes, *columns)
