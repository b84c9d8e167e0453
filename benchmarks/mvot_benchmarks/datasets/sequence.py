"""A sequence of any data set: its frames, and what is known of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mvot_benchmarks.truth import Regions, TruthFrame, TruthRows, truth_by_frame, visible
from mvot_pipelines.sources import Source, open_source
from mvot_plugin.detectors import ReplayDetector
from mvot_plugin.errors import InputError

__all__ = ["Sequence"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequence:
    """Where the frames of a sequence are, and its ground truth.

    ``frames`` is what ``open_source`` takes: a folder or a video. ``frame_rate`` is in frames a
    second, None where the frames say it themselves. ``detections`` is the public ``det.txt``.
    """

    name: str
    frames: Path
    frame_rate: float | None
    truth: TruthRows
    regions: Regions
    detections: Path | None = None

    @property
    def length(self) -> int:
        """The number of frames up to the last one with an object."""
        return int(self.truth.frame.max(initial=-1)) + 1

    def open(self) -> Source:
        """The frames, to be closed after use; raises ``InputError`` if they cannot be read."""
        source = open_source(self.frames, frame_rate=self.frame_rate)
        source.name = self.name
        return source

    def truth_frames(self, length: int | None = None) -> Iterator[TruthFrame]:
        """What counts on each frame, from the first to the ``length``-th (all with objects)."""
        return truth_by_frame(self.truth, self.regions, self.length if length is None else length)

    def boxes(self) -> Float32[np.ndarray, "frames objects 4"]:
        """The boxes of each object that counts, by id; NaN on frames where it is out of sight.

        Out of sight is, too, what has no finite box with an area.
        """
        rows = self.truth
        rows = rows[~rows.ignored & visible(rows.xyxy)]
        ids, places = np.unique(rows.id, return_inverse=True)
        boxes = np.full((self.length, len(ids), 4), np.nan, np.float32)
        boxes[rows.frame, places] = rows.xyxy
        return boxes

    def detector(self, conf: float | None = None) -> ReplayDetector:
        """The public detections of a score of ``conf`` or more, in the file's scale, replayed.

        Raises ``InputError`` where there are none.
        """
        if self.detections is None:
            raise InputError(
                f"{self.name} has no public detections: a MOT sequence has them in det/det.txt"
            )
        return ReplayDetector(self.detections, conf=conf)
