"""The rectangles of a feature map that hold the cells which areas sample."""

import numpy as np
from jaxtyping import Float32, Float64, Int64

__all__ = ["merge_rectangles", "sampled_cell_range"]


def sampled_cell_range(
    intervals: Float32[np.ndarray, "n 2"], bins: int, stride: int, origin: float, cells: int
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """The first and the last of ``cells`` that bilinear samples of an interval read.

    Samples lie at the centres of ``bins`` equal parts; cell i at ``origin + i * stride``. Rounding
    in single precision is allowed for.
    """
    low, high = intervals.astype(np.float64).T
    half_a_bin = (high - low) / bins / 2
    rounding = 4 * np.finfo(np.float32).eps * np.maximum(np.abs(low), np.abs(high)) / stride
    slack, edge = 1e-3 + rounding, cells - 1
    first = np.floor((low + half_a_bin - origin) / stride - slack)
    last = np.floor((high - half_a_bin - origin) / stride + slack) + 1
    return (
        np.clip(first, 0, edge).astype(np.int64),
        np.clip(last, min(1, edge), edge).astype(np.int64),
    )


def merge_rectangles(
    rectangles: Int64[np.ndarray, "n 4"], margin: float
) -> Int64[np.ndarray, "m 4"]:
    """Merge rectangles (x0, y0, x1, y1) greedily, where that costs no more.

    Two are replaced by the rectangle around both. The cost of a rectangle is its area after it has
    grown by ``margin`` in width and in height. The result covers all N rectangles.
    """
    merged = rectangles[:0]
    for rectangle in rectangles:
        inside = (merged[:, :2] <= rectangle[:2]) & (merged[:, 2:] >= rectangle[2:])
        if inside.all(1).any():
            continue
        while len(merged):
            low, high = np.minimum(merged, rectangle), np.maximum(merged, rectangle)
            bounding = np.hstack([low[:, :2], high[:, 2:]])
            saved = _cost(merged, margin) + _cost(rectangle, margin) - _cost(bounding, margin)
            best = saved.argmax()
            if saved[best] < 0:
                break
            rectangle, merged = bounding[best], np.delete(merged, best, axis=0)
        merged = np.vstack([merged, rectangle])
    return merged


def _cost(rectangles: Int64[np.ndarray, "*n 4"], margin: float) -> Float64[np.ndarray, "*n"]:
    sides = rectangles[..., 2:] - rectangles[..., :2] + margin
    return np.asarray(sides.prod(-1))
