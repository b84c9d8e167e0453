"""Masks that lower scores where the other targets of a frame are: SiamMOTION's distractor model."""

import math

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.types import CXCYWH, XYXY

__all__ = ["distractor_masks"]

CANONICAL_SEARCH_SIDE = 255
"""Side in pixels of SiamFC's search area."""
MIN_WINDOW_CELLS = 3.0
"""Cells that a distractor's window spans at least: fewer leave no cell between its zeros."""
BATCH_OF_PAIRS = 4096
"""Pairs of a target and a distractor in one batch, which bounds memory."""


def distractor_masks(
    areas: Float32[XYXY, " n"],
    frame_size: tuple[int, int],
    *,
    cells: int = 25,
    scale: float = 0.1,
    squares: Float32[XYXY, " n"] | None = None,
) -> Float32[np.ndarray, "n cells cells"]:
    """Masks of each target's search area, from 1 where no other target is to 0 on one of them.

    ``areas`` are N search areas in pixels of a frame of (width, height) pixels, in whose middles
    the targets are; the cells of the masks are the bins of ``squares``, if they are not those of
    the areas. The global window has ceil(``cells`` * frame / 255) cells; in it each target d is a
    window G_d (Eq. 4) of ``scale`` times its search area, at least ``MIN_WINDOW_CELLS`` cells, and
    R_p = min over d != p of crop(G_d, A_p) (Eq. 5). Windows are not cut off at the frame's edge.

    G is never computed as a whole: a window is the product of two profiles, and so is its bilinear
    crop. So only pairs of a window and an area that overlap take time.
    """
    per_pixel = [
        math.ceil(cells * pixels / CANONICAL_SEARCH_SIDE) / pixels for pixels in frame_size
    ]
    in_cells = np.tile(np.array(per_pixel, np.float32), 2)
    boxes = xyxy_to_cxcywh(areas) * in_cells
    sampled = boxes if squares is None else xyxy_to_cxcywh(squares) * in_cells
    window = np.maximum(boxes[:, 2:] * np.float32(scale), MIN_WINDOW_CELLS)
    masks = np.ones((len(areas), cells, cells), np.float32)
    pairs = _find_overlapping_pairs(sampled, boxes, window)
    for begin in range(0, len(pairs), BATCH_OF_PAIRS):
        p, d = pairs[begin : begin + BATCH_OF_PAIRS].T
        across, down = (
            _sample_profile(sampled[p][:, [axis, axis + 2]], boxes[d, axis], window[d, axis], cells)
            for axis in (0, 1)
        )
        windows = down[:, :, None] * across[:, None, :]
        covered, first = np.unique(p, return_index=True)
        strongest = np.maximum.reduceat(windows, first, axis=0)
        masks[covered] = np.minimum(masks[covered], 1 - strongest)
    return masks


def _find_overlapping_pairs(
    sampled: Float32[CXCYWH, " n"],
    boxes: Float32[CXCYWH, " n"],
    window: Float32[np.ndarray, "n 2"],
) -> Int64[np.ndarray, "pairs 2"]:
    """Pairs (p, d) of a target and another whose window may reach into the target's area."""
    pairs = [np.empty((0, 2), np.int64)]
    for p, area in enumerate(sampled):
        distance = np.abs(boxes[:, :2] - area[:2])
        near = (distance < (area[2:] + window) / 2 + 1).all(1)
        near[p] = False
        d = np.flatnonzero(near)
        pairs.append(np.stack([np.full_like(d, p), d], axis=1))
    return np.concatenate(pairs)


def _sample_profile(
    area: Float32[np.ndarray, "n 2"],
    window_centre: Float32[np.ndarray, " n"],
    window_side: Float32[np.ndarray, " n"],
    cells: int,
) -> Float32[np.ndarray, "n cells"]:
    """A window's profile along one axis, sampled linearly at the ``cells`` bins of an area.

    An area is its (centre, side) along the axis.
    """
    steps = (np.arange(cells, dtype=np.float32) + 0.5) / cells - 0.5
    positions = area[:, :1] + area[:, 1:] * steps - 0.5
    low = np.floor(positions)
    below, above = (_window_profile(i, window_centre, window_side) for i in (low, low + 1))
    return np.asarray(below + (above - below) * (positions - low))


def _window_profile(
    i: Float[np.ndarray, "n cells"], centre: Float[np.ndarray, " n"], side: Float[np.ndarray, " n"]
) -> Float32[np.ndarray, "n cells"]:
    """One factor of Eq. 4, squared, at the cells ``i`` of the global window; 0 outside the window.

    The window ends where the sine returns to 0, a cell before the "A_w / 2" of Eq. 4, which for
    windows of a few cells would run into the sine's next half-wave.
    """
    offset = i - (centre - side / 2)[:, None]
    value = np.sin(math.pi * offset / (side[:, None] - 1)) ** 2
    inside = (offset >= 0) & (offset <= side[:, None] - 1)
    return np.where(inside, value, 0).astype(np.float32)
