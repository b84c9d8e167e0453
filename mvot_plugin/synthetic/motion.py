"""Where everything is at every frame: routes over the street, walked at varying speed.

Positions are in units of 1/480 of the image height, x along the panorama, y (where the figure
touches the ground) downwards: farther up is farther away, and smaller.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Float

__all__ = ["Camera", "Path", "metres_to_units", "panning", "travel"]

HORIZON = 84.0
CAMERA_HEIGHT = 4.6
_FORESHORTENED = 2.0
_SHAKES = (0.6, 1.7, 3.1)


ValueT = TypeVar("ValueT", float, np.ndarray)


def metres_to_units(y: ValueT) -> ValueT:
    """How long a metre looks that stands on the ground at ``y``."""
    return (y - HORIZON) / CAMERA_HEIGHT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Path:
    """Per frame: ground point, heading (0 right, a quarter turn toward the camera), way gone.

    ``yaw`` is in radians, ``metres`` is cumulated, ``swing`` runs from 0 at rest to 1.
    """

    x: Float[np.ndarray, " frames"]
    y: Float[np.ndarray, " frames"]
    yaw: Float[np.ndarray, " frames"]
    metres: Float[np.ndarray, " frames"]
    swing: Float[np.ndarray, " frames"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Camera:
    """Per frame: what of the panorama is at the image's left and top edge."""

    x: Float[np.ndarray, " frames"]
    y: Float[np.ndarray, " frames"]


def panning(rng: np.random.Generator, times: Float[np.ndarray, " frames"], reach: float) -> Camera:
    """A camera that sweeps ``reach`` units to the right and back every 16 seconds, hand-held."""
    sweep = 0.5 - 0.5 * np.cos(np.pi * times / 8)
    shakes = []
    for strength in (1.2, 0.8):
        phases = rng.uniform(0, 2 * np.pi, 3)
        waves = [np.sin(2 * np.pi * f * times + p) for f, p in zip(_SHAKES, phases, strict=True)]
        shakes.append(strength * (0.6 * waves[0] + 0.3 * waves[1] + 0.15 * waves[2]))
    return Camera(x=reach * sweep + shakes[0], y=shakes[1])


def travel(
    rng: np.random.Generator,
    times: Float[np.ndarray, " frames"],
    route: Float[np.ndarray, "points 2"],
    *,
    speed: float,
    meeting: tuple[float, float],
    rest: tuple[float, float] | None = None,
) -> Path:
    """Follow a route at about ``speed`` metres per second, and be at ``meeting`` on time.

    ``meeting`` is a time in seconds and the share of the route's points passed by then; ``rest``
    is a pause, from one time to another, its ends smooth.
    """
    margin = 50
    step = times[1] - times[0] if len(times) > 1 else 0.04
    before = times[0] - step * np.arange(margin, 0, -1)
    clock = np.concatenate([before, times, times[-1] + step * np.arange(1, margin + 1)])
    dense, length = _measured(route)
    swing = _unrested(clock, rest)
    wobble = 1 + 0.08 * np.sin(2 * np.pi * rng.uniform(0.1, 0.25) * clock + rng.uniform(0, 6.28))
    gone = np.cumsum(speed * step * swing * wobble)
    due = np.interp(meeting[1], np.linspace(0, 1, len(length)), length)
    gone += due - np.interp(meeting[0], clock, gone)
    window = max(1, round(0.7 / step)) | 1
    x, y = (_smooth(np.interp(gone, length, axis), window) for axis in dense.T)
    yaw = np.arctan2(_FORESHORTENED * np.gradient(y), np.gradient(x) + 1e-9)
    moving = np.hypot(np.gradient(x), np.gradient(y)) > 1e-6
    kept = slice(margin, margin + len(times))
    return Path(
        x=x[kept], y=y[kept], yaw=_held(yaw, moving)[kept], metres=gone[kept], swing=swing[kept]
    )


def _measured(route: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The route in small steps, and the metres from its start to each."""
    shares = np.linspace(0, len(route) - 1, 64 * (len(route) - 1) + 1)
    dense = np.stack([np.interp(shares, np.arange(len(route)), axis) for axis in route.T], axis=1)
    steps = np.diff(dense, axis=0) * (1, _FORESHORTENED)
    metres = np.hypot(*steps.T) / metres_to_units((dense[1:, 1] + dense[:-1, 1]) / 2)
    return dense, np.concatenate([[0.0], np.cumsum(metres)])


def _unrested(clock: np.ndarray, rest: tuple[float, float] | None) -> np.ndarray:
    if rest is None:
        return np.ones_like(clock)
    ramp = 0.4
    inside = np.minimum(clock - rest[0], rest[1] - clock) / ramp
    return np.asarray(1 - np.clip(inside + 0.5, 0, 1))


def _smooth(values: np.ndarray, window: int) -> np.ndarray:
    padded = np.pad(values, window // 2, mode="reflect", reflect_type="odd")
    return np.convolve(padded, np.full(window, 1 / window), mode="valid")


def _held(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Where not ``known``, the last known value stands (the first, before any)."""
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    return np.asarray(values[last])
