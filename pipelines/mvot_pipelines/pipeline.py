"""The tracking pipeline: engine, scheduler, detector, affinity, assignment and lifecycle.

``MotPipeline.step`` is the dataflow of one frame; it is the system of SiamMT, Fig. 1.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mvot_pipelines.scheduling import EveryK, Scheduler
from mvot_plugin.association.associator import AssociationConfig, Associator, Merge
from mvot_plugin.detectors import as_detections, as_detector, drop_unusable
from mvot_plugin.embedders import as_embedder, embed_boxes
from mvot_plugin.embedders.base import normalize_embeddings
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import Motion, MotionEngine, Targets, refresh
from mvot_plugin.errors import InputError, MvotError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame, Tracks, as_frame

__all__ = ["MotPipeline", "PipelineConfig"]

_MAX_KEPT_ERRORS = 100
"""Messages of ``MotPipeline.detector_errors``; further failures are only counted."""


@dataclass(frozen=True, kw_only=True)
class PipelineConfig(AssociationConfig):
    """How the engine's motion and the detections are merged; the defaults hold for any ``k``."""

    on_detector_error: Literal["fail", "coast"] = "fail"
    """Where the detector raises: end the run (fail), or track by the engine alone (coast)."""


class MotPipeline:
    """Tracks all objects on every frame, with a detector on some frames only.

        tracker = MotPipeline(detector=my_model, engine="lk-flow", detect_every=5)
        for frame in frames:
            tracks = tracker.step(frame)

    A pipeline tracks one video; ids count from 1 within it.

    Args:
        detector: the name of a detector, the path of a YOLO model, or any callable that takes a
            ``Frame`` and returns ``Detections``, ultralytics ``Results`` or
            ``supervision.Detections``.
        engine: a motion engine, or the name of one (``engine_names()``).
        detect_every: k, to detect on every k-th frame, or a ``Scheduler``.
        embedder: describes how detections look that carry no embeddings of their own: "colour", the
            path of an ONNX file, any callable that takes a ``Frame`` and boxes and returns one row
            of numbers a box, or None (or "none") for no embeddings.
        config: settings of association and lifecycle.
        frame_rate: frames per second, for frames that come as bare arrays, without a timestamp.
        timer: adds up the seconds of the stages "motion", "detect", "embed" and "associate".

    Attributes:
        steps: frames so far.
        dropped_boxes: detections that were dropped, since they have no area inside the image.
        detector_failures: frames on which the detector raised (``on_detector_error="coast"``).
        detector_errors: messages of the first 100 of these failures.

    Raises:
        UsageError: for an unknown detector, engine or embedder, or a ``detect_every`` below 1.
    """

    def __init__(
        self,
        detector: str | Path | Callable[..., Any],
        engine: str | MotionEngine[Any, Any] = "lk-flow",
        detect_every: int | Scheduler = 5,
        *,
        embedder: str | Path | Callable[..., Any] | None = "colour",
        config: PipelineConfig | None = None,
        frame_rate: float = 25.0,
        timer: StageTimer | None = None,
    ) -> None:
        self.detector = as_detector(detector)
        self.engine = load_engine(engine) if isinstance(engine, str) else engine
        self.embedder = as_embedder(embedder)
        self.scheduler: Scheduler = (
            detect_every if isinstance(detect_every, Scheduler) else EveryK(k=int(detect_every))
        )
        self.config = config or PipelineConfig()
        self.frame_rate = frame_rate
        self.timer = timer or StageTimer()
        self.associator = Associator(self.config)
        self.targets: Targets | None = None
        self.steps = 0
        self.dropped_boxes = 0
        self.detector_failures = 0
        self.detector_errors: list[str] = []

    def run(self, source: Iterable[Frame | np.ndarray]) -> Iterator[tuple[Frame, Tracks]]:
        """Track over a whole video.

        Args:
            source: frames in order, such as a ``Source``; bare arrays are BGR uint8 of shape
                (height, width, 3).

        Yields:
            Each frame with its tracks, before the next frame is read.

        Raises:
            InputError: as ``step``, and what the source raises.
        """
        for image in source:
            frame = self._add_time(image)
            yield frame, self.step(frame)

    def step(self, frame: Frame | np.ndarray) -> Tracks:
        """Track onto the next frame of the video.

        Args:
            frame: a ``Frame``, or a bare BGR uint8 array of shape (height, width, 3), which gets
                the next index and the timestamp index / ``frame_rate``.

        Returns:
            The N reported tracks: ``xyxy`` (N, 4) float32, in pixels of the frame and half-open,
            with ``id``, ``score`` (0..1), ``class_id`` and ``detected``, each (N,).

        Raises:
            InputError: for an image that is not BGR uint8, where the detector fails and
                ``on_detector_error`` is "fail", or where the embedder fails.
        """
        frame = self._add_time(frame)
        with self.timer("motion"):
            observation = self.engine.observe(frame)
            targets, motion = self._track(observation)
        detections = None
        if self.scheduler.due(frame, motion):
            with self.timer("detect"):
                detections = self._detect(frame)
            if detections is not None:
                detections = self._embed(frame, detections)
        if detections is None:
            with self.timer("associate"):
                self.targets = targets[self.associator.coast(frame, motion)]
        else:
            with self.timer("associate"):
                merge = self.associator.merge(frame, motion, detections)
            with self.timer("motion"):
                self.targets = self._apply(merge, observation, targets, detections)
        self.steps += 1
        return self.associator.tracks()

    def _track(self, observation: Any) -> tuple[Targets, Motion]:
        """Move the targets onto the frame; there are none before the first frame."""
        if self.targets is None:
            self.targets = self.engine.enroll(observation, np.empty((0, 4), np.float32))
        targets, motion = self.engine.track(observation, self.targets)
        return targets, motion

    def _detect(self, frame: Frame) -> Detections | None:
        """Usable detections of a frame; None where the detector failed and the engine coasts."""
        try:
            detections = as_detections(self.detector(frame))
        except Exception as error:
            self._handle_detector_error(frame, error)
            return None
        detections, dropped = drop_unusable(detections, frame.size)
        self.dropped_boxes += dropped
        return detections

    def _embed(self, frame: Frame, detections: Detections) -> Detections:
        """Detections with embeddings: their own, or else the embedder's, if there is one."""
        if detections.embeddings is not None:
            normalized = normalize_embeddings(detections.embeddings, frame)
            return replace(detections, embeddings=normalized)
        if self.embedder is None or not self.config.appearance.weight:
            return detections
        with self.timer("embed"):
            embeddings = embed_boxes(self.embedder, frame, detections.xyxy)
        return replace(detections, embeddings=embeddings)

    def _handle_detector_error(self, frame: Frame, error: Exception) -> None:
        """Count the failure, or raise ``InputError``, by ``on_detector_error``."""
        reason = str(error)
        if not isinstance(error, MvotError):
            reason = f"{type(error).__name__}: {error}"
        if self.config.on_detector_error == "fail":
            raise InputError(
                f"the detector failed on frame {frame.index} ({reason}); to go on without it, "
                "set pipeline.on_detector_error to coast"
            ) from error
        self.detector_failures += 1
        if self.detector_failures <= _MAX_KEPT_ERRORS:
            self.detector_errors.append(f"frame {frame.index}: {reason}")

    def _apply(
        self, merge: Merge, observation: Any, targets: Targets, detections: Detections
    ) -> Targets:
        """The targets after a merge: survivors, matched ones corrected, then those enrolled."""
        match = merge.match
        boxes = detections.xyxy[match.detections]
        matched = refresh(self.engine, observation, targets[match.targets], boxes, merge.reenroll)
        rows = np.concatenate([match.targets, match.unmatched_targets])
        order = np.argsort(rows)[merge.alive]
        survivors: Targets = targets.cat([matched, targets[match.unmatched_targets]])[order]
        enrolled = self.engine.enroll(observation, detections.xyxy[merge.enrolled])
        together: Targets = targets.cat([survivors, enrolled])
        return together

    def _add_time(self, frame: Frame | np.ndarray) -> Frame:
        """A frame with index and timestamp; bare arrays are numbered as they come."""
        frame = as_frame(frame)
        if not np.isnan(frame.timestamp):
            return frame
        return replace(frame, index=self.steps, timestamp=self.steps / self.frame_rate)
