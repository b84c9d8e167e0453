"""`kalman`: a constant-velocity Kalman filter for each target, without the image."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float32, Float64

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed_seconds
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.types import XYXY, Frame, as_frame

__all__ = ["KalmanEngine", "KalmanTargets"]

_MEASUREMENT_MATRIX = np.eye(4, 8)
_RELATIVE_DEVIATION = np.array([1.0, 1.0, 0.5, 0.5])
"""Standard deviations of a box's centre (x, y) and sides (w, h), relative to the centre's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KalmanTargets(Targets):
    """A Gaussian for each target over (cx, cy, w, h) in pixels and their change per second."""

    timestamp: Float64[np.ndarray, " n"]
    """Of the frame that each target was last moved to, in seconds."""
    mean: Float64[np.ndarray, "n 8"]
    covariance: Float64[np.ndarray, "n 8 8"]
    unit: Float64[np.ndarray, " n"]
    """The unit of the noise, in pixels: the size of each box when it was last measured."""


@dataclass(frozen=True, kw_only=True)
class KalmanEngine:
    """Predicts boxes over the time that has passed, and estimates velocity from measured boxes.

    Standard deviations are in units of the target's size (the root of its area).
    """

    mistakable: ClassVar[bool] = False
    """Filters do not look at the image, so they cannot confuse targets (see ``MotionEngine``)."""
    measurement: float = 0.1
    """Standard deviation of a measured box."""
    velocity: float = 1.5
    """Standard deviation of the velocity when a target is enrolled, per second."""
    acceleration: float = 1.0
    """Standard deviation of the acceleration, per second squared."""

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself; only its time is used."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[XYXY, " n"]) -> KalmanTargets:
        """Targets at rest in N ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        mean = np.zeros((len(boxes), 8))
        mean[:, :4] = xyxy_to_cxcywh(boxes)
        unit = np.sqrt(mean[:, 2] * mean[:, 3])
        spread = np.concatenate(
            [self.measurement * _RELATIVE_DEVIATION, self.velocity * _RELATIVE_DEVIATION]
        )
        covariance = (unit[:, None] * spread)[:, :, None] ** 2 * np.eye(8)
        timestamp = np.full(len(boxes), observation.timestamp)
        return KalmanTargets(
            boxes=boxes, timestamp=timestamp, mean=mean, covariance=covariance, unit=unit
        )

    def track(self, observation: Frame, targets: KalmanTargets) -> tuple[KalmanTargets, Motion]:
        """Predicted boxes; a score is 1/2 where the centre's standard deviation is half a size."""
        steps = elapsed_seconds(observation.timestamp, targets.timestamp)
        transition = _transitions(steps)
        mean = np.einsum("nij,nj->ni", transition, targets.mean)
        covariance = transition @ targets.covariance @ transition.transpose(0, 2, 1)
        covariance += self._noise(steps, targets.unit)
        mean[:, 2:4] = np.maximum(mean[:, 2:4], 1)
        boxes = cxcywh_to_xyxy(mean[:, :4]).astype(np.float32)
        variance = covariance[:, [0, 1], [0, 1]].sum(1) / 2 / (0.5 * targets.unit) ** 2
        timestamp = np.full(len(targets), observation.timestamp)
        targets = replace(
            targets, boxes=boxes, timestamp=timestamp, mean=mean, covariance=covariance
        )
        return targets, Motion(boxes=boxes.copy(), scores=(1 / (1 + variance)).astype(np.float32))

    def refresh(
        self,
        observation: Frame,
        targets: KalmanTargets,
        boxes: Float32[XYXY, " n"],
        appearance: Bool[np.ndarray, " n"],
    ) -> KalmanTargets:
        """Update the N filters with measured ``boxes``; there is no appearance to enroll."""
        measured = xyxy_to_cxcywh(as_boxes(boxes)).astype(np.float64)
        noise = _diagonal((self.measurement * targets.unit[:, None] * _RELATIVE_DEVIATION) ** 2)
        prior = targets.covariance
        gain = prior[:, :, :4] @ np.linalg.inv(prior[:, :4, :4] + noise)
        mean = targets.mean + np.einsum("nij,nj->ni", gain, measured - targets.mean[:, :4])
        remaining = np.eye(8) - gain @ _MEASUREMENT_MATRIX
        covariance = remaining @ prior @ remaining.transpose(0, 2, 1)  # Joseph's form
        covariance += gain @ noise @ gain.transpose(0, 2, 1)
        mean[:, 2:4] = np.maximum(mean[:, 2:4], 1)
        unit = np.sqrt(mean[:, 2] * mean[:, 3])
        return replace(targets, boxes=as_boxes(boxes), mean=mean, covariance=covariance, unit=unit)

    def _noise(
        self, steps: Float64[np.ndarray, " n"], unit: Float64[np.ndarray, " n"]
    ) -> Float64[np.ndarray, "n 8 8"]:
        """The covariance that white noise of the acceleration adds over N steps in seconds."""
        variance = (self.acceleration * unit[:, None] * _RELATIVE_DEVIATION) ** 2
        noise = np.zeros((len(steps), 8, 8))
        time = steps[:, None, None]
        noise[:, :4, :4] = _diagonal(variance) * time**4 / 4
        noise[:, :4, 4:] = noise[:, 4:, :4] = _diagonal(variance) * time**3 / 2
        noise[:, 4:, 4:] = _diagonal(variance) * time**2
        return noise


def _transitions(steps: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "n 8 8"]:
    """The matrices that move (box, change) on by N steps in seconds."""
    transition = np.tile(np.eye(8), (len(steps), 1, 1))
    transition[:, :4, 4:] = steps[:, None, None] * np.eye(4)
    return transition


def _diagonal(values: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d d"]:
    """N diagonal matrices."""
    return np.asarray(values[:, :, None] * np.eye(values.shape[1]))
