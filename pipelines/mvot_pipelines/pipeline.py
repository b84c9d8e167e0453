"""The dataflow: frame, scheduler, detector, engine, affinity, assignment, lifecycle, tracks.

This is the system of SiamMT's Fig. 1.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32

from mvot_pipelines.scheduler import EveryK, Scheduler
from mvot_pipelines.timing import StageTimer
from mvot_plugin.affinity import AffinityConfig, affinity
from mvot_plugin.assignment import assign
from mvot_plugin.detectors import as_detections, as_detector, usable
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import Motion, MotionEngine, Targets, mistakable, refresh
from mvot_plugin.errors import InputError, MvotError
from mvot_plugin.lifecycle import Lifecycle, LifecycleConfig
from mvot_plugin.types import Detections, Frame, Tracks, as_frame

__all__ = ["MotPipeline", "PipelineConfig"]

_ERRORS_KEPT = 100


@dataclass(frozen=True, kw_only=True)
class PipelineConfig:
    """How engine and detector are merged; one set of defaults for any video and any ``k``."""

    affinity: AffinityConfig = field(default_factory=AffinityConfig)
    lifecycle: LifecycleConfig = field(default_factory=LifecycleConfig)
    reenroll: float = 0.5
    """Affinity from which a match also enrols the target's appearance anew."""
    on_detector_error: Literal["fail", "coast"] = "fail"
    """A detector that raises on a frame ends the run, or leaves that frame to the engine."""


class MotPipeline:
    """Tracks on every frame from a detector on every k-th.

        tracker = MotPipeline(detector=my_model, engine="lk-flow", detect_every=5)
        for frame in frames:
            tracks = tracker.step(frame)

    Args:
        detector: any callable from a ``Frame`` to ``Detections`` (or to ultralytics ``Results``,
            or ``supervision.Detections``).
        engine: a motion engine, or the name of one.
        detect_every: k, or a ``Scheduler`` of your own.
        config: settings of the merging.
        frame_rate: frames per second, where frames come as bare arrays without a time.
        timer: adds up the stages detect, motion and associate.
    """

    def __init__(
        self,
        detector: str | Path | Callable[..., Any],
        engine: str | MotionEngine[Any, Any] = "lk-flow",
        detect_every: int | Scheduler = 5,
        *,
        config: PipelineConfig | None = None,
        frame_rate: float = 25.0,
        timer: StageTimer | None = None,
    ) -> None:
        self.detector = as_detector(detector)
        self.engine = load_engine(engine) if isinstance(engine, str) else engine
        self.scheduler: Scheduler = (
            detect_every if isinstance(detect_every, Scheduler) else EveryK(k=int(detect_every))
        )
        self.config = config or PipelineConfig()
        self.frame_rate = frame_rate
        self.timer = timer or StageTimer()
        self.lifecycle = Lifecycle(self.config.lifecycle)
        self.targets: Targets | None = None
        self.steps = 0
        self.dropped_boxes = 0
        self.detector_failures = 0
        self.detector_errors: list[str] = []

    def run(self, source: Iterable[Frame | np.ndarray]) -> Iterator[tuple[Frame, Tracks]]:
        """Each frame of the source with its tracks, as they come."""
        for image in source:
            frame = self._timed(image)
            yield frame, self.step(frame)

    def step(self, frame: Frame | np.ndarray) -> Tracks:
        """The tracks on the next frame of the video."""
        frame = self._timed(frame)
        with self.timer("motion"):
            observation = self.engine.observe(frame)
            targets, motion = self._track(observation)
        detections = None
        if self.scheduler.due(frame, motion):
            with self.timer("detect"):
                detections = self._detect(frame)
        if detections is None:
            with self.timer("associate"):
                alive = self.lifecycle.coast(motion, frame.timestamp, frame.size)
                self.targets = targets[alive]
        else:
            self.targets = self._merge(frame, observation, targets, motion, detections)
        self.steps += 1
        return self.lifecycle.tracks()

    def _track(self, observation: Any) -> tuple[Targets, Motion]:
        if self.targets is None:
            self.targets = self.engine.enroll(observation, np.empty((0, 4), np.float32))
        targets, motion = self.engine.track(observation, self.targets)
        return targets, motion

    def _merge(
        self,
        frame: Frame,
        observation: Any,
        targets: Targets,
        motion: Motion,
        detections: Detections,
    ) -> Targets:
        """Bring the engine's motion and the detections together; the targets that live on."""
        with self.timer("associate"):
            fit = self._affinity(motion, detections, frame.timestamp)
            tentative = ~self.lifecycle.trajectories.proven
            match = assign(fit, self.config.affinity.gate, turn=tentative.astype(np.int64))
            alive, births = self.lifecycle.update(
                motion, detections, match, frame.timestamp, frame.size
            )
        with self.timer("motion"):
            sure = fit[match.targets, match.detections] >= self.config.reenroll
            boxes = detections.xyxy[match.detections]
            hit = refresh(self.engine, observation, targets[match.targets], boxes, sure)
            born = self.engine.enroll(observation, detections.xyxy[births])
            rest = targets[match.unmatched_targets]
            order = np.argsort(np.concatenate([match.targets, match.unmatched_targets]))
            kept: Targets = targets.cat([hit, rest])[order[alive]]
            joined: Targets = targets.cat([kept, born])
            return joined

    def _affinity(
        self, motion: Motion, detections: Detections, time: float
    ) -> Float32[np.ndarray, "n m"]:
        """Of N targets, where the engine has them, and M detections.

        Of those whose motion is in doubt, where inertia has them, too.
        """
        known, config = self.lifecycle.trajectories, self.config.affinity
        fit = affinity(motion, known.class_id, detections, config)
        doubtful = self.lifecycle.missing(motion)
        if mistakable(self.engine):
            doubtful |= self.lifecycle.crowded(motion)
        unsure = known[doubtful]
        guessed = affinity(unsure.inertia(time), unsure.class_id, detections, config)
        fit[doubtful] = np.maximum(fit[doubtful], guessed)
        return fit

    def _detect(self, frame: Frame) -> Detections | None:
        """Usable detections of a frame; None where the detector failed and the engine coasts."""
        try:
            found = as_detections(self.detector(frame))
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
            if isinstance(error, MvotError):
                what = str(error)
            if self.config.on_detector_error == "fail":
                raise InputError(
                    f"the detector failed on frame {frame.index} ({what}); to go on without it, "
                    "set pipeline.on_detector_error to coast"
                ) from error
            self.detector_failures += 1
            if self.detector_failures <= _ERRORS_KEPT:
                self.detector_errors.append(f"frame {frame.index}: {what}")
            return None
        detections, dropped = usable(found, frame.size)
        self.dropped_boxes += dropped
        return detections

    def _timed(self, frame: Frame | np.ndarray) -> Frame:
        """A frame with index and time; bare arrays are numbered as they come."""
        frame = as_frame(frame)
        if not np.isnan(frame.timestamp):
            return frame
        return replace(frame, index=self.steps, timestamp=self.steps / self.frame_rate)
