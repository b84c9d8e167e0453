"""Growth of targets from the similarity of their exemplars to windows of several sizes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

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
        self, similarity: Float32[np.ndarray, "n s d d"], grown: Float32[np.ndarray, " n"]
    ) -> Float32[np.ndarray, " n"]:
        """Estimate the ratio of each target's size to its last one.

        Args:
            similarity: That of S windows at D x D offsets; offsets are summed over.
            grown: The logarithm of the ratio of the last size to that of the exemplar.

        Returns:
            N ratios.
        """
        above = similarity - similarity.max((1, 2, 3), keepdims=True)
        odds = np.exp(self.sharpness * above).sum((2, 3))
        expected = odds @ np.log(self.sizes) / odds.sum(1)
        correction = np.clip(self.bias[0] + self.pull * grown, *self.bias)
        return np.asarray(np.exp(self.damping * (expected + correction)), np.float32)
