"""What the engines know of their targets: a value that the caller owns."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from mvot_plugin.engines.network import NetworkTargets

__all__ = ["SiameseTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SiameseTargets(NetworkTargets):
    """Boxes, masks of SiamAttn, and what the network keeps of the templates (``Templates``)."""

    octaves: Int64[np.ndarray, " n"]
    """The scales that the targets are looked at on."""
