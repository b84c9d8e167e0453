"""Two targets that are found in one place: which of them gets it."""

import numpy as np
from jaxtyping import Bool, Float, Float32

from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import XYXY

__all__ = ["find_intruders"]


def find_intruders(
    found: Float32[XYXY, " n"],
    before: Float32[XYXY, " n"],
    confidence: Float[np.ndarray, " n"],
    overlap: float,
) -> Bool[np.ndarray, " n"]:
    """The targets that moved onto a place that another one holds with better right.

    The place is given to the most confident target first; whoever is found on a place that was
    given away, and was not there before, is an intruder. Its own place is hidden, most likely by
    the other target.

    Args:
        found: Where N targets are found, in pixels.
        before: Where they were before.
        confidence: How sure each is, on any scale.
        overlap: The IoU with a place from which on it is the same one.

    Returns:
        (N,), true for intruders.
    """
    is_intruder = np.zeros(len(found), bool)
    shared, shared_before = iou(found, found), iou(before, before)
    conflict = (shared >= overlap) & (shared > shared_before + (1 - overlap) / 2)
    np.fill_diagonal(conflict, False)
    if not conflict.any():
        return is_intruder
    for number in np.argsort(-confidence, kind="stable"):
        if not is_intruder[number]:
            is_intruder |= conflict[number] & (confidence <= confidence[number])
    return is_intruder
