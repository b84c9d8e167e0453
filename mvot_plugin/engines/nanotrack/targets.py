"""What the engine `nanotrack` knows of its targets: a value that the caller owns."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from mvot_plugin.engines.network import NetworkTargets

__all__ = ["NanoTrackTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class NanoTrackTargets(NetworkTargets):
    """Boxes, and the kernels that search areas are compared with."""

    octaves: Int64[np.ndarray, " n"]
    """The scales that the targets are looked at on, where they share parts of the frame."""
