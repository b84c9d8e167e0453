"""A sequence of any data set: its frames and its ground truth."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mvot_benchmarks.metrics.ground_truth import (
    GroundTruthFrame,
    GroundTruthRows,
    IgnoredRegions,
    is_visible,
    split_by_frame,
)
from mvot_pipelines.sources import Source, open_source
from mvot_plugin.detectors import ReplayDetector
from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY

__all__ = ["Sequence"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequence:
    """The frames of a sequence and their ground truth.

    Examples:
        >>> from pathlib import Path
        >>> import cv2
        >>> from mvot_benchmarks.datasets import open_sequence
        >>> from mvot_synthetic import street
        >>> Path("SEQ-01/img1").mkdir(parents=True)
        >>> Path("SEQ-01/gt").mkdir()
        >>> _ = Path("SEQ-01/gt/gt.txt").write_text("1,7,11,21,40,60,1,1,1")  # pixels count from 1
        >>> image = street(size=(320, 240), frames=1).frame(0).image
        >>> _ = cv2.imwrite("SEQ-01/img1/000001.png", image)
        >>> sequence = open_sequence("SEQ-01")
        >>> with sequence.open() as frames:
        ...     print(sequence.length, frames.size, sequence.visible_boxes().tolist())
        1 (320, 240) [[[10.0, 20.0, 50.0, 80.0]]]
    """

    name: str
    """That of the folder."""
    frames: Path
    """What ``open_source`` takes: a folder of images or a video."""
    frame_rate: float | None
    """In frames per second; None where the frames carry it themselves."""
    ground_truth: GroundTruthRows
    """One row for each object and frame."""
    regions: IgnoredRegions
    """Parts of frames that are not annotated."""
    detections: Path | None = None
    """The public detections, ``det/det.txt``."""
    other_detections: tuple[Path, ...] = ()
    """Those of other detectors beside them, which are taken only where a command names the file."""

    @property
    def length(self) -> int:
        """The number of frames up to the last annotated one."""
        return int(self.ground_truth.frame.max(initial=-1)) + 1

    def open(self) -> Source:
        """Open the frames, to be closed after use.

        Returns:
            The frames.

        Raises:
            InputError: they are unreadable.
        """
        source = open_source(self.frames, frame_rate=self.frame_rate)
        source.name = self.name
        return source

    def ground_truth_frames(self, length: int | None = None) -> Iterator[GroundTruthFrame]:
        """The ground truth of one frame after another.

        Args:
            length: of how many frames; None is up to the last annotated one.

        Returns:
            The objects of each frame.
        """
        length = self.length if length is None else length
        return split_by_frame(self.ground_truth, self.regions, length)

    def visible_boxes(self) -> Float32[XYXY, "frames objects"]:
        """The boxes of the objects that are evaluated.

        Returns:
            (frames, objects, 4) float32, XYXY in pixels, in the order of their ids; NaN on frames
            where an object has no row, or a box that is not finite or has no area.
        """
        rows = self.ground_truth
        rows = rows[~rows.ignored & is_visible(rows.xyxy)]
        ids, columns = np.unique(rows.id, return_inverse=True)
        boxes = np.full((self.length, len(ids), 4), np.nan, np.float32)
        boxes[rows.frame, columns] = rows.xyxy
        return boxes

    def detector(self, conf: float | None = None) -> ReplayDetector:
        """A detector that replays the public detections.

        Args:
            conf: the least score, in the file's scale; None takes all.

        Returns:
            The detector. It comes with a warning where there are those of other detectors too.

        Raises:
            InputError: for a sequence without public detections.
        """
        others = " or ".join(map(str, self.other_detections))
        if self.detections is None:
            raise InputError(
                f"{self.name} has no public detections: a MOT sequence has them in det/det.txt"
                + (f"; --detector replay:FILE takes {others}" if others else "")
            )
        if others:
            taken = f"{self.name}: the detections are those of {self.detections}"
            warnings.warn(f"{taken}; --detector replay:FILE takes {others} instead", stacklevel=2)
        return ReplayDetector(self.detections, conf=conf)
