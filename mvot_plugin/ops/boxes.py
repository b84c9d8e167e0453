"""Box arithmetic on (N, 4) ``xyxy`` arrays, and the conversions used at the edges."""

import numpy as np
from jaxtyping import Float, Float32

__all__ = [
    "area",
    "buffered_iou",
    "cxcywh_to_xyxy",
    "inside_fraction",
    "intersection",
    "iou",
    "size",
    "tlwh_to_xyxy",
    "xyxy_to_cxcywh",
    "xyxy_to_tlwh",
]


def tlwh_to_xyxy(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """(left, top, width, height) to (x0, y0, x1, y1); the origin stays what it was."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_tlwh(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """(x0, y0, x1, y1) to (left, top, width, height); the origin stays what it was."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def xyxy_to_cxcywh(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """(x0, y0, x1, y1) to (centre x, centre y, width, height)."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def cxcywh_to_xyxy(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """(centre x, centre y, width, height) to (x0, y0, x1, y1)."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def area(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """Area in square pixels, 0 for boxes of negative size."""
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)


def size(boxes: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, " n"]:
    """The geometric mean of width and height, in pixels."""
    return np.asarray(np.sqrt(area(boxes)))


def intersection(
    a: Float[np.ndarray, "n 4"], b: Float[np.ndarray, "m 4"]
) -> Float[np.ndarray, "n m"]:
    """Area that each box of ``a`` shares with each box of ``b``, in square pixels."""
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def iou(a: Float[np.ndarray, "n 4"], b: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of each box of ``a`` with each of ``b``; 0 for empty boxes."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def buffered_iou(
    a: Float[np.ndarray, "n 4"], b: Float[np.ndarray, "m 4"], margin: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n m"]:
    """IoU after both boxes grow on every side by the row's ``margin`` times their own size."""
    grow_a = (a[:, 2:] - a[:, :2]) * margin[:, None]
    grow_b = (b[None, :, 2:] - b[None, :, :2]) * margin[:, None, None]
    low = np.maximum((a[:, :2] - grow_a)[:, None], b[None, :, :2] - grow_b)
    high = np.minimum((a[:, 2:] + grow_a)[:, None], b[None, :, 2:] + grow_b)
    shared = np.maximum(high - low, 0).prod(2)
    grown = ((1 + 2 * margin) ** 2)[:, None]
    union = (area(a)[:, None] + area(b)[None, :]) * grown - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def inside_fraction(
    boxes: Float32[np.ndarray, "n 4"], image_size: tuple[int, int]
) -> Float32[np.ndarray, " n"]:
    """The share of each box that lies in an image of ``(width, height)`` pixels."""
    image = np.array([[0, 0, *image_size]], np.float32)
    whole = area(boxes)
    return intersection(boxes, image)[:, 0] / np.where(whole > 0, whole, 1)
