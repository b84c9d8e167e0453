"""Constant-velocity Kalman filters of N boxes at once (Kalman 1960; for boxes as in SORT, 2016)."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Float32, Float64

from mvot_plugin.config import CheckedConfig, NonNegative, Positive
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.ops.similarity import Similarity, scale_of
from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY

__all__ = ["BoxFilter", "FilteredBoxes", "warp_filters"]

_MEASUREMENT_MATRIX = np.eye(4, 8)
_RELATIVE_DEVIATION = np.array([1.0, 1.0, 0.5, 0.5])
"""Standard deviations of a box's centre (x, y) and sides (w, h), relative to the centre's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FilteredBoxes(Rows):
    """A Gaussian for each of N boxes over (cx, cy, w, h) in pixels and their change per second."""

    boxes: Float32[XYXY, " n"]
    """The boxes, as last predicted or measured, in pixels."""
    timestamp: Float64[np.ndarray, " n"]
    """The time that each is predicted to, in seconds."""
    mean: Float64[np.ndarray, "n 8"]
    covariance: Float64[np.ndarray, "n 8 8"]
    unit: Float64[np.ndarray, " n"]
    """The unit of the noise, in pixels: the size of each box when it was last measured."""

    @property
    def velocity(self) -> Float64[np.ndarray, "n 2"]:
        """The velocity of the centres, in pixels per second."""
        return self.mean[:, 4:6]

    @property
    def certainty(self) -> Float32[np.ndarray, " n"]:
        """How well the places are known, 0..1: 1/2 for a deviation of the centre of half a size."""
        variance = self.covariance[:, [0, 1], [0, 1]].sum(1) / 2 / (0.5 * self.unit) ** 2
        return np.asarray(1 / (1 + variance), np.float32)


FilteredT = TypeVar("FilteredT", bound=FilteredBoxes)


@dataclass(frozen=True, kw_only=True)
class BoxFilter(CheckedConfig):
    """Predicts boxes over the time that passes, and estimates velocities from measured boxes.

    Standard deviations are in units of a box's size (the root of its area).
    """

    measurement: Positive = 0.1
    """Standard deviation of a measured box."""
    velocity: NonNegative = 1.5
    """Standard deviation of the velocity at the start, per second."""
    acceleration: NonNegative = 1.0
    """Standard deviation of the acceleration, per second squared."""

    def start(self, boxes: Float32[XYXY, " n"], time: float) -> FilteredBoxes:
        """Filters at rest in N ``boxes``, at a time in seconds."""
        mean = np.zeros((len(boxes), 8))
        mean[:, :4] = xyxy_to_cxcywh(boxes)
        unit = np.sqrt(mean[:, 2] * mean[:, 3])
        spread = np.concatenate(
            [self.measurement * _RELATIVE_DEVIATION, self.velocity * _RELATIVE_DEVIATION]
        )
        return FilteredBoxes(
            boxes=boxes,
            timestamp=np.full(len(boxes), time),
            mean=mean,
            covariance=(unit[:, None] * spread)[:, :, None] ** 2 * np.eye(8),
            unit=unit,
        )

    def predict(self, filters: FilteredT, steps: Float64[np.ndarray, " n"]) -> FilteredT:
        """Predict N boxes over ``steps``, in seconds."""
        transition = _transitions(steps)
        mean = np.einsum("nij,nj->ni", transition, filters.mean)
        covariance = transition @ filters.covariance @ transition.transpose(0, 2, 1)
        covariance += self._noise(steps, filters.unit)
        mean[:, 2:4] = np.maximum(mean[:, 2:4], 1)
        return replace(
            filters,
            boxes=cxcywh_to_xyxy(mean[:, :4]).astype(np.float32),
            timestamp=filters.timestamp + steps,
            mean=mean,
            covariance=covariance,
        )

    def correct(self, filters: FilteredT, boxes: Float32[XYXY, " n"]) -> FilteredT:
        """Update N filters, predicted to the time of measurement, with measured ``boxes``."""
        measured = xyxy_to_cxcywh(boxes).astype(np.float64)
        noise = _diagonal((self.measurement * filters.unit[:, None] * _RELATIVE_DEVIATION) ** 2)
        prior = filters.covariance
        gain = prior[:, :, :4] @ np.linalg.inv(prior[:, :4, :4] + noise)
        mean = filters.mean + np.einsum("nij,nj->ni", gain, measured - filters.mean[:, :4])
        remaining = np.eye(8) - gain @ _MEASUREMENT_MATRIX
        covariance = remaining @ prior @ remaining.transpose(0, 2, 1)  # Joseph's form
        covariance += gain @ noise @ gain.transpose(0, 2, 1)
        mean[:, 2:4] = np.maximum(mean[:, 2:4], 1)
        unit = np.sqrt(mean[:, 2] * mean[:, 3])
        return replace(filters, boxes=boxes, mean=mean, covariance=covariance, unit=unit)

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


def warp_filters(filters: FilteredT, motion: Similarity) -> FilteredT:
    """Move N boxes, their velocities and deviations with the image, by the camera's ``motion``."""
    scale, mean = scale_of(motion), filters.mean.copy()
    mean[:, :2] = mean[:, :2] @ motion[:, :2].T + motion[:, 2]
    mean[:, 4:6] = mean[:, 4:6] @ motion[:, :2].T
    mean[:, [2, 3, 6, 7]] *= scale
    return replace(
        filters,
        boxes=cxcywh_to_xyxy(mean[:, :4]).astype(np.float32),
        mean=mean,
        covariance=filters.covariance * scale**2,
        unit=filters.unit * scale,
    )


def _transitions(steps: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "n 8 8"]:
    """The matrices that move (box, change) on by N steps in seconds."""
    transition = np.tile(np.eye(8), (len(steps), 1, 1))
    transition[:, :4, 4:] = steps[:, None, None] * np.eye(4)
    return transition


def _diagonal(values: Float64[np.ndarray, "n d"]) -> Float64[np.ndarray, "n d d"]:
    """N diagonal matrices."""
    return np.asarray(values[:, :, None] * np.eye(values.shape[1]))
