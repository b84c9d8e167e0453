"""All objects of a video followed in one batch from ground truth, with or without a clock.

With a clock, frames come at a fixed rate, and what the engine spends on one moves the clock
(VOT-RT; SiamMT 4.2). Frames that come meanwhile are never looked at; on each of them the last
answer that is ready before the following frame stands. An object that is to start while the engine
is busy stands where it was, and is enrolled on the next frame that the engine looks at.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Frame

__all__ = ["AWAY", "BURN_IN", "Clock", "Following", "Look"]

AWAY = 5
"""Frames from a failure to the re-initialisation."""
BURN_IN = 10
"""Frames from a re-initialisation, itself included, that do not count for the accuracy."""


class Clock:
    """When an engine is busy, if frames come at ``fps``; without one, never."""

    def __init__(self, fps: float | None = None) -> None:
        self._fps = fps
        self._free = self._ready = 0

    def free(self, index: int) -> bool:
        """Whether the engine looks at this frame."""
        return index >= self._free

    def ready(self, index: int) -> bool:
        """Whether its last answer is there before the frame after this one."""
        return index >= self._ready - 1

    def answer(self, index: int, seconds: float) -> None:
        """An answer for this frame took so long."""
        self._ready = self._free = self._after(index, seconds)

    def busy(self, index: int, seconds: float) -> None:
        """All that was done on this frame took so long."""
        self._free = self._after(index, seconds)

    def _after(self, index: int, seconds: float) -> int:
        return index + (1 if self._fps is None else max(1, ceil(seconds * self._fps - 1e-9)))


class Look:
    """One frame, which the engine observes at most once, for whoever asks first."""

    def __init__(self, engine: MotionEngine[Any, Any], frame: Frame) -> None:
        self._engine, self._frame = engine, frame
        self.index = frame.index
        self._seen: tuple[Any, float] | None = None

    def observe(self) -> tuple[Any, float]:
        """The observation, and the seconds it took."""
        if self._seen is None:
            self._seen = _timed(lambda: self._engine.observe(self._frame))
        return self._seen


class Following:
    """Targets on their way; ``overlap`` (frames, objects) is NaN where untracked or not visible.

    ``valid`` says which of it counts for the accuracy, ``seconds`` what each frame with targets
    took. With ``restarts``, an object without any overlap starts anew from the truth.
    """

    def __init__(
        self,
        engine: MotionEngine[Any, Any],
        truth: Float32[np.ndarray, "frames objects 4"],
        *,
        restarts: bool,
        fps: float | None = None,
    ) -> None:
        self._engine, self._truth, self._restarts = engine, truth, restarts
        self.visible = ~np.isnan(truth).any(2)
        self.overlap = np.full(self.visible.shape, np.nan)
        self.valid = np.zeros_like(self.visible)
        self.seconds: list[float] = []
        length, count = self.visible.shape
        self._last = np.where(self.visible, np.arange(length)[:, None], -1).max(0, initial=-1)
        self._due, self._valid_from = np.zeros((2, count), np.int64)
        self._clock = Clock(fps)
        self._shown = np.full((count, 4), np.nan, np.float32)
        self._coming = self._shown.copy()
        self._alive, self._waiting = np.zeros((2, count), np.bool_)
        self._targets: Targets | None = None
        self._objects = np.empty(0, np.int64)

    def step(self, look: Look) -> None:
        """The next frame: answer, be judged, and start what is due."""
        index = look.index
        looking, spent = self._clock.free(index), 0.0
        if looking:
            self._shown = self._coming.copy()
            spent = self._track(look)
            self._clock.answer(index, spent)
        if self._clock.ready(index):
            self._shown = self._coming.copy()
        self._judge(index)
        self._begin(index)
        if looking:
            self._clock.busy(index, spent + self._enroll(look, observed=spent > 0))

    def _track(self, look: Look) -> float:
        """Move the targets that are not over onto a frame; the seconds it took."""
        self._keep(self._last[self._objects] >= look.index)
        if self._targets is None or not len(self._targets):
            return 0.0
        targets = self._targets
        observation, observed = look.observe()
        (self._targets, motion), tracked = _timed(lambda: self._engine.track(observation, targets))
        self._coming[self._objects] = motion.boxes
        self.seconds.append(observed + tracked)
        return observed + tracked

    def _judge(self, index: int) -> None:
        """Compare what is shown with the truth; give up what has failed."""
        objects = np.flatnonzero(self._alive & self.visible[index])
        shared = iou(self._shown[objects], self._truth[index, objects]).diagonal()
        shared = np.nan_to_num(shared)
        self.overlap[index, objects] = shared
        self.valid[index, objects] = (shared > 0) & (index >= self._valid_from[objects])
        if self._restarts and not shared.all():
            failed = objects[shared == 0]
            self._due[failed] = index + AWAY
            self._alive[failed] = self._waiting[failed] = False
            self._keep(self._alive[self._objects])

    def _begin(self, index: int) -> None:
        """Show the objects that are due and visible where they are."""
        begun = ~self._alive & self.visible[index] & (self._due <= index)
        self._valid_from[begun] = np.where(self._due[begun] > 0, index + BURN_IN, 0)
        self._alive |= begun
        self._waiting |= begun
        self._shown[begun] = self._coming[begun] = self._truth[index, begun]

    def _enroll(self, look: Look, *, observed: bool) -> float:
        """Give the engine the objects that wait, from their truth; the seconds it took.

        Those of an observation count where it was not ``observed`` before.
        """
        objects = np.flatnonzero(self._waiting & self.visible[look.index])
        if not len(objects):
            return 0.0
        boxes = self._truth[look.index, objects]
        observation, seconds = look.observe()
        new, enrolled = _timed(lambda: self._engine.enroll(observation, boxes))
        self._targets = new if self._targets is None else Targets.cat([self._targets, new])
        self._objects = np.concatenate([self._objects, objects])
        self._coming[objects] = boxes
        self._waiting[objects] = False
        return enrolled if observed else seconds + enrolled

    def _keep(self, rows: Bool[np.ndarray, " n"]) -> None:
        if self._targets is not None and not rows.all():
            self._targets, self._objects = self._targets[rows], self._objects[rows]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start
