"""The tracking pipeline: engine, scheduler, detector and merging.

``MotPipeline.step`` is the dataflow of one frame; it is the system of SiamMT, Fig. 1.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mvot_pipelines.detection import open_worker
from mvot_pipelines.detection.worker import DetectionWorker, Stage
from mvot_pipelines.late import LateAnswers
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_pipelines.scheduling import CallCost, EveryK, Scheduler, SupportsFeedback
from mvot_pipelines.tracker import Solver, Tracker, VideoClock
from mvot_plugin.association.associator import Associator
from mvot_plugin.association.siammot import SiamMotSolver
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import InputError, UsageError, describe_error
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame, Tracks, as_frame

__all__ = ["MotPipeline", "PipelineConfig"]

_MAX_KEPT_ERRORS = 100
"""Messages of ``MotPipeline.detector_errors``; further failures are only counted."""

PipelineT = TypeVar("PipelineT", bound="MotPipeline")


class MotPipeline:
    """Tracks all objects on every frame, with a detector on some frames only.

        tracker = MotPipeline(detector=my_model, engine="lk-flow", detect_every=5)
        for frame in frames:
            tracks = tracker.step(frame)

    A pipeline tracks one video; ids count from 1 within it. With ``asynchronous``, no frame waits
    for the detector: it looks at the newest frame that is due, and its answer is merged on that
    frame and carried to the present (``late``). Such a pipeline is closed at the end: use it in a
    ``with`` statement, or call ``close``.

    Args:
        detector: the name of a detector, the path of a YOLO model, or any callable that takes a
            ``Frame`` and returns ``Detections``, ultralytics ``Results`` or
            ``supervision.Detections``.
        engine: a motion engine, or the name of one (``engine_names()``).
        detect_every: k, to detect on every k-th frame, or a ``Scheduler``.
        embedder: describes how detections look that carry no embeddings of their own: "colour", the
            path of an ONNX file, any callable that takes a ``Frame`` and boxes and returns one row
            of numbers a box, or None (or "none") for no embeddings.
        config: the settings, among them which solver merges detections and motion.
        asynchronous: whether detector and embedder run beside the tracker: in a thread (True or
            "thread"), or in a process ("process", for those that hold the interpreter or may
            hang); or a callable that makes a ``DetectionWorker`` of the detection stage. Images
            must stay as they are after ``step``.
        frame_rate: frames per second, for frames that come as bare arrays, without a timestamp.
        timer: adds up the seconds of the stages "motion", "detect", "embed" and "associate".

    Attributes:
        steps: frames so far.
        detector_calls: frames so far that the detector was given.
        dropped_boxes: detections that were dropped, since they have no area inside the image.
        left_out_boxes: detections that were left out, since there were more than
            ``max_detections`` on a frame, or would be as many targets.
        detector_failures: frames on which the detector failed (``on_detector_error="coast"``).
        detector_errors: messages of the first 100 of these failures.

    Raises:
        UsageError: for an unknown detector, engine or embedder, a ``detect_every`` below 1, or a
            detector that cannot be sent to a process. (A process loads names and paths itself: that
            it cannot is a failure of the detector.)
    """

    def __init__(
        self,
        detector: str | Path | Callable[..., Any],
        engine: str | MotionEngine[Any, Any] = "lk-flow",
        detect_every: int | Scheduler = 5,
        *,
        embedder: str | Path | Callable[..., Any] | None = "colour",
        config: PipelineConfig | None = None,
        asynchronous: bool | str | Callable[[Stage], DetectionWorker] = False,
        frame_rate: float = 25.0,
        timer: StageTimer | None = None,
    ) -> None:
        self.engine = load_engine(engine) if isinstance(engine, str) else engine
        self.scheduler: Scheduler = (
            detect_every if isinstance(detect_every, Scheduler) else EveryK(k=int(detect_every))
        )
        self.config = config or PipelineConfig()
        self.frame_rate = frame_rate
        self.timer = timer or StageTimer()
        self.worker = open_worker(
            asynchronous,
            detector,
            embedder if self.config.compares_appearance else None,
            most=self.config.max_detections,
            timeout=self.config.detector_timeout,
            clock=self.timer.clock,
        )
        self.tracker = Tracker(self.engine, _build_solver(self.config), self.timer)
        self.steps = 0
        self.detector_calls = 0
        self.dropped_boxes = 0
        self.left_out_boxes = 0
        self.detector_failures = 0
        self.detector_errors: list[str] = []
        self._clock = VideoClock(frame_rate)
        self._late = LateAnswers(self.config.late, self.timer.clock)
        self._submitted: Frame | None = None
        self._is_busy = False
        self._detector_seconds = 0.0

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
            with ``id``, ``score`` (0..1), ``class_id`` and ``detected``, each (N,), and
            ``masks``, (N, M, M) or None.

        Raises:
            InputError: for an image that is not BGR uint8, where the detector fails and
                ``on_detector_error`` is "fail", or where the embedder fails.
            UsageError: where it is at work already.
        """
        if self._is_busy:
            raise UsageError(
                "MotPipeline.step was called again before it returned, by its detector or by "
                "another thread; each video takes a pipeline of its own"
            )
        self._is_busy = True
        try:
            return self._step(self._add_time(frame))
        finally:
            self._is_busy = False

    def _step(self, given: Frame) -> Tracks:
        frame = self._clock.put(given)
        with self.timer("motion"):
            observation = self.engine.observe(frame)
        self.steps += 1
        if (detections := self._collect()) is not None:
            self._merge(self._late.rewind(), detections)
        self.tracker = self._late.advance(self.tracker, frame, observation)
        detections = self._detect(given) if self._is_due(frame) else None
        if detections is None:
            self.tracker.coast()
        else:
            self._late.forget()
            self._merge(self.tracker, detections)
        return self.tracker.tracks()

    def close(self) -> None:
        """End the worker of a detector that runs beside the tracker; a second call does nothing."""
        self.worker.close()

    def __enter__(self: PipelineT) -> PipelineT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_due(self, frame: Frame) -> bool:
        """Whether the detector is to look at the frame: not while it is at work, or late."""
        is_free = self.worker.is_free and not self._late.is_catching_up
        return is_free and self.scheduler.due(frame, self.tracker.motion)

    def _detect(self, frame: Frame) -> Detections | None:
        """Begin to detect on the frame; returns the detections where they are there at once."""
        self._late.expect(self.tracker)
        self._submitted = frame
        self.detector_calls += 1
        self.worker.submit(frame)
        return self._collect()

    def _merge(self, tracker: Tracker, detections: Detections) -> None:
        """Merge on the frame that the tracker is on, and let the scheduler learn from it."""
        motion, merge = tracker.motion, tracker.merge(detections)
        self.left_out_boxes += merge.left_out
        if isinstance(self.scheduler, SupportsFeedback) and tracker.frame is not None:
            seconds, steps = self.timer.seconds, self.steps
            tracking = (seconds.get("motion", 0.0) + seconds.get("associate", 0.0)) / steps
            cost = CallCost(detector=self._detector_seconds, tracking=tracking)
            self.scheduler.learn(tracker.frame, motion, detections, merge, cost)

    def _collect(self) -> Detections | None:
        """The detections of the submitted frame; None where there are none yet, or will be none."""
        answer = self.worker.collect()
        if answer is None:
            return None
        self.dropped_boxes += answer.dropped
        self.left_out_boxes += answer.left_out
        self._detector_seconds = sum(answer.seconds.values())
        for name, seconds in answer.seconds.items():
            self.timer.add(name, seconds)
        if answer.error is not None:
            self._late.forget()
            self._handle_failure(answer.error)
        return answer.detections

    def _handle_failure(self, error: BaseException) -> None:
        """Count a failure of the detector, or raise ``InputError``, by ``on_detector_error``."""
        assert self._submitted is not None
        index, reason = self._submitted.index, describe_error(error)
        if self.config.on_detector_error == "fail":
            raise InputError(
                f"the detector failed on frame {index} ({reason}); to go on without it, "
                "set pipeline.on_detector_error to coast"
            ) from error
        error.__traceback__ = error.__cause__ = error.__context__ = None  # they keep the image
        self.detector_failures += 1
        if self.detector_failures <= _MAX_KEPT_ERRORS:
            self.detector_errors.append(f"frame {index}: {reason}")

    def _add_time(self, frame: Frame | np.ndarray) -> Frame:
        """A frame with index and timestamp; bare arrays are numbered as they come."""
        frame = as_frame(frame)
        if np.isfinite(frame.timestamp):
            return frame
        return replace(frame, index=self.steps, timestamp=self.steps / self.frame_rate)


def _build_solver(config: PipelineConfig) -> Solver:
    """The solver that the settings name, for one video."""
    if config.solver == "siammot":
        return SiamMotSolver(config.siammot, config.max_detections)
    return Associator(config)
