"""The tracking pipeline; ``MotPipeline.step`` is the dataflow of one frame (SiamMT, Fig. 1)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from mvot_pipelines.detection.calls import CallCounts, DetectorCalls
from mvot_pipelines.detection.worker import DetectionWorker, Stage
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_pipelines.scheduling import CallCost, EveryK, Scheduler, SupportsFeedback, SupportsReset
from mvot_pipelines.tracking.clock import VideoClock
from mvot_pipelines.tracking.late import LateAnswers
from mvot_pipelines.tracking.solver import build_solver
from mvot_pipelines.tracking.tracker import Tracker
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import UsageError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame, Tracks, as_frame

__all__ = ["MotPipeline", "PipelineConfig"]

PipelineT = TypeVar("PipelineT", bound="MotPipeline")


class MotPipeline(CallCounts):
    """Tracks all objects on every frame, with a detector on some frames only (SiamMT, Fig. 1).

    A pipeline tracks one video at a time; ids count from 1 within it. Between two frames it can be
    pickled and copied, with its engine, where its detector can be: it goes on bit for bit, in
    another process too. With ``asynchronous``, no frame waits for the detector: it looks at the
    newest frame that is due, and its answer is merged on that frame and carried to the present
    (``late``). Such a pipeline is closed at the end: use it in a ``with`` statement, or call
    ``close``.

    Args:
        detector: the name of a detector, the path of a YOLO model, or any callable that takes a
            ``Frame`` or an image and returns what ``as_detections`` takes; None for ``update``.
        engine: a motion engine, or the name of one (``engine_names()``).
        detect_every: k, to detect on every k-th frame, or a ``Scheduler``.
        embedder: describes how detections look that carry no embeddings of their own: "colour", the
            path of an ONNX file, any callable that takes a ``Frame`` and boxes and returns one row
            of numbers a box, or None (or "none") for no embeddings.
        config: the settings, among them which solver merges detections and motion.
        asynchronous: whether detector and embedder run beside the tracker: in a thread (True or
            "thread") or a process ("process", for those that hold the interpreter or may hang);
            or a callable that makes a ``DetectionWorker`` of the detection stage. Images must stay
            as they are after ``step``.
        frame_rate: frames per second, for frames that come as bare arrays, without a timestamp.
        class_names: the names of the classes by number; None takes what detector or detections say.
        timer: adds up the seconds of the stages "motion", "detect", "embed" and "associate".

    Attributes:
        steps: frames so far.

    Raises:
        UsageError: for an unknown detector, engine or embedder, a ``detect_every`` below 1, or a
            detector that cannot be sent to a process (which loads names and paths itself).

    Examples:
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_synthetic import NoisyDetector, street
        >>> scene = street(seed=2, size=(320, 240), frames=10)
        >>> tracker = MotPipeline(NoisyDetector(scene), engine="lk-flow", detect_every=5)
        >>> for frame, tracks in tracker.run(scene):
        ...     boxes, ids = tracks.xyxy, tracks.id
        >>> tracker.steps, tracker.detector_calls
        (10, 2)
        >>> tracker = MotPipeline(engine="lk-flow")  # where your program decides when to detect
        >>> tracks = tracker.update(scene.frame(0), [[10, 20, 50, 80, 0.9]])
    """

    def __init__(
        self,
        detector: str | Path | Callable[..., Any] | None = None,
        engine: str | MotionEngine[Any, Any] = "lk-flow",
        detect_every: int | Scheduler = 5,
        *,
        embedder: str | Path | Callable[..., Any] | None = "colour",
        config: PipelineConfig | None = None,
        asynchronous: bool | str | Callable[[Stage], DetectionWorker] = False,
        frame_rate: float = 25.0,
        class_names: Mapping[int, str] | None = None,
        timer: StageTimer | None = None,
    ) -> None:
        self.engine = load_engine(engine) if isinstance(engine, str) else engine
        self.scheduler: Scheduler = (
            detect_every if isinstance(detect_every, Scheduler) else EveryK(k=int(detect_every))
        )
        self.config = config or PipelineConfig()
        self.frame_rate = frame_rate
        self.timer = timer or StageTimer()
        parts = detector, embedder, self.config, asynchronous, class_names
        self.calls = DetectorCalls(*parts, self.timer)
        self._is_busy = False
        self._begin()

    def _begin(self) -> None:
        """Begin a video."""
        self.tracker = Tracker(self.engine, build_solver(self.config), self.timer)
        self.steps = 0
        self._clock = VideoClock(self.frame_rate)
        self._late = LateAnswers(self.config.late, self.timer.clock)

    def run(self, source: Iterable[Frame | np.ndarray]) -> Iterator[tuple[Frame, Tracks]]:
        """Track over a whole video.

        Args:
            source: frames in order, such as a ``Source``, or images as of ``step``.

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
            with ``id``, ``score`` (0..1), ``class_id``, ``detected`` and ``detection_index``, each
            (N,), and what came with the detections.

        Raises:
            InputError: for an image that is not BGR uint8, where the detector fails and
                ``on_detector_error`` is "fail", or where the embedder fails.
            UsageError: where it is at work already.
        """
        with self._work():
            given = self._add_time(frame)
            frame = self._move(given)
            return self._merge_or_coast(self._detect(given) if self._is_due(frame) else None)

    def update(
        self, image: Frame | np.ndarray, detections: Any = None, timestamp: float | None = None
    ) -> Tracks:
        """Track onto the next frame, with detections where you have them; no detector is called.

        Args:
            image: as of ``step``.
            detections: what a detector found on this frame, in any form that ``as_detections``
                takes; ``[]`` where it found nothing. None where none has looked.
            timestamp: of the frame, in seconds; None takes the frame's own, or as ``step``.

        Returns:
            The tracks, as of ``step``; ``detection_index`` tells which is which of your detections.

        Raises:
            InputError: for an image that is not BGR uint8, or detections that are none.
            UsageError: as ``step``, or where it was built with ``asynchronous``.
        """
        with self._work():
            given = self._add_time(image, timestamp)
            found = None if detections is None else self.calls.take(given, detections)
            self._move(given)
            return self._merge_or_coast(found)

    def reset(self) -> None:
        """Forget the video: the next frame is the first of another one, with ids from 1.

        Engine, detector and settings stay. An answer of a detector that is at work is not used.
        """
        self.calls.reset()
        self._begin()
        if isinstance(self.scheduler, SupportsReset):
            self.scheduler.reset()

    @contextmanager
    def _work(self) -> Iterator[None]:
        """Refuse to be called again meanwhile."""
        if self._is_busy:
            raise UsageError(
                "MotPipeline.step was called again before it returned, by its detector or by "
                "another thread; each video takes a pipeline of its own"
            )
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def _move(self, given: Frame) -> Frame:
        """Move all targets onto a frame, and merge a late answer; returns it, with its time."""
        frame = self._clock.put(given)
        with self.timer("motion"):
            observation = self.engine.observe(frame)
        self.steps += 1
        if (detections := self._collect()) is not None:
            self._merge(self._late.rewind(), detections)
        self.tracker = self._late.advance(self.tracker, frame, observation)
        return frame

    def _merge_or_coast(self, detections: Detections | None) -> Tracks:
        """Finish a frame, with its detections or without; returns the tracks on it."""
        if detections is None:
            self.tracker.coast()
        else:
            self._late.forget()
            self._merge(self.tracker, detections)
        return self.tracker.tracks()

    def close(self) -> None:
        """End the worker of a detector that runs beside the tracker; a second call does nothing."""
        self.calls.worker.close()

    def __enter__(self: PipelineT) -> PipelineT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_due(self, frame: Frame) -> bool:
        """Whether the detector is to look at the frame: not while it is at work, or late."""
        is_free = self.calls.worker.is_free and not self._late.is_catching_up
        return self.calls.is_waiting or (is_free and self.scheduler.due(frame, self.tracker.motion))

    def _detect(self, frame: Frame) -> Detections | None:
        """Begin to detect on the frame; returns the detections where they are there at once."""
        if not self.calls.submit(frame):
            return None  # the answer to come is on the frame before
        self._late.expect(self.tracker)
        return self._collect()

    def _collect(self) -> Detections | None:
        """The detections of the submitted frame; None where there are none yet, or will be none."""
        has_answer, detections = self.calls.collect()
        if has_answer and detections is None:
            self._late.forget()
        return detections

    def _merge(self, tracker: Tracker, detections: Detections) -> None:
        """Merge on the frame that the tracker is on, and let the scheduler learn from it."""
        motion, merge = tracker.motion, tracker.merge(detections)
        self.calls.left_out += merge.left_out
        if isinstance(self.scheduler, SupportsFeedback) and tracker.frame is not None:
            spent = sum(self.timer.seconds.get(name, 0.0) for name in ("motion", "associate"))
            cost = CallCost(self.calls.seconds, spent / self.steps, self.calls.streams)
            self.scheduler.learn(tracker.frame, motion, detections, merge, cost)

    def _add_time(self, image: Frame | np.ndarray, timestamp: float | None = None) -> Frame:
        """A frame with index and timestamp; bare arrays are numbered as they come."""
        frame = as_frame(image)
        if timestamp is None and np.isfinite(frame.timestamp):
            return frame
        time = self.steps / self.frame_rate if timestamp is None else float(timestamp)
        return replace(frame, index=self.steps, timestamp=time)
