"""The detection stage: the detector, then the embedder, on one frame."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mvot_plugin.detectors import (
    Detector,
    as_detections,
    as_detector,
    drop_unusable,
    keep_most_confident,
)
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.embedders import Embedder, as_embedder, embed_boxes
from mvot_plugin.embedders.base import normalize_embeddings
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame

__all__ = ["Answer", "DescriptionStage", "DetectionStage", "detect"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What the detection stage has to say about a frame."""

    detections: Detections | None
    """The usable detections, with their embeddings; None where the detector failed."""
    dropped: int = 0
    """Detections that were dropped, since they have no area inside the image."""
    left_out: int = 0
    """Detections that were left out, since there were more than the most."""
    error: BaseException | None = None
    """What the detector raised."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """The seconds that the stages "detect" and "embed" took."""


class DescriptionStage:
    """Leaves out what cannot be tracked, and describes how detections look.

    Args:
        embedder: for detections without embeddings: an embedder, what ``as_embedder`` makes one
            of, or None.
        most: the most detections of a frame; None is any number.
        class_names: the names of the classes; None takes those that the detections come with.

    Raises:
        UsageError: for an unknown embedder.
    """

    def __init__(
        self,
        embedder: str | Path | object | None,
        *,
        most: int | None = None,
        class_names: Mapping[int, str] | None = None,
    ) -> None:
        self.embedder: Embedder | None = as_embedder(embedder)
        self._most, self._class_names = most, class_names

    def __call__(self, frame: Frame, found: Detections, timer: StageTimer) -> Answer:
        """Run the stage on what a detector found on a frame; ``index`` tells its rows.

        Raises ``InputError`` where the embedder fails.
        """
        names = self._class_names or found.class_names
        detections = replace(found, index=np.arange(len(found)), class_names=names)
        detections, dropped = drop_unusable(detections, frame.size)
        detections, left_out = keep_most_confident(detections, self._most)
        return Answer(
            detections=self._embed(frame, detections, timer),
            dropped=dropped,
            left_out=left_out,
            seconds=timer.seconds,
        )

    def _embed(self, frame: Frame, detections: Detections, timer: StageTimer) -> Detections:
        """Detections with embeddings: their own, or else the embedder's, if there is one."""
        own = detections.embeddings
        if own is not None:
            data = {**detections.data, "embeddings": own}
            return replace(detections, embeddings=normalize_embeddings(own, frame), data=data)
        if self.embedder is None:
            return detections
        with timer("embed"):
            embeddings = embed_boxes(self.embedder, frame, detections.xyxy)
        return replace(detections, embeddings=embeddings)


class DetectionStage:
    """Detects the objects of a frame, and describes how they look.

    Args:
        detector: a detector, or what ``as_detector`` makes one of.
        embedder: as of ``DescriptionStage``.
        clock: any callable that returns seconds, for the time that the stages take.
        most: as of ``DescriptionStage``.
        class_names: the names of the classes; None takes those that the detections come with, or
            the detector's ``names``.

    Raises:
        UsageError: for an unknown detector or embedder.
    """

    def __init__(
        self,
        detector: str | Path | object,
        embedder: str | Path | object | None,
        clock: Callable[[], float] = time.perf_counter,
        *,
        most: int | None = None,
        class_names: Mapping[int, str] | None = None,
    ) -> None:
        self.detector: Detector = as_detector(detector)
        self._describe = DescriptionStage(embedder, most=most, class_names=class_names)
        self._clock = clock

    def __call__(self, frame: Frame) -> Answer:
        """Run the stage on a frame; raises ``InputError`` where the embedder fails."""
        start = self._clock()
        result = detect(self.detector, frame)
        return self.finish(frame, result, self._clock() - start)

    def finish(self, frame: Frame, result: Detections | BaseException, seconds: float) -> Answer:
        """The answer of the stage, where the detector has been called already.

        Args:
            frame: the frame.
            result: the detections, or what the detector raised.
            seconds: those that the detector took for it.

        Raises:
            InputError: where the embedder fails.
        """
        timer = StageTimer(self._clock)
        timer.add("detect", seconds)
        if isinstance(result, BaseException):
            return Answer(detections=None, error=result, seconds=timer.seconds)
        if result.class_names is None:
            result = replace(result, class_names=find_class_names(self.detector))
        return self._describe(frame, result, timer)


def detect(detector: Detector, frame: Frame) -> Detections | BaseException:
    """What a detector finds on a frame, or what it raised."""
    try:
        return as_detections(detector(replace(frame)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # such as SystemExit: it has no say in our end
        return error
