"""How SiamMT learns to tell sizes: of windows of several sizes, the right one is most alike."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["size_loss"]

SHARPNESS = 40.0
"""How much more likely a size is whose windows are more alike, in the logarithm."""
SPREAD = 0.04
"""How far a size may be off, in the logarithm, to be about right: boxes themselves are."""


def size_loss(alike: Float[Tensor, "n s"], growth: Float[Tensor, "n s"]) -> Float[Tensor, ""]:
    """The cross-entropy of choosing among S sizes of N targets by how alike windows are.

    A size is as right as a target's ``growth`` from it is near to none. SiamMT trains tolerance of
    wrong sizes only (3.3): its features are the frame's, whatever the search area, and do not tell
    sizes by themselves as well as those of rescaled images do.
    """
    wanted = torch.softmax(-((growth / SPREAD) ** 2) / 2, dim=1)
    chosen = torch.log_softmax(SHARPNESS * alike, dim=1)
    return -(wanted * chosen).sum() / max(len(alike), 1)
