"""What the engines of SiamFC and SiamMT share: their targets, and how these move."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mvot_plugin.engines.network import NetworkTargets
from mvot_plugin.runtimes.base import Array
from mvot_plugin.types import CXCYWH

__all__ = ["STAGES", "CorrelationTargets"]

STAGES = "crop-and-resize", "backbone", "similarity", "update"
"""The stages of SiamMT and of SiamFC-MI (SiamMT 4.4, Fig. 10); a similarity includes the search for
its peak, and an update is what else there is to do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CorrelationTargets(NetworkTargets):
    """Boxes and the exemplars' features, as they are correlated with search areas."""

    exemplars: Array
    """Features (N, k, k, C) of K x K cells for each exemplar."""

    def displace(
        self, shift: Float32[np.ndarray, "n 2"], growth: Float32[np.ndarray, " n"]
    ) -> Float32[CXCYWH, " n"]:
        """The boxes with centres moved by ``shift`` pixels, and ``growth`` times as large."""
        last = self.last
        size = last[:, 2:] * growth[:, None]
        return np.concatenate([last[:, :2] + shift, size], axis=1).astype(np.float32)
