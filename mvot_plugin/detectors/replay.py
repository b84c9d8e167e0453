"""Detections replayed from a MOT ``det.txt``."""

from pathlib import Path

import numpy as np

from mvot_plugin.motfile import MotRows, read_mot
from mvot_plugin.types import Detections, Frame

__all__ = ["ReplayDetector"]


class ReplayDetector:
    """A detector that returns the rows of a MOT file for each frame; none from an empty file.

    The file's frame 1 is ``frame.index`` 0. Scores may be in any scale: if all are within 0..1 they
    are the confidences, otherwise they are mapped linearly, the lowest score to 0 and the highest
    to 1 (1 if all are equal).

    Args:
        path: A ``det.txt``, as described in ``mvot_plugin.motfile``.
        conf: The least score of a row, in the file's own scale.
        class_id: The class of all detections, as the file has none.

    Attributes:
        duplicates: How many exact repetitions of rows the file has; they are read once.
        frames: The number of frames up to the last row that was kept.

    Raises:
        InputError: The file cannot be read.

    Examples:
        >>> from pathlib import Path
        >>> from mvot_plugin.detectors import ReplayDetector
        >>> from mvot_synthetic import street
        >>> _ = Path("det.txt").write_text("1,-1,11,21,40,60,0.9")  # pixels count from 1
        >>> detector = ReplayDetector("det.txt")
        >>> detector(street(size=(320, 240), frames=1).frame(0)).xyxy.tolist()
        [[10.0, 20.0, 50.0, 80.0]]
    """

    def __init__(self, path: str | Path, *, conf: float | None = None, class_id: int = 0) -> None:
        rows = read_mot(path)
        kept = _order_by_frame(rows, conf)
        confidence = _to_confidence(rows.score)[kept]
        self._frame = rows.frame[kept]
        self._detections = Detections.of(rows.xyxy[kept], confidence, class_id)
        self.duplicates = rows.duplicates
        self.frames = int(self._frame[-1]) + 1 if len(kept) else 0

    def __call__(self, frame: Frame, /) -> Detections:
        """Look the frame up.

        Args:
            frame: The frame, of which only the index counts.

        Returns:
            The rows of ``frame.index``, in the file's order; none past the end.
        """
        first, end = np.searchsorted(self._frame, [frame.index, frame.index + 1])
        return self._detections[np.arange(first, end)]


def _order_by_frame(rows: MotRows, conf: float | None) -> np.ndarray:
    """The rows to keep, ordered by frame; compared as float32, so that ``conf`` itself is kept."""
    order: np.ndarray = np.argsort(rows.frame, kind="stable")
    if conf is None:
        return order
    kept: np.ndarray = order[~(rows.score[order] < np.float32(conf))]
    return kept


def _to_confidence(score: np.ndarray) -> np.ndarray:
    """Map scores of any scale to confidences in 0..1; what is not finite stays so."""
    finite = score[np.isfinite(score)].astype(np.float64)
    if not len(finite):
        return score
    low, high = finite.min(), finite.max()
    if low >= 0 and high <= 1:
        return score
    span = high - low
    scaled: np.ndarray = (score - low) / span if span else np.where(np.isfinite(score), 1, score)
    return scaled.astype(np.float32)
