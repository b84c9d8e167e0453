"""Trajectories of our own: how objects may move that were not filmed here."""

import numpy as np
from jaxtyping import Float32, Float64

__all__ = ["invented"]

SIDES, ASPECT = (12.0, 200.0), 0.4
SPEEDS = (0.003, 0.4)
"""Slowest and fastest, in sides of the object per frame."""
WAYS = 5
"""Steady, speeding up or slowing down, turning, stopping, setting off."""


def invented(
    rng: np.random.Generator, count: int, frames: int
) -> Float32[np.ndarray, "n frames 4"]:
    """So many trajectories over ``frames`` frames, boxes (cx, cy, w, h) in pixels.

    An object keeps its speed, changes it steadily, turns, stops or sets off; half of them grow or
    shrink, as they would with their distance, and half are seen by a shaking camera.
    """
    side = _log_uniform(rng, *SIDES, count)
    aspect = np.exp(rng.normal(0, ASPECT / 2, count))
    growth = _growth(rng, count, frames)
    size = side[:, None, None] * np.stack([aspect, 1 / aspect], axis=1)[:, None] * np.exp(growth)
    step = _velocity(rng, count, frames) * size.prod(2, keepdims=True) ** 0.5
    centre = np.cumsum(step, axis=1) + side[:, None, None] * _shake(rng, count, frames)
    return np.concatenate([centre, size], axis=2).astype(np.float32)


def _log_uniform(
    rng: np.random.Generator, low: float, high: float, count: int
) -> Float64[np.ndarray, " n"]:
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))


def _velocity(
    rng: np.random.Generator, count: int, frames: int
) -> Float64[np.ndarray, "n frames 2"]:
    """Sides per frame, in x and y."""
    time = np.arange(frames) - rng.uniform(0, frames, (count, 1))
    way = rng.integers(WAYS, size=(count, 1))
    change = rng.uniform(-0.15, 0.15, (count, 1))
    ramp = np.clip(0.5 + time / rng.uniform(1, frames, (count, 1)), 0, 1)
    share = np.select([way == 1, way == 3, way == 4], [1 + change * time, 1 - ramp, ramp], 1.0)
    speed = _log_uniform(rng, *SPEEDS, count)[:, None] * share
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + np.where(way == 2, change * time, 0)
    return np.stack([speed * np.cos(heading), speed * np.sin(heading)], axis=2)


def _growth(rng: np.random.Generator, count: int, frames: int) -> Float64[np.ndarray, "n frames 2"]:
    """Logarithms of the sides against the first ones': both alike, and a little apart."""
    rates = rng.normal(0, 0.02, (count, 1, 1)) + rng.normal(0, 0.005, (count, 1, 2))
    rates *= rng.random((count, 1, 1)) < 0.5
    return np.asarray(rates * np.arange(frames)[:, None])


def _shake(rng: np.random.Generator, count: int, frames: int) -> Float64[np.ndarray, "n frames 2"]:
    """What a hand-held camera adds, in sides of the object."""
    strength = rng.uniform(0, 0.05, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.5)
    turns = rng.uniform(0.2, 2.0, (count, 1, 2)) * np.arange(frames)[:, None]
    return np.asarray(strength * np.sin(turns + rng.uniform(0, 2 * np.pi, (count, 1, 2))))
