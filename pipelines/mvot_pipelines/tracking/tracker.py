"""All targets of a video, moved from frame to frame and corrected by detections."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int64

from mvot_pipelines.tracking.carried import Carried
from mvot_pipelines.tracking.solver import Solver
from mvot_plugin.association.associator import Merge
from mvot_plugin.engines.base import Motion, MotionEngine, Targets, refresh
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame, Tracks

__all__ = ["Tracker"]

_NO_MOTION = Motion(boxes=np.empty((0, 4), np.float32), scores=np.empty(0, np.float32))


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
        carried: what came with their last detections.
    """

    frame: Frame | None = None
    motion = _NO_MOTION
    targets: Targets | None = None
    _observation: Any = None

    def __init__(self, engine: MotionEngine[Any, Any], solver: Solver, timer: StageTimer) -> None:
        self._engine, self._timer = engine, timer
        self.associator, self.carried = solver, Carried()

    def tracks(self) -> Tracks:
        """The tracks to report on the frame, with the engine's masks and what detections had."""
        tracks = self.associator.tracks()
        masks = None if self.targets is None else self.targets.masks
        if masks is not None:
            ids = self.associator.ids
            order = np.argsort(ids)
            rows = order[np.searchsorted(ids, tracks.id, sorter=order)]
            tracks = replace(tracks, masks=masks[rows])
        return self.carried.attach(tracks)

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
            sources = _find_sources(merge)
            self.carried = self.carried.update(self.associator.ids, sources, detections)
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


def _find_sources(merge: Merge) -> Int64[np.ndarray, " n"]:
    """The detection that each of N targets got in a merge, in their new rows; -1 for none."""
    matched = np.full(len(merge.alive), -1, np.int64)
    matched[merge.match.targets] = merge.match.detections
    return np.concatenate([matched[merge.alive], merge.enrolled])
