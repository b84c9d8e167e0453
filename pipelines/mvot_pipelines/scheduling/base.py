"""When the detector runs."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from mvot_plugin.association.associator import Merge
from mvot_plugin.engines.base import Motion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections, Frame

__all__ = ["CallCost", "EveryK", "Scheduler", "SupportsFeedback", "SupportsReset"]


@runtime_checkable
class Scheduler(Protocol):
    """Decides, frame by frame, whether the detector runs; one for each video."""

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether to detect on a frame; asked on each frame on which the detector is free.

        Args:
            frame: the frame, with its index and its timestamp in seconds.
            motion: the N known targets on this frame by the engine: ``boxes`` (N, 4) float32 in
                pixels, and ``scores`` (N,) in 0..1.

        Returns:
            True to run the detector, False to track by the engine alone.
        """
        ...


@dataclass(frozen=True)
class CallCost:
    """The time that a detector call took, in seconds."""

    detector: float
    """The call itself."""
    tracking: float
    """A frame without it, in the mean so far."""
    streams: int = 1
    """How many streams share the detector, and with it its share of the time."""


@runtime_checkable
class SupportsFeedback(Protocol):
    """A scheduler that learns from what detector calls have changed."""

    def learn(
        self,
        frame: Frame,
        motion: Motion,
        detections: Detections,
        merge: Merge,
        cost: CallCost,
    ) -> None:
        """Learn from a detector call, after its answer was merged.

        Args:
            frame: the frame that was detected on; later ones may have been tracked since.
            motion: the N known targets on that frame by the engine, before the merge.
            detections: the M detections of that frame.
            merge: what they meant for the targets.
            cost: the time that the call took.
        """
        ...


@runtime_checkable
class SupportsReset(Protocol):
    """A scheduler that can serve one video after another."""

    def reset(self) -> None:
        """Forget the video: the next frame is the first of another one."""
        ...


@dataclass(kw_only=True)
class EveryK:
    """Runs the detector on frames 0, k, 2k, ... of the source.

    Where it is not asked about one of these, the next frame that it is asked about takes its place.
    Where the index falls behind that of the last call, the video has begun anew.

    Raises:
        UsageError: for k below 1.
    """

    k: int
    """In frames; 1 detects on every frame."""
    _next: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.k}")

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether a multiple of k was reached since the last call; ``motion`` is not used."""
        if self._next - self.k <= frame.index < self._next:
            return False
        self._next = (frame.index // self.k + 1) * self.k
        return True

    def reset(self) -> None:
        """Forget the video: the next frame is the first of another one."""
        self._next = 0
