"""From how alike windows of several sizes are to how much each target has grown."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

__all__ = ["SizeSearch"]


@dataclass(frozen=True, kw_only=True)
class SizeSearch:
    """How a change of size is read off similarities.

    Windows are tried at these ``sizes``, relative to a target's. How alike they are to its
    exemplar, times ``sharpness``, are log odds: the size that is to be expected by them tells more
    than the likeliest one, and changes nothing where nothing is told. ``bias`` is how much too
    small, in the logarithm, targets are told that come nearer: features of whole frames are not
    those of rescaled images. ``damping`` is how much of a change is taken.
    """

    sizes: tuple[float, ...] = (0.89, 0.945, 1.0, 1.06, 1.12)
    sharpness: float = 40.0
    bias: float = 0.03
    damping: float = 0.5

    def growth(self, alike: Float[Tensor, "n s d d"]) -> Float32[np.ndarray, " n"]:
        """How many times as large each target is as it was; D x D places count as one."""
        likely = torch.softmax(self.sharpness * alike.float().flatten(1), dim=1).view(alike.shape)
        logarithms = torch.tensor(self.sizes, device=alike.device).log()
        expected = likely.sum((2, 3)) @ logarithms
        grown: Float32[np.ndarray, " n"] = (
            torch.exp(self.damping * (expected + self.bias)).cpu().numpy()
        )
        return grown
