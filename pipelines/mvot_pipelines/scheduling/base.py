"""When the detector runs."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

__all__ = ["EveryK", "Scheduler"]


@runtime_checkable
class Scheduler(Protocol):
    """Decides, frame by frame, whether the detector runs."""

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether to detect on a frame.

        Args:
            frame: the frame, with its index and its timestamp in seconds.
            motion: the N known targets on this frame by the engine: ``boxes`` (N, 4) float32 in
                pixels, and ``scores`` (N,) in 0..1.

        Returns:
            True to run the detector, False to track by the engine alone.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class EveryK:
    """Runs the detector on frames 0, k, 2k, ... of the source.

    Raises:
        UsageError: for k below 1.
    """

    k: int
    """In frames; 1 detects on every frame."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.k}")

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether the frame's index is a multiple of k; ``motion`` is not used."""
        return frame.index % self.k == 0
