"""The settings of SiamMOTION's penalisation, and the damping of sizes after it."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

__all__ = ["Penalisation"]


@dataclass(frozen=True, kw_only=True)
class Penalisation:
    """The multi-object penalisation module (SiamMOTION 3.3.2), and the selection of boxes."""

    hann: float = 0.42
    """Influence of the Hann window: its share of the score."""
    shape: float = 0.05
    """Strength of the shape penalty: β of Eq. 3."""
    distractor: float = 0.01
    """Influence of the distractor masks: the share of the score that they may take."""
    distractor_scale: float = 0.1
    """Side of a distractor's window, in sides of its search area."""
    erosion: bool = True
    """Whether score maps are eroded."""
    vote_iou: float = 0.8
    """IoU with the best box from which others are averaged with it (box voting)."""
    size_damping: float = 0.18
    """Weight of a new size against the last, before score and shape penalty (SiamRPN)."""

    def single_object(self) -> "Penalisation":
        """The same without SiamMOTION's additions (P in Table 1), distractor masks and erosion."""
        return replace(self, distractor=0.0, erosion=False)

    def as_array(self) -> Float32[np.ndarray, "5"]:
        """The settings that the network's function "compare" takes."""
        values = self.hann, self.shape, self.distractor, self.vote_iou, self.erosion
        return np.array(values, np.float32)

    def damp_sizes(
        self,
        sizes: Float32[np.ndarray, "n 2"],
        last: Float32[np.ndarray, "n 2"],
        scores: Float32[np.ndarray, " n"],
        shapes: Float32[np.ndarray, " n"],
    ) -> Float32[np.ndarray, "n 2"]:
        """Move the last (w, h) of N targets towards those found, by score and shape penalty."""
        rate = np.clip(self.size_damping * scores * shapes, 0, 1)[:, None]
        return np.asarray(last + rate.astype(np.float32) * (sizes - last))
