"""Memory of targets that are no longer tracked, and the recall of those that come back.

As in SiamMOT's online solver (section 3.4), lost targets are compared with the detections that
nothing else explains. They are taken back on appearance and place together.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_plugin.association.assignment import Match, assign
from mvot_plugin.association.trajectories import Trajectories
from mvot_plugin.config import CheckedConfig, Finite, NonNegative, Positive
from mvot_plugin.ops.boxes import size, xyxy_to_cxcywh
from mvot_plugin.ops.kalman import warp_filters
from mvot_plugin.ops.similarity import Similarity, warp_boxes
from mvot_plugin.types import XYXY, Detections

__all__ = ["Memory", "MemoryConfig", "match_lost", "place_evidence"]


@dataclass(frozen=True, kw_only=True)
class MemoryConfig(CheckedConfig):
    """Settings of the memory of lost targets."""

    seconds: NonNegative = 10.0
    """How long a target is remembered after it was last detected. 0: not at all, and what is lost
    is not looked for beyond the affinity."""
    gate: Finite = -0.5
    """Least evidence that a detection is a lost target, of place and appearance, in log odds."""
    spread: Positive = 0.5
    """Deviation of the place of a target that was just lost, in sizes of the target."""
    speed: NonNegative = 1.0
    """What that deviation grows by, in sizes per second."""
    resize: Positive = 0.35
    """Deviation of the logarithm of a target's size."""
    inertia: NonNegative = 1.5
    """Seconds for which a lost target is taken to keep its velocity."""


class Memory:
    """The trajectories that ended a short time ago, the last ``most`` of them."""

    def __init__(self, config: MemoryConfig, empty: Trajectories, most: int = 1000) -> None:
        self.config, self._most = config, most
        self.lost = empty
        self._since = np.zeros(0)

    def add(self, ended: Trajectories, time: float) -> None:
        """Remember trajectories that end at a time, in seconds."""
        if self.config.seconds > 0 and len(ended):
            self.lost = Trajectories.cat([self.lost, ended])
            self._since = np.concatenate([self._since, np.full(len(ended), time)])
            if len(self.lost) > self._most:
                self._keep(np.arange(len(self.lost) - self._most, len(self.lost)))

    def forget(self, time: float) -> None:
        """Forget those that were last detected too long ago, at a time in seconds."""
        old = time - self.lost.measured > self.config.seconds
        if old.any():
            self._keep(~old)

    def warp(self, motion: Similarity) -> None:
        """Move what is remembered with the image, by the camera's ``motion``."""
        if len(self.lost):
            boxes = warp_boxes(self.lost.boxes, motion)
            course = warp_filters(self.lost.course, motion)
            self.lost = replace(self.lost, boxes=boxes, course=course)

    def recall(
        self, detections: Detections, log_ratio: Float64[np.ndarray, "n m"], time: float
    ) -> tuple[Trajectories, Int64[np.ndarray, " found"]]:
        """Take back the targets that some of the M ``detections`` show.

        Args:
            detections: Detections that match no tracked target.
            log_ratio: What appearance says about each of N lost targets and each detection, as a
                log likelihood ratio.
            time: The time, in seconds.

        Returns:
            The trajectories that are taken back, and the detection of each.
        """
        gone = np.minimum(time - self._since, self.config.inertia)[:, None]
        shift = np.tile(self.lost.course.velocity * gone, 2)
        boxes = (self.lost.boxes + shift).astype(np.float32)
        match = match_lost(self.lost, boxes, detections, log_ratio, time, self.config)
        recalled = self.lost[match.targets]
        self._keep(match.unmatched_targets)
        return recalled, match.detections

    def _keep(self, rows: np.ndarray) -> None:
        self.lost, self._since = self.lost[rows], self._since[rows]


def match_lost(
    lost: Trajectories,
    boxes: Float32[XYXY, " n"],
    detections: Detections,
    log_ratio: Float64[np.ndarray, "n m"],
    time: float,
    config: MemoryConfig,
) -> Match:
    """Match N lost targets, expected in ``boxes``, with M detections by place and appearance.

    ``log_ratio`` is what appearance says about each pair; ``time`` is in seconds.
    """
    evidence = log_ratio + place_evidence(boxes, time - lost.measured, detections, config)
    same = lost.class_id[:, None] == detections.class_id
    gain = np.where(same, np.maximum(evidence - config.gate, 0), 0)
    return assign(gain.astype(np.float32), 0.0)


def place_evidence(
    boxes: Float32[XYXY, " n"],
    elapsed: Float64[np.ndarray, " n"],
    detections: Detections,
    config: MemoryConfig,
) -> Float64[np.ndarray, "n m"]:
    """Compute how well places and sizes of M detections fit N lost targets.

    Args:
        boxes: Where the targets are expected, in pixels.
        elapsed: Seconds since they were last detected.
        detections: The detections.
        config: The settings.

    Returns:
        Log likelihoods, against that of the place of a target that was just lost.
    """
    unit = np.maximum(size(boxes), 1).astype(np.float64)[:, None]
    apart = xyxy_to_cxcywh(detections.xyxy)[None, :, :2] - xyxy_to_cxcywh(boxes)[:, None, :2]
    distance = np.linalg.norm(apart, axis=2) / unit
    deviation = (config.spread + config.speed * elapsed)[:, None]
    resized = np.log(np.maximum(size(detections.xyxy), 1)[None] / unit) / config.resize
    likelihood = -((distance / deviation) ** 2 + resized**2) / 2
    return np.asarray(likelihood - np.log(deviation / config.spread))
