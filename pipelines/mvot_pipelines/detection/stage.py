"""The detection stage: the detector, then the embedder, on one frame."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mvot_plugin.detectors import (
    Detector,
    as_detections,
    as_detector,
    drop_unusable,
    keep_most_confident,
)
from mvot_plugin.embedders import Embedder, as_embedder, embed_boxes
from mvot_plugin.embedders.base import normalize_embeddings
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame

__all__ = ["Answer", "DetectionStage"]


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


class DetectionStage:
    """Detects the objects of a frame and describes how they look.

    Args:
        detector: a detector, or what ``as_detector`` makes one of.
        embedder: for detections without embeddings: an embedder, what ``as_embedder`` makes one
            of, or None.
        clock: any callable that returns seconds, for the time that the stages take.
        most: the most detections of a frame; None is any number.

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
    ) -> None:
        self.detector: Detector = as_detector(detector)
        self.embedder: Embedder | None = as_embedder(embedder)
        self._clock, self._most = clock, most

    def __call__(self, frame: Frame) -> Answer:
        """Run the stage on a frame; raises ``InputError`` where the embedder fails."""
        timer = StageTimer(self._clock)
        with timer("detect"):
            result = self._detect(frame)
        if isinstance(result, BaseException):
            return Answer(detections=None, error=result, seconds=timer.seconds)
        detections, dropped = drop_unusable(result, frame.size)
        detections, left_out = keep_most_confident(detections, self._most)
        return Answer(
            detections=self._embed(frame, detections, timer),
            dropped=dropped,
            left_out=left_out,
            seconds=timer.seconds,
        )

    def _detect(self, frame: Frame) -> Detections | BaseException:
        """The detections, or what the detector raised."""
        try:
            return as_detections(self.detector(replace(frame)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # such as SystemExit: it has no say in our end
            return error

    def _embed(self, frame: Frame, detections: Detections, timer: StageTimer) -> Detections:
        """Detections with embeddings: their own, or else the embedder's, if there is one."""
        if detections.embeddings is not None:
            normalized = normalize_embeddings(detections.embeddings, frame)
            return replace(detections, embeddings=normalized)
        if self.embedder is None:
            return detections
        with timer("embed"):
            embeddings = embed_boxes(self.embedder, frame, detections.xyxy)
        return replace(detections, embeddings=embeddings)
