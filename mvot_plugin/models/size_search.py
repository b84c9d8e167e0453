"""Growth of targets from the similarity of their exemplars to windows of several sizes."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

__all__ = ["SizeSearch"]


@dataclass(frozen=True, kw_only=True)
class SizeSearch:
    """Estimation of the change of size from similarities.

    The estimate is the expected logarithm of the size under a softmax over all windows. It is more
    precise than the most similar window, and no change where all are equally similar.

    Features of whole frames differ from those of rescaled images: a target that has grown since its
    exemplar was taken is estimated too small, and the more so the more it has grown. A bias
    corrects that. It is limited, as it would amplify itself where the windows are uninformative.
    """

    sizes: tuple[float, ...] = (0.89, 0.945, 1.0, 1.06, 1.12)
    """Sizes of the windows, relative to the target's."""
    sharpness: float = 60.0
    """Factor of similarities in the softmax."""
    bias: tuple[float, float] = (0.01, 0.04)
    """The least and the largest correction of the logarithm of the size."""
    pull: float = 0.1
    """Further correction, relative to the logarithm of the growth since the exemplar was taken."""
    damping: float = 0.5
    """Share of an estimated change that is taken."""

    def estimate_growth(
        self, similarity: Float[Tensor, "n s d d"], grown: Float32[np.ndarray, " n"]
    ) -> Float32[np.ndarray, " n"]:
        """Estimate the ratio of each target's size to its last one.

        ``similarity`` is that of S windows at D x D offsets; offsets are summed over. ``grown`` is
        the logarithm of the ratio of the last size to that of the exemplar.
        """
        flat = self.sharpness * similarity.float().flatten(1)
        probability = torch.softmax(flat, dim=1).view(similarity.shape)
        logarithms = torch.tensor(self.sizes, device=similarity.device).log()
        expected = (probability.sum((2, 3)) @ logarithms).cpu().numpy()
        correction = np.clip(self.bias[0] + self.pull * grown, *self.bias)
        return np.exp(self.damping * (expected + correction)).astype(np.float32)
