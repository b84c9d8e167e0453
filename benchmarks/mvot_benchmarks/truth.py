"""Which objects of a ground truth file count, frame by frame."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int64

from mvot_plugin.motfile import MotRows

__all__ = ["TruthFrame", "truth_frames"]

_PEDESTRIAN = 1
_DISTRACTORS = (2, 7, 8, 12)
"""MOT16's person on vehicle, static person, distractor, reflection: neither right nor wrong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TruthFrame:
    """The objects of one frame; whatever follows an ``ignored`` one does not count at all."""

    id: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]
    ignored: Bool[np.ndarray, " n"]


def truth_frames(rows: MotRows, length: int) -> Iterable[TruthFrame]:
    """The frames of a ``gt.txt``, from the first to the ``length``-th.

    Rows of flag 0 are left out; where there are classes (MOT16 and later), only pedestrians count
    and look-alikes are ignored.
    """
    distractor = np.isin(rows.class_id, _DISTRACTORS)
    counted = (rows.score != 0) & np.isin(rows.class_id, (-1, _PEDESTRIAN))
    for frame in range(length):
        here = np.flatnonzero((rows.frame == frame) & (counted | distractor))
        yield TruthFrame(id=rows.id[here], xyxy=rows.xyxy[here], ignored=distractor[here])
