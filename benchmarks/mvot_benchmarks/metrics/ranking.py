"""How well scores tell right answers from wrong ones."""

import math

import numpy as np
from jaxtyping import Bool, Float

__all__ = ["area_under_curve"]


def area_under_curve(scores: Float[np.ndarray, " n"], is_right: Bool[np.ndarray, " n"]) -> float:
    """The area under the receiver operating characteristic.

    It is the probability that a right answer has a higher score than a wrong one; equal scores
    count half.

    Args:
        scores: Of N answers, on any scale.
        is_right: Which of them are right.

    Returns:
        In 0..1; NaN where all answers are right, or all are wrong.
    """
    right = int(is_right.sum())
    wrong = len(is_right) - right
    if not (right and wrong):
        return math.nan
    _, which, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[which]
    return float((ranks[is_right].sum() - right * (right + 1) / 2) / (right * wrong))
