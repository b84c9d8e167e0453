"""Synthetic trajectories, for motion that the sequences lack."""

import numpy as np
from jaxtyping import Float32, Float64

from mvot_plugin.types import CXCYWH

__all__ = ["sample_trajectories"]

SIDES = (12.0, 200.0)
"""The smallest and the largest side (square root of the area), in pixels."""
ASPECT = 0.4
"""Standard deviation of the logarithm of width / height."""
SPEEDS = (0.003, 0.4)
"""The slowest and the fastest, in sides of the object per frame."""
MANOEUVRES = 5
"""Steady, accelerating or braking, turning, stopping, starting."""


def sample_trajectories(
    rng: np.random.Generator, count: int, frames: int
) -> Float32[CXCYWH, "n frames"]:
    """Sample ``count`` trajectories over ``frames`` frames, in pixels.

    Objects keep their speed, accelerate, turn, stop or start. Half of them grow or shrink, as with
    their distance, and half are filmed by a shaking camera.
    """
    side = _sample_log_uniform(rng, *SIDES, count)
    aspect = np.exp(rng.normal(0, ASPECT / 2, count))
    growth = _sample_growth(rng, count, frames)
    size = side[:, None, None] * np.stack([aspect, 1 / aspect], axis=1)[:, None] * np.exp(growth)
    step = _sample_velocity(rng, count, frames) * size.prod(2, keepdims=True) ** 0.5
    centre = np.cumsum(step, axis=1) + side[:, None, None] * _sample_shake(rng, count, frames)
    return np.concatenate([centre, size], axis=2).astype(np.float32)


def _sample_log_uniform(
    rng: np.random.Generator, low: float, high: float, count: int
) -> Float64[np.ndarray, " n"]:
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))


def _sample_velocity(
    rng: np.random.Generator, count: int, frames: int
) -> Float64[np.ndarray, "n frames 2"]:
    """Velocities in x and y, in sides of the object per frame."""
    time = np.arange(frames) - rng.uniform(0, frames, (count, 1))
    manoeuvre = rng.integers(MANOEUVRES, size=(count, 1))
    change = rng.uniform(-0.15, 0.15, (count, 1))
    ramp = np.clip(0.5 + time / rng.uniform(1, frames, (count, 1)), 0, 1)
    factor = np.select(
        [manoeuvre == 1, manoeuvre == 3, manoeuvre == 4], [1 + change * time, 1 - ramp, ramp], 1.0
    )
    speed = _sample_log_uniform(rng, *SPEEDS, count)[:, None] * factor
    heading = rng.uniform(0, 2 * np.pi, (count, 1)) + np.where(manoeuvre == 2, change * time, 0)
    return np.stack([speed * np.cos(heading), speed * np.sin(heading)], axis=2)


def _sample_growth(
    rng: np.random.Generator, count: int, frames: int
) -> Float64[np.ndarray, "n frames 2"]:
    """Logarithms of width and height relative to the first frame's; the two are nearly equal."""
    rates = rng.normal(0, 0.02, (count, 1, 1)) + rng.normal(0, 0.005, (count, 1, 2))
    rates *= rng.random((count, 1, 1)) < 0.5
    return np.asarray(rates * np.arange(frames)[:, None])


def _sample_shake(
    rng: np.random.Generator, count: int, frames: int
) -> Float64[np.ndarray, "n frames 2"]:
    """The displacement by a hand-held camera, in sides of the object."""
    strength = rng.uniform(0, 0.05, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.5)
    phase = rng.uniform(0.2, 2.0, (count, 1, 2)) * np.arange(frames)[:, None]
    return np.asarray(strength * np.sin(phase + rng.uniform(0, 2 * np.pi, (count, 1, 2))))
