"""Crop-and-resize of squares from maps of features, on CPUs without torch."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.ops.geometry import FIRST_CELL
from mvot_plugin.types import XYXY

__all__ = ["crop_maps"]


def crop_maps(
    maps: Sequence[Float32[np.ndarray, "_ _ c"]],
    squares: Float32[XYXY, " n"],
    which: Int64[np.ndarray, " n"],
    bins: int,
    stride: int,
) -> Float32[np.ndarray, "n bins bins c"]:
    """Crop N squares in pixels, each from its map, as ``bins`` x ``bins`` bins of C features.

    One bilinear sample at the centre of each bin. Samples up to a cell outside the map take the
    nearest cell, those further outside are 0 (as in ``roi_crop``, which does it for tensors).
    """
    crops = np.empty((len(squares), bins, bins, maps[0].shape[2]), np.float32)
    sizes = np.array([m.shape[1::-1] for m in maps])[which]
    steps = (np.arange(bins) + 0.5) / bins
    cells = [
        (squares[:, axis, None] * (1 - steps) + squares[:, axis + 2, None] * steps - FIRST_CELL)
        / stride
        for axis in (0, 1)
    ]
    columns, rows = (_bilinear_taps(c, sizes[:, axis]) for axis, c in enumerate(cells))
    for n, number in enumerate(which):
        _crop_map(maps[number], *(taps[n] for taps in (*columns, *rows)), out=crops[n])
    return crops


def _crop_map(
    cells: Float32[np.ndarray, "h w c"],
    left: Int64[np.ndarray, " bins"],
    right: Int64[np.ndarray, " bins"],
    x_weights: Float32[np.ndarray, "2 bins"],
    top: Int64[np.ndarray, " bins"],
    bottom: Int64[np.ndarray, " bins"],
    y_weights: Float32[np.ndarray, "2 bins"],
    *,
    out: Float32[np.ndarray, "bins bins c"],
) -> None:
    """Interpolate down the columns, then across."""
    first = left[0]
    needed = cells[:, first : right[-1] + 1]
    lines = needed[top] * y_weights[0, :, None, None]
    lines += needed[bottom] * y_weights[1, :, None, None]
    np.multiply(lines[:, left - first], x_weights[0, :, None], out=out)
    out += lines[:, right - first] * x_weights[1, :, None]


def _bilinear_taps(
    positions: Float[np.ndarray, "n bins"], count: Int64[np.ndarray, " n"]
) -> tuple[
    Int64[np.ndarray, "n bins"], Int64[np.ndarray, "n bins"], Float32[np.ndarray, "n 2 bins"]
]:
    """The two of ``count`` cells that each position lies between, and their weights."""
    last = (count - 1)[:, None]
    is_inside = (positions >= -1) & (positions <= last + 1)
    positions = np.clip(positions, 0, last)
    low = positions.astype(np.int64)
    share = positions - low
    weights = np.stack([1 - share, share], axis=1) * is_inside[:, None]
    return low, np.minimum(low + 1, last), weights.astype(np.float32)
