"""Detections from columns of numbers, of which each is checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY, Detections, crop_masks

__all__ = [
    "build_detections",
    "check_columns",
    "crop_frame_masks",
    "read_keypoints",
    "read_numbers",
    "refuse_relative",
    "select_columns",
]

_MOST_CLASSES = 2.0**63
_MARGIN = 0.5
"""How far relative boxes may reach beyond the frame, in its widths and heights."""


def build_detections(xyxy: Any, confidence: Any, class_id: Any) -> Detections:
    """Make detections of columns: arrays, tensors on any device, or lists.

    Args:
        xyxy: N boxes, in pixels.
        confidence: Their confidences, or one for all; None is 1.
        class_id: Their class numbers, or one for all; None is 0.

    Raises:
        InputError: They are no numbers, or have other shapes.
    """
    boxes = read_numbers(xyxy, "boxes")
    if not boxes.ndim or (len(boxes) and boxes.shape[1:] != (4,)):
        raise InputError(f"a detector's boxes must have shape (N, 4), got {boxes.shape}")
    columns = [read_numbers(1.0 if confidence is None else confidence, "confidences")]
    columns.append(read_numbers(0 if class_id is None else class_id, "classes"))
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


def check_columns(detections: Detections) -> None:
    """Raise ``InputError`` for columns that are none of detections."""
    columns = detections.xyxy, detections.confidence, detections.class_id
    shapes = [np.shape(column) for column in columns]
    rows = shapes[1][:1]
    if shapes != [(*rows, 4), rows, rows]:
        raise InputError(
            "a detector must give boxes of shape (N, 4) with N confidences and N classes, got "
            f"shapes {', '.join(map(str, shapes))}"
        )
    count = shapes[0][0]
    embeddings, masks = detections.embeddings, detections.masks
    if embeddings is not None and (np.ndim(embeddings) != 2 or len(embeddings) != count):
        raise InputError(
            f"a detector's embeddings must have shape (N, D), got {np.shape(embeddings)}"
        )
    if masks is not None and np.shape(masks) != (count, *2 * np.shape(masks)[-1:]):
        raise InputError(
            "the masks of Detections must have shape (N, M, M), relative to the boxes, got "
            f"{np.shape(masks)}; crop_masks(masks, boxes) makes them of masks of the frame"
        )
    if detections.keypoints is not None:
        read_keypoints(detections.keypoints, count)


def read_numbers(values: Any, name: str) -> np.ndarray:
    """Read an array, a tensor on any device, or lists, of real numbers.

    Raises:
        InputError: They are none; calls them ``name``.
    """
    try:
        array = _read_array(values)
    except (ValueError, TypeError, RuntimeError) as error:  # ragged lists, tensors without memory
        raise InputError(f"a detector's {name} cannot be read as an array ({error})") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"a detector's {name} must be real numbers, got {array.dtype}")
    return array


def _read_array(values: Any) -> np.ndarray:
    if hasattr(values, "detach"):  # a torch tensor; numpy has no bfloat16
        values = values.detach().cpu()
        return np.asarray(values.float() if values.is_floating_point() else values)
    if isinstance(values, (list, tuple)) and any(hasattr(one, "detach") for one in values):
        values = [_read_array(one) for one in values]
    return np.asarray(values)


def refuse_relative(boxes: Float32[XYXY, " n"], remedy: str = "") -> None:
    """Raise ``InputError`` where all boxes are parts of the frame, 0..1, and not pixels."""
    x0, y0, x1, y1 = boxes.T
    is_inside = (boxes >= -_MARGIN).all() and (boxes <= 1 + _MARGIN).all()
    if is_inside and ((x1 > x0) & (y1 > y0)).any():
        raise InputError(
            "the detections' boxes all lie within 0..1, so they are parts of the frame: give them "
            f"in its pixels{remedy}"
        )


def crop_frame_masks(
    masks: Any, boxes: Float32[XYXY, " n"], scale: tuple[float, float] = (1.0, 1.0)
) -> Float32[np.ndarray, "n m m"]:
    """Reduce masks of the frame to their boxes; of tensors, one mask at a time is copied.

    Args:
        masks: (N, height, width) or (N, 1, height, width): probabilities, or whether each pixel
            shows the object.
        boxes: In pixels of the frame.
        scale: How wide and high a pixel of the frame is, in pixels of the masks.

    Raises:
        InputError: The masks have another shape.
    """
    if not hasattr(masks, "shape"):
        masks = read_numbers(masks, "masks")
    shape = tuple(masks.shape)
    if len(shape) not in (3, 4) or shape[0] != len(boxes) or shape[1:-2] not in ((), (1,)):
        raise InputError(
            "a detector's masks must have shape (N, height, width) of the frame, got "
            f"{shape} with {len(boxes)} boxes"
        )
    planes = (read_numbers(mask, "masks").reshape(shape[-2:]) for mask in masks)
    return crop_masks(planes, boxes * np.array([*scale, *scale], np.float32))


def read_keypoints(keypoints: Any, rows: int) -> Float32[np.ndarray, "n k 3"]:
    """Read keypoints of N detections; those without confidences, (N, K, 2), get 1.

    Raises:
        InputError: They have another shape.
    """
    points = read_numbers(keypoints, "keypoints").astype(np.float32)
    if points.ndim != 3 or len(points) != rows or points.shape[2] not in (2, 3):
        raise InputError(
            "a detector's keypoints must have shape (N, K, 3), x, y and confidence of each, got "
            f"{points.shape} with {rows} boxes"
        )
    certain = np.ones((*points.shape[:2], 3 - points.shape[2]), np.float32)
    return np.concatenate([points, certain], axis=2)


def select_columns(values: Mapping[Any, Any], rows: int) -> dict[str, Any]:
    """The values of a mapping that are columns of so many rows."""
    return {
        name: value
        for name, value in values.items()
        if isinstance(name, str) and _has_rows(value, rows)
    }


def _has_rows(value: Any, rows: int) -> bool:
    """Whether a value is an array, a tensor or a list of so many rows."""
    if hasattr(value, "shape"):
        return tuple(value.shape)[:1] == (rows,)
    return isinstance(value, (list, tuple)) and len(value) == rows
