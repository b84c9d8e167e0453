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
    "limited",
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
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1))


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
    shared = _shared_side(a[:, 0::2], b[:, 0::2], margin) * _shared_side(
        a[:, 1::2], b[:, 1::2], margin
    )
    union = (area(a)[:, None] + area(b)[None, :]) * ((1 + 2 * margin) ** 2)[:, None] - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def _shared_side(
    a: Float[np.ndarray, "n 2"], b: Float[np.ndarray, "m 2"], margin: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n m"]:
    """The length that intervals share after both grow by the row's margin."""
    grow_a = (a[:, 1] - a[:, 0]) * margin
    grow_b = margin[:, None] * (b[:, 1] - b[:, 0])
    low = np.maximum((a[:, 0] - grow_a)[:, None], b[:, 0] - grow_b)
    high = np.minimum((a[:, 1] + grow_a)[:, None], b[:, 1] + grow_b)
    return np.asarray(np.maximum(high - low, 0))


def inside_fraction(
    boxes: Float32[np.ndarray, "n 4"], image_size: tuple[int, int]
) -> Float32[np.ndarray, " n"]:
    """The share of each box that lies in an image of ``(width, height)`` pixels."""
    image = np.array([[0, 0, *image_size]], np.float32)
    whole = area(boxes)
    return intersection(boxes, image)[:, 0] / np.where(whole > 0, whole, 1)


def limited(
    boxes: Float32[np.ndarray, "n 4"],
    last: Float32[np.ndarray, "n 4"],
    frame_size: tuple[int, int],
) -> Float32[np.ndarray, "n 4"]:
    """Boxes (cx, cy, w, h) with sides from a pixel to the frame's, touching the frame.

    A target that was smaller, larger or further outside may stay as it was.
    """
    frame = np.array(frame_size, np.float32)
    size = np.clip(boxes[:, 2:], np.minimum(1, last[:, 2:]), np.maximum(frame, last[:, 2:]))
    low, high = -size / 2, frame + size / 2
    centre = np.clip(boxes[:, :2], np.minimum(low, last[:, :2]), np.maximum(high, last[:, :2]))
    return np.concatenate([centre, size], axis=1).astype(np.float32)
