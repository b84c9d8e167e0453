"""Sparse Lucas-Kanade flow of N boxes at once: corners, forward-backward flow, shift and scale.

Points are (n, points, 2) in pixels: the same number for each of the N boxes, with a mask.
"""

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from mvot_plugin.ops.boxes import intersection, xyxy_to_cxcywh
from mvot_plugin.types import XYXY

__all__ = [
    "estimate_shift_and_scale",
    "find_corners",
    "find_occluded_points",
    "forward_backward_flow",
    "masked_median",
]

Boxes = Float32[XYXY, " n"]
Image = UInt8[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "n points"]
Points = Float32[np.ndarray, "n points 2"]

_CELL = 4
"""Candidates along a cell's side; the best corner of a cell is taken."""
_MARGIN = 2
"""Candidates around the patch that are sampled for the gradients only."""


def find_corners(grey: Image, boxes: Boxes, *, cells: int, inner: float) -> tuple[Points, Mask]:
    """Find the best corner in each of ``cells`` squared cells on the ``inner`` share of each box.

    The quality of a corner is the smaller eigenvalue of the gradient matrix (Shi and Tomasi). All
    boxes are resampled to patches of one size and measured in one call. The mask is false in cells
    without texture and for points outside the image.
    """
    side = cells * _CELL
    patches, xs, ys = _sample_patches(grey, boxes, side, inner)
    quality = cv2.cornerMinEigenVal(patches, blockSize=3)
    quality = np.asarray(quality).reshape(len(boxes), side + 2 * _MARGIN, side + 2 * _MARGIN)
    quality = quality[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    quality = quality.reshape(len(boxes), cells, _CELL, cells, _CELL).transpose(0, 1, 3, 2, 4)
    quality = quality.reshape(len(boxes), cells**2, _CELL**2)
    best = quality.argmax(2)
    row, column = np.divmod(np.arange(cells**2), cells)
    rows = np.arange(len(boxes))[:, None]
    x = xs[rows, column * _CELL + best % _CELL + _MARGIN]
    y = ys[rows, row * _CELL + best // _CELL + _MARGIN]
    points = np.stack([x, y], axis=2)
    limits = np.array([grey.shape[1] - 1, grey.shape[0] - 1])
    inside = ((points >= 0) & (points <= limits)).all(2)
    return points, inside & (quality.max(2) > 1e-6)


def find_occluded_points(points: Points, boxes: Boxes) -> Mask:
    """True for points of a box that lie in another box which reaches lower in the image.

    On common ground, what reaches lower is nearer to the camera and occludes what is behind it.
    """
    nearer = (intersection(boxes, boxes) > 0) & (boxes[None, :, 3] > boxes[:, None, 3])
    occluded = np.zeros(points.shape[:2], np.bool_)
    for other in np.flatnonzero(nearer.any(0)):
        rows = np.flatnonzero(nearer[:, other])
        x, y = np.moveaxis(points[rows], 2, 0)
        x0, y0, x1, y1 = boxes[other]
        occluded[rows] |= (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    return occluded


def forward_backward_flow(
    before: Image,
    after: Image,
    points: Points,
    expected: Float[np.ndarray, "n 1 2"],
    tracked: Mask,
    *,
    window: int,
    levels: int,
    return_error: float,
) -> tuple[Points, Mask]:
    """Track points to the next image and back; true for those that return to where they were.

    A point may return ``return_error`` pixels off. The search starts at the ``expected`` shift of
    each box (pixels). Kalal et al.,
    "Forward-Backward Error: Automatic Detection of Tracking Failures", ICPR 2010.
    """
    arrived, returned = points.copy(), tracked.copy()
    if not tracked.any():
        return arrived, returned
    start = points[tracked]
    guess = (points + expected).astype(np.float32)[tracked]
    ahead, found = _lucas_kanade(before, after, start, guess, window, levels)
    back, found_back = _lucas_kanade(after, before, ahead, start, window, levels)
    arrived[tracked] = ahead
    near = np.linalg.norm(back - start, axis=1) <= return_error
    returned[tracked] = found & found_back & near
    return arrived, returned


def estimate_shift_and_scale(
    points: Points, arrived: Points, returned: Mask, *, least: int, scale_limit: float
) -> tuple[Float32[np.ndarray, "n 2"], Float32[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """The median shift (pixels) and the change of size of each box, and how many points agree.

    Points whose flow is far from the median of their box are left out. The change of size is that
    of the points' distances from the middle, at most ``scale_limit``, and 1 where fewer than
    ``least`` points lie far enough from the middle.
    """
    flow = arrived - points
    spread = np.linalg.norm(flow - masked_median(flow, returned)[:, None], axis=2)
    tolerance = np.maximum(2.0, 2 * masked_median(spread[:, :, None], returned))
    agree = returned & (spread <= tolerance)
    before = points - masked_median(points, agree)[:, None]
    after = arrived - masked_median(arrived, agree)[:, None]
    length = np.linalg.norm(before, axis=2)
    far = agree & (length > 0.5 * masked_median(length[:, :, None], agree)) & (length > 2)
    ratio = np.linalg.norm(after, axis=2) / np.maximum(length, 1)
    scale = np.where(far.sum(1) >= least, masked_median(ratio[:, :, None], far)[:, 0], 1)
    scale = np.clip(scale, 1 - scale_limit, 1 + scale_limit).astype(np.float32)
    return masked_median(flow, agree), scale, agree.sum(1)


def masked_median(values: Float[np.ndarray, "n points d"], mask: Mask) -> Float[np.ndarray, "n d"]:
    """The median over the masked points of each row; 0 where there are none."""
    ordered = np.sort(np.where(mask[:, :, None], values, np.inf), axis=1)
    count = mask.sum(1)
    rows = np.arange(len(values))
    low = ordered[rows, np.maximum(count - 1, 0) // 2]
    high = ordered[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return np.where(count[:, None] > 0, (low + high) / 2, 0).astype(values.dtype)


def _sample_patches(
    grey: Image, boxes: Boxes, side: int, inner: float
) -> tuple[UInt8[np.ndarray, "_ _"], Float32[np.ndarray, "n _"], Float32[np.ndarray, "n _"]]:
    """The inner part of each box resampled to a square patch, stacked, and the sampled x and y."""
    steps = (np.arange(-_MARGIN, side + _MARGIN) + 0.5) / side - 0.5
    boxes_cxcywh = xyxy_to_cxcywh(boxes)
    xs = (boxes_cxcywh[:, 0, None] + inner * boxes_cxcywh[:, 2, None] * steps).astype(np.float32)
    ys = (boxes_cxcywh[:, 1, None] + inner * boxes_cxcywh[:, 3, None] * steps).astype(np.float32)
    map_x = np.tile(xs, len(steps))
    map_y = np.repeat(ys, len(steps), axis=1)
    patches = np.asarray(cv2.remap(grey, map_x, map_y, cv2.INTER_LINEAR))
    return patches.reshape(-1, len(steps)), xs, ys


def _lucas_kanade(
    before: Image,
    after: Image,
    start: Float32[np.ndarray, "m 2"],
    guess: Float32[np.ndarray, "m 2"],
    window: int,
    levels: int,
) -> tuple[Float32[np.ndarray, "m 2"], Bool[np.ndarray, " m"]]:
    """Where the points ``start`` are in ``after``, searched from ``guess``; which were found."""
    arrived, found, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        start,
        guess.copy(),
        winSize=(window, window),
        maxLevel=levels,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return np.asarray(arrived), np.asarray(found).astype(np.bool_)[:, 0]
