"""The detection stage: the detector, then the embedder, on one frame."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mvot_plugin.detectors import Detector, as_detections, as_detector, drop_unusable
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
    error: Exception | None = None
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

    Raises:
        UsageError: for an unknown detector or embedder.
    """

    def __init__(
        self,
        detector: str | Path | object,
        embedder: str | Path | object | None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.detector: Detector = as_detector(detector)
        self.embedder: Embedder | None = as_embedder(embedder)
        self._clock = clock

    def __call__(self, frame: Frame) -> Answer:
        """Run the stage on a frame; raises ``InputError`` where the embedder fails."""
        timer, error, dropped = StageTimer(self._clock), None, 0
        detections: Detections | None = None
        with timer("detect"):
            try:
                detections = as_detections(self.detector(frame))
            except Exception as raised:
                error = raised
            else:
                detections, dropped = drop_unusable(detections, frame.size)
        if detections is not None:
            detections = self._embed(frame, detections, timer)
        return Answer(detections=detections, dropped=dropped, error=error, seconds=timer.seconds)

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
