"""Detections read from a file instead of computed: MOT's ``det.txt``."""

from pathlib import Path

import numpy as np

from mvot_plugin.motfile import MotRows, read_mot
from mvot_plugin.types import Detections, Frame

__all__ = ["ReplayDetector"]


class ReplayDetector:
    """Answers each frame with the rows that a MOT file has for it.

    Row frames count from 1, so that frame 1 answers ``frame.index`` 0. A score may be in any
    scale: if all of the file's are within 0..1 they are the confidences as they are, else they
    are mapped linearly, the file's lowest score to 0 and its highest to 1 (1 if all are equal).

    Args:
        path: A ``det.txt``; ``mvot_plugin.motfile.read_mot`` says what it may look like.
        conf: Leave out rows whose score is below it, in the file's own scale.
        class_id: The class of all detections, for the file names none.

    Attributes:
        duplicates: How many exact repetitions of rows the file has; they are read once.
        frames: How many frames there are up to the last row kept.

    Raises ``InputError`` for a file that cannot be read; an empty one detects nothing, ever.
    """

    def __init__(self, path: str | Path, *, conf: float | None = None, class_id: int = 0) -> None:
        rows = read_mot(path)
        kept = _by_frame(rows, conf)
        confidence = _confidence(rows.score)[kept]
        self._frame = rows.frame[kept]
        self._found = Detections.of(rows.xyxy[kept], confidence, class_id)
        self.duplicates = rows.duplicates
        self.frames = int(self._frame[-1]) + 1 if len(kept) else 0

    def __call__(self, frame: Frame, /) -> Detections:
        """The rows of ``frame.index``, in the file's order; none past the end."""
        first, end = np.searchsorted(self._frame, [frame.index, frame.index + 1])
        return self._found[np.arange(first, end)]


def _by_frame(rows: MotRows, conf: float | None) -> np.ndarray:
    """The rows to keep, frame by frame; compared as float32, so that a row at ``conf`` stays."""
    order: np.ndarray = np.argsort(rows.frame, kind="stable")
    if conf is None:
        return order
    kept: np.ndarray = order[~(rows.score[order] < np.float32(conf))]
    return kept


def _confidence(score: np.ndarray) -> np.ndarray:
    """Scores in any scale, as confidences in 0..1; what is not finite stays so."""
    finite = score[np.isfinite(score)].astype(np.float64)
    if not len(finite):
        return score
    low, high = finite.min(), finite.max()
    if low >= 0 and high <= 1:
        return score
    span = high - low
    scaled: np.ndarray = (score - low) / span if span else np.where(np.isfinite(score), 1, score)
    return scaled.astype(np.float32)
