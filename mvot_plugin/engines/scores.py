"""What a network's log odds are worth as the score of a motion."""

import numpy as np
from jaxtyping import Float, Float32, Float64

__all__ = ["certain", "log_odds"]

ALMOST_NEVER = 1e-6
"""The least probability; that of a target cannot be told from 1 in single precision beyond it."""


def certain(
    odds: Float[np.ndarray, " n"], slope: float, offset: float
) -> Float32[np.ndarray, " n"]:
    """How surely boxes are right, in 0..1, of the log odds that there is the target."""
    most = np.log(1 / ALMOST_NEVER - 1)
    likely = slope * np.clip(odds.astype(np.float64), -most, most) + offset
    return np.asarray(1 / (1 + np.exp(-likely)), np.float32)


def log_odds(likely: Float32[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """The log odds of probabilities."""
    clipped = np.clip(likely.astype(np.float64), ALMOST_NEVER, 1 - ALMOST_NEVER)
    return np.asarray(np.log(clipped / (1 - clipped)))
