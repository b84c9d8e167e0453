"""What the other targets of a frame say about a score map: SiamMOTION's distractor model."""

import math

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from mvot_plugin.ops.boxes import xyxy_to_cxcywh

__all__ = ["distractor_masks"]

CANONICAL_AREA = 255
NARROWEST = 3.0
"""Cells that a distractor's window spans at least: fewer leave no cell between its zeros."""
PAIRS_AT_ONCE = 4096


def distractor_masks(
    areas: Float32[np.ndarray, "n 4"],
    frame_size: tuple[int, int],
    *,
    cells: int = 25,
    scale: float = 0.1,
    device: torch.device | str = "cpu",
) -> Float[Tensor, "n cells cells"]:
    """For each target, 1 where its search area is free of the others, to 0 on one of them.

    ``areas`` are the (N, 4) search areas in pixels of a frame of (width, height) pixels. The global
    window has ceil(``cells`` * frame / 255) cells; in it each target d is a window G_d (Eq. 4) of
    ``scale`` times its search area, at least ``NARROWEST`` cells, and R_p = min over d != p of
    crop(G_d, A_p) (Eq. 5). A window beyond the frame's edge hides what it covers there, too.

    G is never laid out: a window is a product of its two profiles, and so is its bilinear crop, so
    only pairs of a window and an area that meet cost anything, ``PAIRS_AT_ONCE`` at a time.
    """
    per_pixel = [math.ceil(cells * pixels / CANONICAL_AREA) / pixels for pixels in frame_size]
    centred = xyxy_to_cxcywh(areas) * np.tile(np.array(per_pixel, np.float32), 2)
    window = np.maximum(centred[:, 2:] * np.float32(scale), NARROWEST)
    hidden = torch.zeros(len(areas), cells, cells, device=device)
    pairs = _meeting(centred, window)
    for begin in range(0, len(pairs), PAIRS_AT_ONCE):
        p, d = pairs[begin : begin + PAIRS_AT_ONCE].T
        across, down = (
            _profile(
                torch.as_tensor(centred[p][:, [axis, axis + 2]], device=device),
                torch.as_tensor(centred[d, axis], device=device),
                torch.as_tensor(window[d, axis], device=device),
                cells,
            )
            for axis in (0, 1)
        )
        windows = down[:, :, None] * across[:, None, :]
        counts = torch.as_tensor(np.bincount(p, minlength=len(areas)), device=device)
        hides = torch.segment_reduce(windows, "max", lengths=counts, axis=0, initial=0)
        hidden = torch.maximum(hidden, hides)
    return 1 - hidden


def _meeting(
    centred: Float32[np.ndarray, "n 4"], window: Float32[np.ndarray, "n 2"]
) -> Int64[np.ndarray, "pairs 2"]:
    """Pairs (p, d) of a target and another whose window may reach into the target's area."""
    found = [np.empty((0, 2), np.int64)]
    for p, area in enumerate(centred):
        apart = np.abs(centred[:, :2] - area[:2])
        near = (apart < (area[2:] + window) / 2 + 1).all(1)
        near[p] = False
        d = np.flatnonzero(near)
        found.append(np.stack([np.full_like(d, p), d], axis=1))
    return np.concatenate(found)


def _profile(
    area: Float[Tensor, "n 2"],
    window_centre: Float[Tensor, " n"],
    window_side: Float[Tensor, " n"],
    cells: int,
) -> Float[Tensor, "n cells"]:
    """A window's profile along one axis, sampled linearly at the ``cells`` bins of an area.

    An area is its (centre, side) along the axis.
    """
    steps = (torch.arange(cells, device=area.device) + 0.5) / cells - 0.5
    at = area[:, :1] + area[:, 1:] * steps - 0.5
    low = at.floor()
    below, above = (_sine_squared(i, window_centre, window_side) for i in (low, low + 1))
    return below + (above - below) * (at - low)


def _sine_squared(
    i: Float[Tensor, "n cells"], centre: Float[Tensor, " n"], side: Float[Tensor, " n"]
) -> Float[Tensor, "n cells"]:
    """One factor of Eq. 4 at the global window's cells ``i``, squared; 0 outside the window.

    The window ends where the sine returns to 0, a cell before the "A_w / 2" of Eq. 4, which for
    windows of a few cells would run into the sine's next half-wave.
    """
    since = i - (centre - side / 2)[:, None]
    value = torch.sin(math.pi * since / (side[:, None] - 1)) ** 2
    return torch.where((since >= 0) & (since <= side[:, None] - 1), value, 0)
