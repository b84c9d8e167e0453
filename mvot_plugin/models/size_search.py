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
    than the likeliest one, and changes nothing where nothing is told. ``damping`` is how much of a
    change is taken.

    Features of whole frames are not those of rescaled images: what has grown since its exemplar was
    taken is told too small, and more so the more it has grown. The logarithm is given back
    ``bias[0]``, and of the growth ``pull`` times its logarithm, up to ``bias[1]`` together; more
    would feed on itself where windows do not tell.
    """

    sizes: tuple[float, ...] = (0.89, 0.945, 1.0, 1.06, 1.12)
    sharpness: float = 60.0
    bias: tuple[float, float] = (0.01, 0.04)
    pull: float = 0.1
    damping: float = 0.5

    def growth(
        self, alike: Float[Tensor, "n s d d"], grown: Float32[np.ndarray, " n"]
    ) -> Float32[np.ndarray, " n"]:
        """How many times as large each target is as it was; D x D places count as one.

        ``grown`` is the logarithm of how many times as large it was as its exemplar.
        """
        likely = torch.softmax(self.sharpness * alike.float().flatten(1), dim=1).view(alike.shape)
        logarithms = torch.tensor(self.sizes, device=alike.device).log()
        expected = (likely.sum((2, 3)) @ logarithms).cpu().numpy()
        missing = np.clip(self.bias[0] + self.pull * grown, *self.bias)
        return np.exp(self.damping * (expected + missing)).astype(np.float32)
