"""All targets of a video, moved from frame to frame and corrected by detections."""

import copy
import math
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int64

from mvot_plugin.association.associator import Merge
from mvot_plugin.engines.base import Motion, MotionEngine, Targets, refresh
from mvot_plugin.errors import UsageError
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["Solver", "Tracker", "VideoClock"]

_NO_MOTION = Motion(boxes=np.empty((0, 4), np.float32), scores=np.empty(0, np.float32))

_LONGEST_PAUSE = 3600.0
"""Seconds that pass at most from one frame to the next; each target has ended long before."""


class VideoClock:
    """Time that passes from frame to frame: 0 on the first, never back, at most an hour at once.

    A frame that is timed before the last one, as when a file begins anew, is taken to be the next.

    Args:
        frame_rate: frames per second, for those frames.

    Raises:
        UsageError: for a ``frame_rate`` that is not above 0.
    """

    def __init__(self, frame_rate: float) -> None:
        if not frame_rate > 0:
            raise UsageError(f"frame_rate must be above 0, got {frame_rate:g}")
        self._period = 1 / frame_rate
        self._now, self._last = 0.0, math.nan
        self._origin = self._start = 0.0

    def put(self, frame: Frame) -> Frame:
        """The next frame, at the time of this clock."""
        time, pause = frame.timestamp, frame.timestamp - self._last
        if not 0 <= pause <= _LONGEST_PAUSE:
            passed = self._period if pause < 0 else _LONGEST_PAUSE
            self._start = 0.0 if math.isnan(pause) else self._now + passed
            self._origin = time
        self._last, self._now = time, self._start + (time - self._origin)
        return frame if self._now == time else replace(frame, timestamp=self._now)


@runtime_checkable
class Solver(Protocol):
    """Merges detections and motion, and knows the trajectories of one video."""

    @property
    def ids(self) -> Int64[np.ndarray, " n"]:
        """The id of each trajectory, reported or not, in the rows of the engine's targets."""
        ...

    def tracks(self) -> Tracks:
        """The tracks to report on the last frame."""
        ...

    def fork(self) -> "Solver":
        """A second one in the same state; only one of the two may merge from here on."""
        ...

    def coast(self, frame: Frame, motion: Motion) -> Bool[np.ndarray, " n"]:
        """Move N targets on a frame without detections; returns which of them continue."""
        ...

    def merge(self, frame: Frame, motion: Motion, detections: Detections) -> Merge:
        """Merge the motion of N targets with the M detections of a frame."""
        ...


class Tracker:
    """An engine's targets and their trajectories, row by row.

    On each frame comes ``track``, and then ``merge`` where there are detections, else ``coast``.

    Args:
        engine: moves the targets.
        solver: merges detections with their motion; of this video alone.
        timer: adds up the seconds of the stages "motion" and "associate".

    Attributes:
        frame: the frame that the targets are on; None before the first.
        motion: how the engine moved them onto it.
        associator: the solver.
        targets: what the engine knows of them; None before the first frame.
    """

    frame: Frame | None = None
    motion = _NO_MOTION
    targets: Targets | None = None
    _observation: Any = None

    def __init__(self, engine: MotionEngine[Any, Any], solver: Solver, timer: StageTimer) -> None:
        self._engine, self._timer = engine, timer
        self.associator = solver

    def tracks(self) -> Tracks:
        """The tracks to report on the frame, with masks where the engine's targets have them."""
        tracks = self.associator.tracks()
        masks = None if self.targets is None else self.targets.masks
        if masks is None:
            return tracks
        ids = self.associator.ids
        order = np.argsort(ids)
        rows = order[np.searchsorted(ids, tracks.id, sorter=order)]
        return replace(tracks, masks=masks[rows])

    def fork(self) -> "Tracker":
        """A second tracker in the same state; only one of the two may merge from here on."""
        twin = copy.copy(self)
        twin.associator = self.associator.fork()
        return twin

    def track(self, frame: Frame, observation: Any) -> Motion:
        """Move the targets onto the next frame; there are none before the first one."""
        with self._timer("motion"):
            if self.targets is None:
                self.targets = self._engine.enroll(observation, _NO_MOTION.boxes)
            self.targets, self.motion = self._engine.track(observation, self.targets)
        self.frame, self._observation = frame, observation
        return self.motion

    def coast(self) -> None:
        """Go on without detections on the frame."""
        assert self.frame is not None
        assert self.targets is not None
        with self._timer("associate"):
            self.targets = self.targets[self.associator.coast(self.frame, self.motion)]

    def merge(self, detections: Detections) -> Merge:
        """Correct the targets by the detections of the frame, end some and enroll new ones."""
        assert self.frame is not None
        with self._timer("associate"):
            merge = self.associator.merge(self.frame, self.motion, detections)
        with self._timer("motion"):
            self.targets = self._apply(merge, detections)
        return merge

    def _apply(self, merge: Merge, detections: Detections) -> Targets:
        """The targets after a merge: survivors, matched ones corrected, then those enrolled."""
        targets, observation, match = self.targets, self._observation, merge.match
        assert targets is not None
        boxes = detections.xyxy[match.detections]
        matched = refresh(self._engine, observation, targets[match.targets], boxes, merge.reenroll)
        rows = np.concatenate([match.targets, match.unmatched_targets])
        order = np.argsort(rows)[merge.alive]
        survivors: Targets = targets.cat([matched, targets[match.unmatched_targets]])[order]
        enrolled = self._engine.enroll(observation, detections.xyxy[merge.enrolled])
        together: Targets = targets.cat([survivors, enrolled])
        return together
