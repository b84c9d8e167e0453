"""Which tiles, or which rectangles, of a feature map hold the cells that areas will sample."""

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

__all__ = ["merged", "needed_tiles", "touched"]


def needed_tiles(
    areas: Float32[np.ndarray, "n 4"],
    *,
    bins: int,
    tile: int,
    stride: int,
    origin: float,
    size: tuple[int, int],
) -> Bool[np.ndarray, "rows columns"]:
    """True for tiles of ``tile`` x ``tile`` cells that ``roi_crop`` reads for (N, 4) ``areas``.

    The map has ``size`` = (columns, rows) of cells; cell i lies ``origin + i * stride`` pixels from
    the edge. Areas outside the map are given the tiles at its edge, where their samples are moved.
    """
    columns, rows = (-(-cells // tile) for cells in size)
    x0, x1 = touched(areas[:, 0::2], bins, stride, origin, size[0])
    y0, y1 = touched(areas[:, 1::2], bins, stride, origin, size[1])
    corners = np.zeros((rows + 1, columns + 1), np.int64)
    for y, x, sign in (
        (y0 // tile, x0 // tile, 1),
        (y0 // tile, x1 // tile + 1, -1),
        (y1 // tile + 1, x0 // tile, -1),
        (y1 // tile + 1, x1 // tile + 1, 1),
    ):
        np.add.at(corners, (y, x), sign)
    return np.asarray(corners.cumsum(0).cumsum(1)[:-1, :-1] > 0)


def touched(
    intervals: Float32[np.ndarray, "n 2"], bins: int, stride: int, origin: float, cells: int
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """The first and the last of ``cells`` that samples of each interval touch, one to spare.

    They are the centres of ``bins`` parts; cell i lies ``origin + i * stride`` from the edge.
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


def merged(rectangles: Int64[np.ndarray, "n 4"], margin: float) -> Int64[np.ndarray, "m 4"]:
    """Fewer rectangles (xyxy) with all that N rectangles hold, cheaper in sum.

    What one costs is its area with ``margin`` more in width and in height. Two become the one about
    both where that costs no more than they do.
    """
    parts = rectangles[:0]
    for one in rectangles:
        if ((parts[:, :2] <= one[:2]) & (parts[:, 2:] >= one[2:])).all(1).any():
            continue
        while len(parts):
            both = np.hstack([np.minimum(parts, one)[:, :2], np.maximum(parts, one)[:, 2:]])
            saved = _cost(parts, margin) + _cost(one, margin) - _cost(both, margin)
            best = saved.argmax()
            if saved[best] < 0:
                break
            one, parts = both[best], np.delete(parts, best, axis=0)
        parts = np.vstack([parts, one])
    return parts


def _cost(rectangles: Int64[np.ndarray, "*n 4"], margin: float) -> Float64[np.ndarray, "*n"]:
    sides = rectangles[..., 2:] - rectangles[..., :2] + margin
    return np.asarray(sides.prod(-1))
