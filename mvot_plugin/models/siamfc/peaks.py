"""The best scale, and the displacement, of targets from their score maps (SiamMT 3.1)."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

__all__ = ["choose_scale", "locate_peaks", "upsample_maps"]


def upsample_maps(
    maps: Float[Tensor, "*n k k"], interpolation: Float[Tensor, "up k"]
) -> Float[Tensor, "*n up up"]:
    """Upsample square score maps; interpolation is linear, hence two matrix products."""
    return interpolation @ maps @ interpolation.T


def choose_scale(
    maps: Float[Tensor, "n s up up"], factors: Float[Tensor, " s"]
) -> Int64[Tensor, " n"]:
    """The index of the scale with the highest peak above the lowest value of all maps.

    The heights of the peaks are multiplied by ``factors``.
    """
    heights = maps.amax((2, 3)) - maps.amin((1, 2, 3))[:, None]
    return (heights * factors).argmax(1)


def locate_peaks(
    maps: Float[Tensor, "n up up"], window: Float[Tensor, "up up"]
) -> tuple[Float[Tensor, "n 2"], Float[Tensor, " n"]]:
    """Find the peak of each upsampled map under a window, whose sum is its influence in 0..1.

    Returns:
        Positions (x, y) from the middle of the map, and the maps' values there.
    """
    side = maps.shape[-1]
    shares = maps - maps.amin((1, 2), keepdim=True)
    shares = shares / shares.sum((1, 2), keepdim=True).clamp(min=torch.finfo(maps.dtype).tiny)
    best = ((1 - window.sum()) * shares + window).flatten(1).argmax(1)
    x = best % side
    positions = torch.stack([x, (best - x) // side], dim=1) - (side - 1) / 2
    return positions, maps.flatten(1).gather(1, best[:, None])[:, 0]
