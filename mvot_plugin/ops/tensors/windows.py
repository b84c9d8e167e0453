"""Penalties of score maps: Hann window, shape penalty, erosion (SiamMOTION 3.3.2)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

__all__ = ["erode", "hann_window", "shape_penalty"]


def hann_window(cells: int, device: torch.device | str = "cpu") -> Float[Tensor, "cells cells"]:
    """The product of two Hann windows: 1 in the middle of an odd number of cells, 0 at the edge."""
    line = torch.hann_window(cells, periodic=False, device=device)
    return line[:, None] * line


def shape_penalty(
    sizes: Float[Tensor, "*n 2"], last: Float[Tensor, "*m 2"], strength: float | Float[Tensor, ""]
) -> Float[Tensor, "*k"]:
    """Factors in 0..1 for proposals of (w, h) ``sizes`` after ``last`` ones, broadcast (Eq. 3).

    exp(-β (max(r/r', r'/r) max(s/s', s'/s) - 1)), where r is the aspect ratio, s the overall scale
    sqrt((w + p) (h + p)) with p = (w + h) / 2 (SiamRPN), and β is ``strength``.
    """
    aspect = _symmetric_ratio(sizes[..., 0] / sizes[..., 1], last[..., 0] / last[..., 1])
    return torch.exp(
        -strength * (aspect * _symmetric_ratio(_overall_scale(sizes), _overall_scale(last)) - 1)
    )


def erode(scores: Float[Tensor, "n k h w"]) -> Float[Tensor, "n k h w"]:
    """Grey erosion: the minimum of the 3 x 3 neighbours, in each anchor's map by itself.

    It removes isolated peaks (SiamMOTION 3.3.2, morphological penalisation). Neighbours outside a
    map are ignored.
    """
    return -F.max_pool2d(-scores, kernel_size=3, stride=1, padding=1)


def _symmetric_ratio(now: Float[Tensor, "*n"], last: Float[Tensor, "*m"]) -> Float[Tensor, "*k"]:
    ratio = now / last
    return torch.maximum(ratio, 1 / ratio)


def _overall_scale(sizes: Float[Tensor, "*n 2"]) -> Float[Tensor, "*n"]:
    margin = sizes.sum(-1, keepdim=True) / 2
    return (sizes + margin).prod(-1).sqrt()
