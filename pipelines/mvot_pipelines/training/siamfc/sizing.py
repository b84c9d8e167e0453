"""How SiamMT learns to tell sizes: of search areas of several scales, the right one stands out."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["size_loss"]

SHARPNESS = 4.0
"""How much clearer a choice has to be than the log odds that are compared."""
SPREAD = 0.04
"""How far a size may be off, in the logarithm, to be about right: boxes themselves are."""


def size_loss(
    odds: Float[Tensor, "n s h w"],
    near: Bool[Tensor, "n s h w"],
    truth: Float[Tensor, "n s 4"],
    usual: float,
) -> Float[Tensor, ""]:
    """The cross-entropy of choosing among S scales by the peak of the log odds ``near`` a target.

    A scale is as right as the target's side in that search area, the root of its area, is near the
    ``usual`` one. Pairs whose target is out of sight at some scale do not count. SiamMT trains
    tolerance for wrong scales only (3.3): its features are the frame's, whatever the search area,
    and do not tell sizes by themselves.
    """
    seen = near.flatten(2).any(2).all(1)
    peaks = odds.masked_fill(~near, -math.inf).amax((2, 3))[seen]
    growth = (truth[seen, :, 2:].log().mean(2) - math.log(usual)) / SPREAD
    wanted = torch.softmax(-(growth**2) / 2, dim=1)
    chosen = torch.log_softmax(SHARPNESS * peaks, dim=1)
    return -(wanted * chosen).sum() / seen.sum().clamp(min=1)
