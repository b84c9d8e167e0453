"""Detections of our own from what detectors return.

Results of other libraries are recognised by their attributes; none of them is imported.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mvot_plugin.detectors.conversion.arrays import (
    describe_misfit,
    from_columns,
    from_rows,
    has_columns,
    is_empty,
    is_row,
)
from mvot_plugin.detectors.conversion.columns import check_columns
from mvot_plugin.detectors.conversion.libraries import from_supervision, from_ultralytics
from mvot_plugin.detectors.conversion.mappings import from_mapping
from mvot_plugin.types import Detections

__all__ = ["as_detections", "from_supervision", "from_ultralytics"]


def as_detections(result: object) -> Detections:
    """Convert what a detector returned to ``Detections`` of their own, whatever it does later.

    What ``result`` may be, and what it means:

    - ``None``, ``[]``, no rows: nothing found.
    - ``Detections``: themselves.
    - N x 4, N x 5, N x 6: a row a box: x0, y0, x1, y1, then confidence, then class (boxmot's
      order); an array, a tensor on any device, or a list or tuple of rows.
    - ``(boxes, scores)``, ``(boxes, scores, classes)``: columns: a tuple or list of two or three,
      of which the first is N x 4; where the first is a single box of 4 numbers, all are rows.
    - A dict, or a named tuple: columns by name: ``boxes`` or ``xyxy``; ``scores``, ``confidence``
      or ``conf``; ``labels``, ``class_id``, ``classes`` or ``cls``; ``masks`` of the frame,
      N x H x W or N x 1 x H x W; ``keypoints``, N x K x 3 or N x K x 2. Others of N rows go into
      ``data``, as torchvision's ``keypoints_scores``, which are no probabilities; what has no N
      rows is left out.
    - ultralytics ``Results``: boxes, masks, keypoints, names; oriented boxes as the boxes around
      them, with ``data["xyxyxyxy"]``.
    - ``supervision.Detections``: boxes, masks, ``data`` and ``tracker_id``; ``data["class_name"]``
      names the classes.
    - A list of one dict or result: that one: a batch of one frame.

    A confidence that is not given is 1, and a class 0. Boxes are x0, y0, x1, y1 in pixels. A
    single box is a row, too: N is 1. Refused, since they may mean something else, are numbers
    without rows (a flat array of 6), arrays, tuples and dicts whose boxes all lie within 0..1, as
    parts of the frame do, and arrays and tuples whose classes have fractions, or whose confidences
    are whole numbers above 1, as if they were in another order.

    Args:
        result: Any of these.

    Returns:
        The N detections, with boxes (N, 4) as xyxy in pixels.

    Raises:
        InputError: The result is none of these, or its columns have other shapes.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin import as_detections
        >>> found = as_detections(np.array([[10, 20, 50, 80, 0.9, 2], [90, 20, 99, 31, 0.4, 0]]))
        >>> found.xyxy[0].tolist(), found.class_id.tolist()
        ([10.0, 20.0, 50.0, 80.0], [2, 0])
        >>> len(as_detections({"boxes": [[10, 20, 50, 80]], "scores": [0.9]}))
        1
        >>> len(as_detections([]))
        0
    """
    found = _convert(result)
    return found[np.arange(len(found))]


def _convert(result: Any) -> Detections:
    if result is None:
        return Detections.empty()
    if isinstance(result, Detections):
        check_columns(result)
        return result
    if isinstance(result, Mapping):
        return from_mapping(result)
    if _is_of_ultralytics(result):
        return from_ultralytics(result)
    if hasattr(result, "xyxy") and hasattr(result, "class_id"):
        return from_supervision(result)
    if hasattr(result, "_asdict"):
        return from_mapping(result._asdict())
    if isinstance(result, (list, tuple)):
        return _convert_sequence(result)
    if hasattr(result, "__dlpack__"):  # an array of any library
        return from_rows(result)
    raise describe_misfit(result)


def _convert_sequence(result: list[Any] | tuple[Any, ...]) -> Detections:
    """Convert a batch of one, columns, or rows."""
    if all(is_empty(value) for value in result):
        return Detections.empty()
    if len(result) == 1 and not is_row(result[0]) and _is_one_frame(result[0]):
        return _convert(result[0])
    return from_columns(result) if has_columns(result) else from_rows(result)


def _is_one_frame(result: Any) -> bool:
    """Whether a value is the result of a whole frame."""
    is_named = isinstance(result, (Mapping, Detections)) or _is_of_ultralytics(result)
    return is_named or (hasattr(result, "xyxy") and hasattr(result, "class_id"))


def _is_of_ultralytics(result: Any) -> bool:
    """Whether a value is ultralytics' ``Results``, with or without boxes."""
    if not hasattr(result, "boxes"):
        return False
    return result.boxes is None or hasattr(result.boxes, "xyxy")
