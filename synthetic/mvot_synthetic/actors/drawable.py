"""The interface of drawable objects, and their poses."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mvot_synthetic.canvas import Sprite

__all__ = ["PHASES", "Drawable", "Pose"]

PHASES = 24
_YAWS = 16
_SWINGS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """A quantised pose, so that each is drawn only once."""

    phase: int = 0
    """Step of a cycle (a gait cycle, a revolution of a wheel), of ``PHASES``."""
    heading: int = 0
    """Step of a full turn, from heading right (0) by way of heading toward the camera."""
    amplitude: int = _SWINGS
    """Step of the swing of the limbs, from standing (0) to walking."""

    @classmethod
    def nearest(cls, cycles: float, yaw: float, swing: float, symmetry: int = 1) -> "Pose":
        """The pose nearest to a time in cycles, a heading in radians and a swing of 0..1."""
        amplitude = round(swing * _SWINGS)
        phase = math.floor(cycles * PHASES) % (PHASES // symmetry)
        return cls(
            phase=phase if amplitude or symmetry > 1 else 0,
            heading=round(yaw / (2 * math.pi) * _YAWS) % _YAWS,
            amplitude=amplitude,
        )

    @property
    def turn(self) -> float:
        """The phase in cycles, 0..1."""
        return self.phase / PHASES

    @property
    def yaw(self) -> float:
        """The heading in radians."""
        return self.heading / _YAWS * 2 * math.pi

    @property
    def swing(self) -> float:
        """The amplitude of the limbs, 0..1."""
        return self.amplitude / _SWINGS


class Drawable(ABC):
    """An object that can be drawn in any pose."""

    class_id = -1
    """COCO's; -1 for what has no ground truth."""
    symmetry = 1
    """How often it looks the same within one cycle (wheels, by their spokes)."""

    @abstractmethod
    def draw(self, pose: Pose) -> Sprite:
        """Draw the object in one pose."""
