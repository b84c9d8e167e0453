"""Platt scaling: from the logits of a network to the score of a motion."""

import numpy as np
from jaxtyping import Float, Float32, Float64

__all__ = ["calibrate_scores", "log_odds"]

SMALLEST_PROBABILITY = 1e-6
"""The least distance of a probability from 0 and 1, which single precision still resolves."""


def calibrate_scores(
    logits: Float[np.ndarray, " n"], slope: float, offset: float
) -> Float32[np.ndarray, " n"]:
    """Convert logits to calibrated probabilities, in 0..1, that boxes are right (Platt, 1999)."""
    largest = np.log(1 / SMALLEST_PROBABILITY - 1)
    calibrated = slope * np.clip(logits.astype(np.float64), -largest, largest) + offset
    return np.asarray(1 / (1 + np.exp(-calibrated)), np.float32)


def log_odds(probabilities: Float32[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Convert probabilities to log odds, limited by ``SMALLEST_PROBABILITY``."""
    clipped = np.clip(
        probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY
    )
    return np.asarray(np.log(clipped / (1 - clipped)))
