"""NanoTrack of OpenCV (``cv2.TrackerNano``): a small Siamese tracker, one instance per target."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Shaped

from mvot_plugin.engines.base import Motion, Targets, as_boxes
from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY, Frame, as_frame

__all__ = ["FILES", "OPENCV_NANO", "SOURCE", "OpenCVNanoEngine", "OpenCVNanoTargets"]

OPENCV_NANO = "opencv-nano"
"""The engine's name in tables."""

FILES = ("nanotrack_backbone_sim.onnx", "nanotrack_head_sim.onnx")
"""The ONNX files of NanoTrack v2's backbone and head."""
SOURCE = "https://github.com/HonglinChu/SiamTrackers/tree/master/NanoTrack/models/nanotrackv2"
"""Where OpenCV's samples say to get the files."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OpenCVNanoTargets(Targets):
    """Boxes, and the OpenCV tracker of each target."""

    tracker: Shaped[np.ndarray, " n"]
    """Objects of ``cv2.TrackerNano``, which hold the targets' state."""


@dataclass(frozen=True, kw_only=True)
class OpenCVNanoEngine:
    """A ``MotionEngine`` of one ``cv2.TrackerNano`` for each target, called one after another.

    It keeps the contract as far as OpenCV allows. A tracker object cannot be copied, and each call
    changes it: an ``OpenCVNanoTargets`` value, with everything indexed from it, may be tracked or
    refreshed only once, and cannot be kept for later. Boxes are rounded to whole pixels, as
    OpenCV's are.
    """

    backbone: Path
    """The ONNX file of NanoTrack v2's backbone."""
    head: Path
    """The ONNX file of NanoTrack v2's head."""

    @classmethod
    def from_folder(cls, folder: str | Path) -> "OpenCVNanoEngine":
        """The engine with the two model files of a folder.

        Raises ``InputError`` for a file that is missing, or that OpenCV cannot read.
        """
        backbone, head = (Path(folder) / name for name in FILES)
        for path in (backbone, head):
            if not path.is_file():
                raise InputError(
                    f"{path}: no such file; --nanotrack takes a folder with {' and '.join(FILES)} "
                    f"(from {SOURCE})"
                )
        engine = cls(backbone=backbone, head=head)
        try:
            engine._tracker()
        except cv2.error as error:
            raise InputError(
                f"--nanotrack {folder}: OpenCV cannot read the networks ({error.err}); take both "
                f"files from {SOURCE}"
            ) from error
        return engine

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[XYXY, " n"]) -> OpenCVNanoTargets:
        """New trackers at (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        tracker = np.empty(len(boxes), object)
        for row, box in enumerate(boxes):
            tracker[row] = self._tracker()
            tracker[row].init(observation.image, _to_rectangle(box))
        return OpenCVNanoTargets(boxes=boxes, tracker=tracker)

    def track(
        self, observation: Frame, targets: OpenCVNanoTargets
    ) -> tuple[OpenCVNanoTargets, Motion]:
        """Boxes (N, 4) on this frame, and OpenCV's tracking scores (N,).

        A target that OpenCV reports as lost keeps its box, with a score of 0.
        """
        boxes, scores = targets.boxes.copy(), np.zeros(len(targets), np.float32)
        for row, tracker in enumerate(targets.tracker):
            is_found, (left, top, width, height) = tracker.update(observation.image)
            if is_found:
                boxes[row] = left, top, left + width, top + height
                scores[row] = np.clip(tracker.getTrackingScore(), 0, 1)
        return replace(targets, boxes=boxes), Motion(boxes=boxes.copy(), scores=scores)

    def refresh(
        self,
        observation: Frame,
        targets: OpenCVNanoTargets,
        boxes: Float32[XYXY, " n"],
        appearance: Bool[np.ndarray, " n"],
    ) -> OpenCVNanoTargets:
        """The same trackers, initialised again at measured (N, 4) ``boxes``.

        OpenCV cannot move a tracker without taking a new exemplar, so ``appearance`` has no
        effect. Initialising a tracker again is much faster than creating one.
        """
        boxes = as_boxes(boxes)
        for tracker, box in zip(targets.tracker, boxes, strict=True):
            tracker.init(observation.image, _to_rectangle(box))
        return replace(targets, boxes=boxes)

    def _tracker(self) -> Any:
        opencv: Any = cv2  # its type stubs leave this tracker out
        parameters = opencv.TrackerNano_Params()
        parameters.backbone, parameters.neckhead = str(self.backbone), str(self.head)
        with _errors_only(opencv.utils.logging):
            return opencv.TrackerNano_create(parameters)


@contextmanager
def _errors_only(logging: Any) -> Iterator[None]:
    """Silence OpenCV's warnings: OpenCV 5 writes two about each tracker that it creates."""
    level = logging.setLogLevel(logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _to_rectangle(box: XYXY) -> tuple[int, int, int, int]:
    """Left, top, width and height in whole pixels, at least one each."""
    left, top, right, bottom = (round(edge) for edge in box.tolist())
    return left, top, max(right - left, 1), max(bottom - top, 1)
