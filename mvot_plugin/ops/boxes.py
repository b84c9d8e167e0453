"""Arithmetic on arrays of boxes, and the conversions between their layouts."""

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.types import CXCYWH, LTWH, XYXY

__all__ = [
    "area",
    "buffered_iou",
    "clip_boxes",
    "covered_fraction",
    "cxcywh_to_xyxy",
    "inside_fraction",
    "intersection",
    "iou",
    "size",
    "xyxy_to_cxcywh",
    "xyxy_to_ltwh",
]


def xyxy_to_ltwh(boxes: Float[XYXY, " n"]) -> Float[LTWH, " n"]:
    """Convert (x0, y0, x1, y1) to (left, top, width, height), with the same origin."""
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def xyxy_to_cxcywh(boxes: Float[XYXY, " n"]) -> Float[CXCYWH, " n"]:
    """Convert (x0, y0, x1, y1) to (centre x, centre y, width, height)."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def cxcywh_to_xyxy(boxes: Float[CXCYWH, " n"]) -> Float[XYXY, " n"]:
    """Convert (centre x, centre y, width, height) to (x0, y0, x1, y1)."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def area(boxes: Float[XYXY, " n"]) -> Float[np.ndarray, " n"]:
    """Area in square pixels, 0 for boxes of negative size."""
    return np.asarray(np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1))


def size(boxes: Float[XYXY, " n"]) -> Float[np.ndarray, " n"]:
    """The geometric mean of width and height, in pixels."""
    return np.asarray(np.sqrt(area(boxes)))


def intersection(a: Float[XYXY, " n"], b: Float[XYXY, " m"]) -> Float[np.ndarray, "n m"]:
    """Area that each box of ``a`` shares with each box of ``b``, in square pixels."""
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    return np.asarray(np.maximum(width, 0) * np.maximum(height, 0))


def iou(a: Float[XYXY, " n"], b: Float[XYXY, " m"]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of each box of ``a`` with each of ``b``; 0 for empty boxes."""
    shared = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def buffered_iou(
    a: Float[XYXY, " n"], b: Float[XYXY, " m"], margin: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n m"]:
    """IoU after both boxes grow on every side by the row's ``margin`` times their own size."""
    shared = _shared_length(a[:, 0::2], b[:, 0::2], margin) * _shared_length(
        a[:, 1::2], b[:, 1::2], margin
    )
    union = (area(a)[:, None] + area(b)[None, :]) * ((1 + 2 * margin) ** 2)[:, None] - shared
    return np.asarray(shared / np.where(union > 0, union, 1))


def _shared_length(
    a: Float[np.ndarray, "n 2"], b: Float[np.ndarray, "m 2"], margin: Float[np.ndarray, " n"]
) -> Float[np.ndarray, "n m"]:
    """The length of the overlap of intervals after both grow by the row's margin."""
    grow_a = (a[:, 1] - a[:, 0]) * margin
    grow_b = margin[:, None] * (b[:, 1] - b[:, 0])
    low = np.maximum((a[:, 0] - grow_a)[:, None], b[:, 0] - grow_b)
    high = np.minimum((a[:, 1] + grow_a)[:, None], b[:, 1] + grow_b)
    return np.asarray(np.maximum(high - low, 0))


def covered_fraction(boxes: Float[XYXY, " n"]) -> Float[np.ndarray, " n"]:
    """The largest share of each box that another box in front of it covers, 0..1.

    On common ground, what reaches lower in the image is nearer to the camera.
    """
    in_front = boxes[None, :, 3] > boxes[:, None, 3]
    shared = np.where(in_front, intersection(boxes, boxes), 0).max(1, initial=0)
    total = area(boxes)
    return np.asarray(shared / np.where(total > 0, total, 1))


def inside_fraction(
    boxes: Float32[XYXY, " n"], image_size: tuple[int, int]
) -> Float32[np.ndarray, " n"]:
    """The share of each box that lies in an image of ``(width, height)`` pixels."""
    image = np.array([[0, 0, *image_size]], np.float32)
    total = area(boxes)
    return intersection(boxes, image)[:, 0] / np.where(total > 0, total, 1)


def clip_boxes(
    boxes: Float32[CXCYWH, " n"],
    last: Float32[CXCYWH, " n"],
    frame_size: tuple[int, int],
) -> Float32[CXCYWH, " n"]:
    """Limit boxes to sides from one pixel to those of the frame, and to positions that touch it.

    A box may still be as small, as large or as far outside as its ``last`` one was. ``frame_size``
    is (width, height) in pixels.
    """
    frame = np.array(frame_size, np.float32)
    size = np.clip(boxes[:, 2:], np.minimum(1, last[:, 2:]), np.maximum(frame, last[:, 2:]))
    low, high = -size / 2, frame + size / 2
    centre = np.clip(boxes[:, :2], np.minimum(low, last[:, :2]), np.maximum(high, last[:, :2]))
    return np.concatenate([centre, size], axis=1).astype(np.float32)
