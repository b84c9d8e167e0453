"""The motion of the camera from one detector call to the next."""

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_plugin.config import CheckedConfig, Count, NonNegative, Range
from mvot_plugin.ops.similarity import Similarity, estimate_similarity
from mvot_plugin.types import Frame

__all__ = ["CameraConfig", "CameraMotion"]


@dataclass(frozen=True, kw_only=True)
class CameraConfig(CheckedConfig):
    """Settings of the estimate of the camera's motion."""

    enabled: bool = True
    """Whether it is estimated at all; without, the camera is taken to stand."""
    side: Annotated[int, Range(32, 100_000)] = 320
    """The longer side of the reduced frame that it is measured on, in pixels."""
    still: NonNegative = 0.3
    """Motion of a corner of the reduced frame up to which the camera stands, in pixels."""
    patience: Count = 5
    """Detector calls with a standing camera after which it is looked at once in so many calls."""


class CameraMotion:
    """Estimates how the image moved since the last detector call; seldom where it stands."""

    def __init__(self, config: CameraConfig) -> None:
        self.config = config
        self._reference: UInt8[np.ndarray, "height width"] | None = None
        self._last: UInt8[np.ndarray, "height width"] | None = None
        self._still_calls = 0

    def update(self, frame: Frame) -> Similarity | None:
        """The similarity from the last frame with motion to this one, in pixels.

        None on the first frame, where the camera stands, and where no estimate is possible.
        """
        config = self.config
        if not config.enabled:
            return None
        grey, scale = _reduce(frame.image, config.side)
        last, self._last = self._last, grey
        self._still_calls += 1
        is_standing = self._still_calls > config.patience
        if is_standing and self._still_calls % config.patience:
            return None
        motion = _estimate(self._reference, grey)
        if motion is not None and _corner_motion(motion, grey.shape) <= config.still:
            return None  # and keep the reference, so that slow motion adds up
        if motion is not None and is_standing:
            motion = _estimate(last, grey)  # it began at a call that was not looked at
        self._reference, self._still_calls = grey, 0
        if motion is None:
            return None
        motion[:, 2] /= scale
        return motion


def _reduce(
    image: UInt8[np.ndarray, "height width 3"], side: int
) -> tuple[UInt8[np.ndarray, "_ _"], float]:
    """A frame in grey with its longer side reduced to ``side`` pixels, and the scale of that."""
    scale = min(1.0, side / max(image.shape[:2]))
    height, width = (max(1, round(length * scale)) for length in image.shape[:2])
    reduced = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(reduced, cv2.COLOR_BGR2GRAY)), scale


def _estimate(
    before: UInt8[np.ndarray, "_ _"] | None, after: UInt8[np.ndarray, "_ _"]
) -> Similarity | None:
    """The motion between two reduced frames; None where they cannot be compared."""
    if before is None or before.shape != after.shape:
        return None
    return estimate_similarity(before, after)


def _corner_motion(motion: Similarity, shape: tuple[int, ...]) -> float:
    """The longest way of a corner of an image of this shape, in pixels."""
    height, width = shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    moved = corners @ motion[:, :2].T + motion[:, 2]
    return float(np.linalg.norm(moved - corners, axis=1).max())
