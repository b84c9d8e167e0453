"""Detections from arrays, lists of rows, and tuples of columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mvot_plugin.detectors.conversion.columns import (
    build_detections,
    read_numbers,
    refuse_relative,
)
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections

__all__ = ["describe_misfit", "from_columns", "from_rows", "has_columns", "is_empty", "is_row"]

_MOST_NAMES = 6


def from_rows(rows: Any) -> Detections:
    """Convert an array, a tensor or a list of N rows of 4, 5 or 6 numbers, in boxmot's order.

    Raises:
        InputError: They are no such rows.
    """
    try:
        array = read_numbers(rows, "rows")
    except InputError as error:
        raise describe_misfit(rows) from error
    if array.ndim and not len(array):
        return Detections.empty()
    if array.ndim != 2 or array.shape[1] not in (4, 5, 6):
        raise describe_misfit(rows)
    columns = [array[:, number] for number in range(4, array.shape[1])]
    return _check_order(array[:, :4], *columns)


def from_columns(columns: Sequence[Any]) -> Detections:
    """Convert boxes with confidences, and perhaps with classes.

    Raises:
        InputError: Their shapes do not fit.
    """
    boxes, *others = columns
    return _check_order(boxes, *others)


def _check_order(boxes: Any, confidence: Any = None, class_id: Any = None) -> Detections:
    """The detections; raises ``InputError`` where confidences and classes seem to be swapped."""
    found = build_detections(boxes, confidence, class_id)
    refuse_relative(found.xyxy)
    classes = read_numbers(0 if class_id is None else class_id, "classes")
    if (classes != np.floor(classes)).any():
        raise InputError(
            "the detections' classes have fractions, so they are none: the order is x0, y0, x1, "
            "y1, confidence, class, or (boxes, scores, classes)"
        )
    scores = found.confidence
    if (scores > 1).any() and (scores == np.floor(scores)).all():
        raise InputError(
            "the detections' confidences are whole numbers above 1, as classes are: the order is "
            "x0, y0, x1, y1, confidence (0..1), class, or (boxes, scores, classes)"
        )
    return found


def has_columns(values: Sequence[Any]) -> bool:
    """Whether a list or tuple holds boxes and their scores, and perhaps classes; else, rows."""
    if len(values) not in (2, 3):
        return False
    first, *others = values
    return (_depth(first) == 2 or is_empty(first)) and all(_depth(one) < 2 for one in others)


def is_row(value: Any) -> bool:
    """Whether a value is an array, a tensor or a list."""
    return _depth(value) > 0


def is_empty(value: Any) -> bool:
    """Whether a value is an array, a tensor or a list without rows."""
    return _depth(value) > 0 and not len(value)


def _depth(value: Any) -> int:
    """The dimensions of an array, a tensor, or of lists within lists; 0 of anything else."""
    if hasattr(value, "__dlpack__"):
        return len(value.shape)
    if isinstance(value, (list, tuple)):
        return 1 + (_depth(value[0]) if value else 0)
    return 0


def describe_misfit(given: Any) -> InputError:
    """The error for what cannot be understood: what it is, and what it should be."""
    return InputError(
        "detections must be an N x 6 array (x0, y0, x1, y1 in pixels, confidence, class), a "
        "tuple (boxes, scores, classes), or Detections.of(boxes, scores, classes); got "
        f"{_describe(given)}"
    )


def _describe(given: Any) -> str:
    kind = type(given).__name__
    if isinstance(given, Mapping):
        names = ", ".join(map(repr, [*given][:_MOST_NAMES]))
        more = ", ..." if len(given) > _MOST_NAMES else ""
        return f"{kind} of {names}{more}" if names else f"empty {kind}"
    if hasattr(given, "__dlpack__"):
        return f"{kind} of shape {tuple(given.shape)}, {given.dtype}"
    if isinstance(given, (list, tuple)):
        parts = ", ".join(_describe_part(one) for one in given[:3])
        return f"{kind} of {len(given)} ({parts}{', ...' if len(given) > 3 else ''})"
    return kind


def _describe_part(part: Any) -> str:
    kind = type(part).__name__
    if hasattr(part, "__dlpack__"):
        return f"{kind} {tuple(part.shape)}"
    return f"{kind} of {len(part)}" if isinstance(part, (list, tuple)) else kind
