"""`kalman`: a constant-velocity Kalman filter for each target (filterpy), and no look at pixels."""

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float32, Float64

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.types import Frame, as_frame

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # filterpy's docstrings have invalid escapes
    from filterpy.common import Q_discrete_white_noise
    from filterpy.kalman import predict, update

__all__ = ["KalmanEngine", "KalmanTargets"]

_MEASURE = np.eye(4, 8)
_SIDES = np.array([1.0, 1.0, 0.5, 0.5])
"""How much the centre (x, y) and the sides (w, h) of a box vary, against each other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KalmanTargets(Targets):
    """A Gaussian for each target over (cx, cy, w, h) in pixels and their change per second.

    ``unit`` is the length in pixels that the noise is measured in: the box's size when enrolled.
    """

    timestamp: Float64[np.ndarray, " n"]
    mean: Float64[np.ndarray, "n 8"]
    covariance: Float64[np.ndarray, "n 8 8"]
    unit: Float64[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class KalmanEngine:
    """Predicts boxes over the time that really passed, and learns velocity from detections.

    Standard deviations are in units of the target's size (the root of its area): of a measured
    box, of the velocity when enrolled (per second), and of the acceleration (per second squared).
    """

    mistakable: ClassVar[bool] = False
    measurement: float = 0.1
    velocity: float = 1.5
    acceleration: float = 1.0

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself; only its time is used."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[np.ndarray, "n 4"]) -> KalmanTargets:
        """Targets at rest at (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        mean = np.zeros((len(boxes), 8))
        mean[:, :4] = xyxy_to_cxcywh(boxes)
        unit = np.sqrt(mean[:, 2] * mean[:, 3])
        spread = np.concatenate([self.measurement * _SIDES, self.velocity * _SIDES])
        covariance = (unit[:, None] * spread)[:, :, None] ** 2 * np.eye(8)
        timestamp = np.full(len(boxes), observation.timestamp)
        return KalmanTargets(
            boxes=boxes, timestamp=timestamp, mean=mean, covariance=covariance, unit=unit
        )

    def track(self, observation: Frame, targets: KalmanTargets) -> tuple[KalmanTargets, Motion]:
        """Predicted boxes (N, 4); a score (N,) of 1/2 where the centre is unsure by half a size."""
        steps = elapsed(observation.timestamp, targets.timestamp)
        mean, covariance = targets.mean.copy(), targets.covariance.copy()
        for i, (step, unit) in enumerate(zip(steps, targets.unit, strict=True)):
            mean[i], covariance[i] = predict(
                mean[i], covariance[i], _transition(step), self._noise(step, unit)
            )
        mean[:, 2:4] = np.maximum(mean[:, 2:4], 1)
        boxes = cxcywh_to_xyxy(mean[:, :4]).astype(np.float32)
        unsure = covariance[:, [0, 1], [0, 1]].sum(1) / 2 / (0.5 * targets.unit) ** 2
        timestamp = np.full(len(targets), observation.timestamp)
        targets = replace(
            targets, boxes=boxes, timestamp=timestamp, mean=mean, covariance=covariance
        )
        return targets, Motion(boxes=boxes.copy(), scores=(1 / (1 + unsure)).astype(np.float32))

    def refresh(
        self,
        observation: Frame,
        targets: KalmanTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> KalmanTargets:
        """Update the N filters with measured (N, 4) ``boxes``; there is no look to enrol anew."""
        measured = xyxy_to_cxcywh(as_boxes(boxes)).astype(np.float64)
        mean, covariance = targets.mean.copy(), targets.covariance.copy()
        for i, unit in enumerate(targets.unit):
            noise = np.diag((self.measurement * unit * _SIDES) ** 2)
            mean[i], covariance[i] = update(mean[i], covariance[i], measured[i], noise, _MEASURE)
        mean[:, 2:4] = np.maximum(mean[:, 2:4], 1)
        unit = np.sqrt(mean[:, 2] * mean[:, 3])
        return replace(targets, boxes=as_boxes(boxes), mean=mean, covariance=covariance, unit=unit)

    def _noise(self, step: float, unit: float) -> Float64[np.ndarray, "8 8"]:
        noise = Q_discrete_white_noise(dim=2, dt=step, var=1.0, block_size=4, order_by_dim=False)
        spread = np.tile(self.acceleration * unit * _SIDES, 2)
        return np.asarray(noise * spread[:, None] * spread)


def _transition(step: float) -> Float64[np.ndarray, "8 8"]:
    transition = np.eye(8)
    transition[:4, 4:] = step * np.eye(4)
    return transition
