"""The score of a motion, from the log odds that a network gives."""

import numpy as np
from jaxtyping import Float, Float32, Float64

__all__ = ["calibrate_scores", "log_odds"]

SMALLEST_PROBABILITY = 1e-6
"""In single precision, a probability nearer to 1 than this can hardly be told from 1."""


def calibrate_scores(
    logits: Float[np.ndarray, " n"], slope: float, offset: float
) -> Float32[np.ndarray, " n"]:
    """The probability, in 0..1, that boxes are right, of the log odds of a target (Platt, 1999)."""
    largest = np.log(1 / SMALLEST_PROBABILITY - 1)
    calibrated = slope * np.clip(logits.astype(np.float64), -largest, largest) + offset
    return np.asarray(1 / (1 + np.exp(-calibrated)), np.float32)


def log_odds(probabilities: Float32[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """The log odds of probabilities."""
    clipped = np.clip(
        probabilities.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY
    )
    return np.asarray(np.log(clipped / (1 - clipped)))
