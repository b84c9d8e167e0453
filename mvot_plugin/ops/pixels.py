"""Images as networks take them."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

__all__ = ["normalised"]

MEAN = (123.675, 116.28, 103.53)
SPREAD = (58.395, 57.12, 57.375)
"""Of ImageNet's RGB images, as torchvision's backbones take them."""


def normalised(images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
    """BGR images as normalised RGB in single precision; channels stay last in memory."""
    mean, spread = (torch.tensor(values, device=images.device) for values in (MEAN, SPREAD))
    return ((images.flip(3).float() - mean) / spread).permute(0, 3, 1, 2)
