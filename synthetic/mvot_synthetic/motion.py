"""The motion of the camera and of objects: routes over the street at varying speed.

Positions are in units of 1/480 of the image height, x along the panorama, y (of the ground point)
downwards: farther up is farther away, and smaller.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float

__all__ = ["Camera", "Route", "follow_waypoints", "metres_to_units", "pan_camera"]

HORIZON = 84.0
"""The y of the horizon, in units."""
CAMERA_HEIGHT = 4.6
"""Height of the camera above the ground, in metres."""
_FORESHORTENING = 2.0
"""How many times as long a step in depth is as it appears in the image."""
_SHAKE_FREQUENCIES = (0.6, 1.7, 3.1)
"""Frequencies of the shake of the hand-held camera, in Hz."""

ValueT = TypeVar("ValueT", float, np.ndarray)


def metres_to_units(y: ValueT) -> ValueT:
    """The apparent length of a metre on the ground at ``y``, in units."""
    return (y - HORIZON) / CAMERA_HEIGHT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Route:
    """Position and pose of an object on each frame; ``x`` and ``y`` are its ground point."""

    x: Float[np.ndarray, " frames"]
    y: Float[np.ndarray, " frames"]
    yaw: Float[np.ndarray, " frames"]
    """Heading in radians: 0 to the right, a quarter turn toward the camera."""
    metres: Float[np.ndarray, " frames"]
    """Distance covered so far."""
    swing: Float[np.ndarray, " frames"]
    """Amplitude of the limbs' swing, 0 at rest to 1."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Camera:
    """The position of the image's upper left corner in the panorama, on each frame."""

    x: Float[np.ndarray, " frames"]
    y: Float[np.ndarray, " frames"]


def pan_camera(
    rng: np.random.Generator, times: Float[np.ndarray, " frames"], reach: float
) -> Camera:
    """A camera that sweeps ``reach`` units to the right and back every 16 seconds, hand-held."""
    sweep = 0.5 - 0.5 * np.cos(np.pi * times / 8)
    shakes = []
    for strength in (1.2, 0.8):
        phases = rng.uniform(0, 2 * np.pi, 3)
        waves = [
            np.sin(2 * np.pi * f * times + p)
            for f, p in zip(_SHAKE_FREQUENCIES, phases, strict=True)
        ]
        shakes.append(strength * (0.6 * waves[0] + 0.3 * waves[1] + 0.15 * waves[2]))
    return Camera(x=reach * sweep + shakes[0], y=shakes[1])


def follow_waypoints(
    rng: np.random.Generator,
    times: Float[np.ndarray, " frames"],
    waypoints: Float[np.ndarray, "points 2"],
    *,
    speed: float,
    meeting: tuple[float, float],
    rest: tuple[float, float] | None = None,
) -> Route:
    """A route along ``waypoints`` at about ``speed`` metres per second.

    ``meeting`` is a time in seconds and the share of the waypoints passed by then; ``rest`` is a
    pause (start and end in seconds) with smooth ends.
    """
    margin = 50
    step = times[1] - times[0] if len(times) > 1 else 0.04
    before = times[0] - step * np.arange(margin, 0, -1)
    clock = np.concatenate([before, times, times[-1] + step * np.arange(1, margin + 1)])
    dense, length = _measure_waypoints(waypoints)
    swing = _swing(clock, rest)
    wobble = 1 + 0.08 * np.sin(2 * np.pi * rng.uniform(0.1, 0.25) * clock + rng.uniform(0, 6.28))
    distance = np.cumsum(speed * step * swing * wobble)
    at_meeting = np.interp(meeting[1], np.linspace(0, 1, len(length)), length)
    distance += at_meeting - np.interp(meeting[0], clock, distance)
    window = max(1, round(0.7 / step)) | 1
    x, y = (_smooth(np.interp(distance, length, axis), window) for axis in dense.T)
    yaw = np.arctan2(_FORESHORTENING * np.gradient(y), np.gradient(x) + 1e-9)
    moving = np.hypot(np.gradient(x), np.gradient(y)) > 1e-6
    kept = slice(margin, margin + len(times))
    return Route(
        x=x[kept],
        y=y[kept],
        yaw=_hold_last(yaw, moving)[kept],
        metres=distance[kept],
        swing=swing[kept],
    )


def _measure_waypoints(waypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points in small steps along the waypoints, and the metres from the start to each."""
    shares = np.linspace(0, len(waypoints) - 1, 64 * (len(waypoints) - 1) + 1)
    dense = np.stack(
        [np.interp(shares, np.arange(len(waypoints)), axis) for axis in waypoints.T], axis=1
    )
    steps = np.diff(dense, axis=0) * (1, _FORESHORTENING)
    metres = np.hypot(*steps.T) / metres_to_units((dense[1:, 1] + dense[:-1, 1]) / 2)
    return dense, np.concatenate([[0.0], np.cumsum(metres)])


def _swing(clock: np.ndarray, rest: tuple[float, float] | None) -> np.ndarray:
    """The swing of the limbs at each time: 1, and 0 during the pause."""
    if rest is None:
        return np.ones_like(clock)
    ramp = 0.4
    inside = np.minimum(clock - rest[0], rest[1] - clock) / ramp
    return np.asarray(1 - np.clip(inside + 0.5, 0, 1))


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    padded = np.pad(values, window // 2, mode="reflect", reflect_type="odd")
    return np.convolve(padded, np.full(window, 1 / window), mode="valid")


def _hold_last(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Values with the invalid replaced by the last valid one (by the first value, before any)."""
    last = np.maximum.accumulate(np.where(valid, np.arange(len(values)), 0))
    return np.asarray(values[last])
