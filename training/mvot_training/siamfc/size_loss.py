"""The loss that trains SiamMT to estimate sizes from the similarity of windows."""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["size_loss"]

SHARPNESS = 40.0
"""Logits of the sizes per unit of similarity."""
SPREAD = 0.04
"""Standard deviation of the logarithm of the right size: boxes themselves are no more exact."""


def size_loss(similarity: Float[Tensor, "n s"], growth: Float[Tensor, "n s"]) -> Float[Tensor, ""]:
    """The cross-entropy of choosing among S sizes of N targets by the similarity of windows.

    The target distribution is a Gaussian of the logarithmic ``growth`` from each size to the
    target's. The paper trains only tolerance of wrong sizes (SiamMT 3.3): its features are those of
    the frame, whatever the search area, and distinguish sizes less well than those of rescaled
    images do.
    """
    target = torch.softmax(-((growth / SPREAD) ** 2) / 2, dim=1)
    predicted = torch.log_softmax(SHARPNESS * similarity, dim=1)
    return -(target * predicted).sum() / max(len(similarity), 1)
