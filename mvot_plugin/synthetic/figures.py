"""What a figure is to the scene: something that draws itself in a pose."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mvot_plugin.synthetic.canvas import Sprite

__all__ = ["PHASES", "Figure", "Pose"]

PHASES = 24
_YAWS = 16
_SWINGS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Pose:
    """A pose out of finitely many, so that each is drawn once.

    ``phase`` counts parts of a turn (a gait cycle, a turn of a wheel); ``heading`` counts parts
    of a full circle from heading right (0) by way of heading toward the camera; ``vigour`` runs
    from standing (0) to walking.
    """

    phase: int = 0
    heading: int = 0
    vigour: int = _SWINGS

    @classmethod
    def nearest(cls, turn: float, yaw: float, swing: float, symmetry: int = 1) -> "Pose":
        """The pose nearest to a turn in cycles, a heading in radians and a swing of 0..1."""
        vigour = round(swing * _SWINGS)
        phase = math.floor(turn * PHASES) % (PHASES // symmetry)
        return cls(
            phase=phase if vigour or symmetry > 1 else 0,
            heading=round(yaw / (2 * math.pi) * _YAWS) % _YAWS,
            vigour=vigour,
        )

    @property
    def turn(self) -> float:
        """The phase in turns, 0..1."""
        return self.phase / PHASES

    @property
    def yaw(self) -> float:
        """The heading in radians."""
        return self.heading / _YAWS * 2 * math.pi

    @property
    def swing(self) -> float:
        """How far limbs swing, 0..1."""
        return self.vigour / _SWINGS


class Figure(ABC):
    """A drawable thing; ``symmetry`` is how often it looks the same in one turn (by its spokes)."""

    class_id = -1
    symmetry = 1

    @abstractmethod
    def draw(self, pose: Pose) -> Sprite:
        """The figure in one pose."""
