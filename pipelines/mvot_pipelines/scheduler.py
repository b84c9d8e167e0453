"""When the detector runs."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

__all__ = ["EveryK", "Scheduler"]


@runtime_checkable
class Scheduler(Protocol):
    """Decides, frame by frame, whether the detector is due."""

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether to detect on this frame, given how the engine moved the targets onto it."""
        ...


@dataclass(frozen=True, kw_only=True)
class EveryK:
    """The detector runs on frames 0, k, 2k, ... of the source."""

    k: int

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.k}")

    def due(self, frame: Frame, motion: Motion) -> bool:
        """True on every k-th frame."""
        return frame.index % self.k == 0
