"""What is expected to be wrong about the tracks since the last detector call."""

import numpy as np

from mvot_pipelines.scheduling.config import AdaptiveConfig
from mvot_plugin.association.associator import Merge
from mvot_plugin.engines.base import Motion
from mvot_plugin.ops.boxes import iou
from mvot_plugin.types import Detections, Frame

__all__ = ["LossEstimate"]

_PRIOR_LOSS, _PRIOR_FRAMES = 0.06, 10.0
"""The loss a frame that calls are taken to have found before the first, and for how long."""


class LossEstimate:
    """Estimates the loss, as a share of the targets.

    Attributes:
        lost: the share that the engine has lost since the last call.
    """

    def __init__(self, config: AdaptiveConfig) -> None:
        self._config = config
        self.lost = 0.0
        self._unseen = 0
        self._learned: int | None = None
        self._found = np.array([_PRIOR_LOSS, 1.0]) * _PRIOR_FRAMES

    @property
    def growth(self) -> float:
        """What is added a frame: as much as the last calls have found."""
        return self._config.base + float(self._found[0] / self._found[1])

    def watch(self, motion: Motion) -> None:
        """Take in the motion of N targets onto the next frame."""
        unseen = int((motion.scores < self._config.visible).sum())
        self._unseen = min(self._unseen, unseen)
        self.lost = (unseen - self._unseen) / max(len(motion.scores), 1)

    def learn(self, frame: Frame, motion: Motion, detections: Detections, merge: Merge) -> None:
        """Learn from a call how much was wrong."""
        self._unseen = int(merge.alive[merge.match.unmatched_targets].sum())
        if self._learned is not None and frame.index > self._learned:
            wrong = self._measure(motion, detections, merge)
            news = [wrong, frame.index - self._learned]
            self._found = self._config.memory * self._found + news
        self._learned = frame.index

    def _measure(self, motion: Motion, detections: Detections, merge: Merge) -> float:
        """The loss that a call found: targets that drifted, that ended, and new ones."""
        matched, found = merge.match.targets, merge.match.detections
        overlap = iou(motion.boxes[matched], detections.xyxy[found]).diagonal()
        drifted = np.clip(3 * (1 - overlap / self._config.exact), 0, 2).sum()
        wrong = float(drifted) + len(merge.enrolled) + int((~merge.alive).sum())
        return wrong / max(int(merge.alive.sum()) + len(merge.enrolled), 1)
