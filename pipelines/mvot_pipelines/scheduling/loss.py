"""What is expected to be wrong about the tracks since the last detector call."""

import numpy as np
from jaxtyping import Float32

from mvot_pipelines.scheduling.config import AdaptiveConfig
from mvot_plugin.association.associator import Merge
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import iou, size
from mvot_plugin.types import XYXY, Detections, Frame

__all__ = ["LossEstimate"]

_FASTEST = 5.0
"""The highest speed of a target that counts, in its own size a second."""
_SPEED_MEMORY = 0.8
"""Share of earlier frames in the mean speed; the rest is the last one."""
_PRIOR_CHANGE, _PRIOR_SECONDS = 0.3, 2.0
"""The loss a second that calls are taken to have found before the first, and for how long."""


class LossEstimate:
    """Estimates the loss, as a share of the targets.

    Attributes:
        lost: the share that the engine has lost since the last call.
    """

    def __init__(self, config: AdaptiveConfig) -> None:
        self._config = config
        self.lost = 0.0
        self._unseen = 0
        self._speed: float | None = None
        self._boxes: Float32[XYXY, " n"] | None = None
        self._time = self._learned = np.nan
        self._changes = np.array([_PRIOR_CHANGE, 1.0]) * _PRIOR_SECONDS

    @property
    def growth(self) -> float:
        """What is added a second: by motion, and as much as the last calls have found."""
        found = float(self._changes[0] / self._changes[1])
        return self._config.base + self._config.motion * (self._speed or 0.0) + found

    def watch(self, frame: Frame, motion: Motion) -> None:
        """Take in the motion of N targets onto the next frame."""
        unseen = int((motion.scores < self._config.visible).sum())
        self._unseen = min(self._unseen, unseen)
        self.lost = (unseen - self._unseen) / max(len(motion.scores), 1)
        boxes, step = self._boxes, frame.timestamp - self._time
        self._boxes, self._time = motion.boxes, frame.timestamp
        if boxes is None or len(boxes) != len(motion.boxes) or not len(boxes) or not step > 0:
            return
        speed = _mean_speed(boxes, motion.boxes, step)
        memory = 0.0 if self._speed is None else _SPEED_MEMORY
        self._speed = memory * (self._speed or 0.0) + (1 - memory) * speed

    def learn(self, frame: Frame, motion: Motion, detections: Detections, merge: Merge) -> None:
        """Learn from a call how much was wrong."""
        self._unseen = int(merge.alive[merge.match.unmatched_targets].sum())
        self._boxes = None  # rows are others from here on
        age, self._learned = frame.timestamp - self._learned, frame.timestamp
        if age > 0:
            wrong = self._measure(motion, detections, merge)
            self._changes = self._config.memory * self._changes + [wrong, age]

    def _measure(self, motion: Motion, detections: Detections, merge: Merge) -> float:
        """The loss that a call found: targets that drifted, that ended, and new ones."""
        matched, found = merge.match.targets, merge.match.detections
        overlap = iou(motion.boxes[matched], detections.xyxy[found]).diagonal()
        drifted = np.clip(3 * (1 - overlap / self._config.exact), 0, 2).sum()
        wrong = float(drifted) + len(merge.enrolled) + int((~merge.alive).sum())
        return wrong / max(int(merge.alive.sum()) + len(merge.enrolled), 1)


def _mean_speed(before: Float32[XYXY, " n"], after: Float32[XYXY, " n"], seconds: float) -> float:
    """The mean speed of N targets, in their own size a second."""
    moved = np.abs((after - before).reshape(-1, 2, 2).mean(1)).sum(1)
    return float(np.minimum(moved / np.maximum(size(after), 1) / seconds, _FASTEST).mean())
