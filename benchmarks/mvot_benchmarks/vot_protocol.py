"""VOT's supervised protocol for all objects of a video in one batch, with or without a clock.

With a clock, frames arrive at a fixed rate, and the time that the engine spends on one moves the
clock (VOT-RT; SiamMT 4.2). Frames that arrive in the meantime are skipped; each is scored with the
latest boxes that are complete before the following frame arrives. An object that is due to
start while the engine is busy keeps its ground-truth box until it is enrolled, on the next frame
that the engine processes.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import XYXY, Frame

__all__ = ["BURN_IN", "REINIT_DELAY", "Clock", "ObservedFrame", "VotRun"]

REINIT_DELAY = 5
"""Frames from a failure to the re-initialisation."""
BURN_IN = 10
"""Frames from a re-initialisation, itself included, that do not count for the accuracy."""


class Clock:
    """When an engine is busy, if frames arrive at ``fps``; without a rate, never."""

    def __init__(self, fps: float | None = None) -> None:
        self._fps = fps
        self._free_from = self._complete_at = 0

    def is_free(self, index: int) -> bool:
        """Whether the engine can process this frame."""
        return index >= self._free_from

    def is_complete(self, index: int) -> bool:
        """Whether the engine's last boxes are complete before the frame after this one."""
        return index >= self._complete_at - 1

    def record_tracking(self, index: int, seconds: float) -> None:
        """Set when the boxes of this frame are complete, from the seconds they took."""
        self._complete_at = self._free_from = self._after(index, seconds)

    def record_frame(self, index: int, seconds: float) -> None:
        """Set when the engine is free again, from the seconds that all work on this frame took."""
        self._free_from = self._after(index, seconds)

    def _after(self, index: int, seconds: float) -> int:
        return index + (1 if self._fps is None else max(1, ceil(seconds * self._fps - 1e-9)))


class ObservedFrame:
    """A frame that the engine observes on the first request, and only once."""

    def __init__(self, engine: MotionEngine[Any, Any], frame: Frame) -> None:
        self._engine, self._frame = engine, frame
        self.index = frame.index
        self._observed: tuple[Any, float] | None = None

    def observe(self) -> tuple[Any, float]:
        """The observation, and the seconds it took."""
        if self._observed is None:
            self._observed = _time_call(lambda: self._engine.observe(self._frame))
        return self._observed


class VotRun:
    """An engine tracking all objects of a video; frame after frame is passed to ``step``.

    Attributes:
        visible: (frames, objects), where objects have a ground-truth box.
        overlap: (frames, objects), IoU with the ground truth; NaN where an object is not tracked
            or not visible.
        confidence: (frames, objects), the engine's scores; NaN where it did not track an object.
        valid: (frames, objects), which overlaps count for the accuracy.
        seconds: the time of each processed frame that had targets.

    With ``reinitialize``, an object whose overlap is 0 is started again from the ground truth.
    """

    def __init__(
        self,
        engine: MotionEngine[Any, Any],
        ground_truth: Float32[XYXY, "frames objects"],
        *,
        reinitialize: bool,
        fps: float | None = None,
    ) -> None:
        self._engine, self._ground_truth = engine, ground_truth
        self._reinitialize = reinitialize
        self.visible = ~np.isnan(ground_truth).any(2)
        self.overlap, self.confidence = np.full((2, *self.visible.shape), np.nan)
        self.valid = np.zeros_like(self.visible)
        self.seconds: list[float] = []
        length, count = self.visible.shape
        self._last_visible = np.where(self.visible, np.arange(length)[:, None], -1).max(
            0, initial=-1
        )
        self._start_from, self._valid_from = np.zeros((2, count), np.int64)
        self._clock = Clock(fps)
        self._shown = np.full((count, 4), np.nan, np.float32)
        self._pending = self._shown.copy()
        self._started, self._to_enroll = np.zeros((2, count), np.bool_)
        self._targets: Targets | None = None
        self._objects = np.empty(0, np.int64)

    def step(self, frame: ObservedFrame) -> None:
        """Track onto the next frame, score the boxes, and start the objects that are due."""
        index = frame.index
        is_free, spent = self._clock.is_free(index), 0.0
        if is_free:
            self._shown = self._pending.copy()
            spent = self._track(frame)
            self._clock.record_tracking(index, spent)
        if self._clock.is_complete(index):
            self._shown = self._pending.copy()
        self._score(index)
        self._start_due(index)
        if is_free:
            seconds = self._enroll(frame, is_observed=spent > 0)
            self._clock.record_frame(index, spent + seconds)

    def _track(self, frame: ObservedFrame) -> float:
        """Track the targets that are visible from this frame on; returns the seconds it took."""
        self._keep_targets(self._last_visible[self._objects] >= frame.index)
        if self._targets is None or not len(self._targets):
            return 0.0
        targets = self._targets
        observation, observe_seconds = frame.observe()
        (self._targets, motion), track_seconds = _time_call(
            lambda: self._engine.track(observation, targets)
        )
        self._pending[self._objects] = motion.boxes
        self.confidence[frame.index, self._objects] = motion.scores
        self.seconds.append(observe_seconds + track_seconds)
        return observe_seconds + track_seconds

    def _score(self, index: int) -> None:
        """Compare the shown boxes with the ground truth; drop the objects that have failed."""
        objects = np.flatnonzero(self._started & self.visible[index])
        overlap = iou(self._shown[objects], self._ground_truth[index, objects]).diagonal()
        overlap = np.nan_to_num(overlap)
        self.overlap[index, objects] = overlap
        self.valid[index, objects] = (overlap > 0) & (index >= self._valid_from[objects])
        if self._reinitialize and not overlap.all():
            failed = objects[overlap == 0]
            self._start_from[failed] = index + REINIT_DELAY
            self._started[failed] = self._to_enroll[failed] = False
            self._keep_targets(self._started[self._objects])

    def _start_due(self, index: int) -> None:
        """Start the visible objects that are due, from their ground-truth boxes."""
        due = ~self._started & self.visible[index] & (self._start_from <= index)
        self._valid_from[due] = np.where(self._start_from[due] > 0, index + BURN_IN, 0)
        self._started |= due
        self._to_enroll |= due
        self._shown[due] = self._pending[due] = self._ground_truth[index, due]

    def _enroll(self, frame: ObservedFrame, *, is_observed: bool) -> float:
        """Enroll the visible objects that have started since; returns the seconds it took.

        These include the observation, unless it was counted for tracking (``is_observed``).
        """
        objects = np.flatnonzero(self._to_enroll & self.visible[frame.index])
        if not len(objects):
            return 0.0
        boxes = self._ground_truth[frame.index, objects]
        observation, observe_seconds = frame.observe()
        new, enroll_seconds = _time_call(lambda: self._engine.enroll(observation, boxes))
        self._targets = new if self._targets is None else Targets.cat([self._targets, new])
        self._objects = np.concatenate([self._objects, objects])
        self._pending[objects] = boxes
        self._to_enroll[objects] = False
        return enroll_seconds if is_observed else observe_seconds + enroll_seconds

    def _keep_targets(self, rows: Bool[np.ndarray, " n"]) -> None:
        if self._targets is not None and not rows.all():
            self._targets, self._objects = self._targets[rows], self._objects[rows]


def _time_call(function: Callable[[], Any]) -> tuple[Any, float]:
    """The function's result, and the seconds it took."""
    start = time.perf_counter()
    return function(), time.perf_counter() - start
