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
    """Decides, frame by frame, whether the detector runs; one for each video.

    Examples:
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_synthetic import NoisyDetector, street
        >>> class WhereLost:
        ...     def due(self, frame, motion):
        ...         return frame.index % 10 == 0 or bool((motion.scores < 0.4).any())
        >>> scene = street(seed=2, size=(320, 240), frames=3)
        >>> tracker = MotPipeline(NoisyDetector(scene), "hold", WhereLost())
        >>> for frame in scene:
        ...     tracks = tracker.step(frame)
        >>> tracker.detector_calls
        1
    """

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
    """The time that a detector call took, in seconds.

    Examples:
        >>> from mvot_pipelines.scheduling import CallCost
        >>> cost = CallCost(detector=0.060, tracking=0.004)
        >>> k = 5
        >>> round(cost.detector / (cost.detector + k * cost.tracking), 2)  # its share of the time
        0.75
    """

    detector: float
    """The call itself."""
    tracking: float
    """A frame without it, in the mean so far."""
    streams: int = 1
    """How many streams share the detector, and with it its share of the time."""


@runtime_checkable
class SupportsFeedback(Protocol):
    """A scheduler that learns from what detector calls have changed.

    Examples:
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_synthetic import NoisyDetector, street
        >>> class UntilSettled:
        ...     pause = 0
        ...     def due(self, frame, motion):
        ...         self.pause -= 1
        ...         return self.pause < 0
        ...     def learn(self, frame, motion, detections, merge, cost):
        ...         self.pause = 1 if len(merge.enrolled) else 9
        >>> scene = street(seed=2, size=(320, 240), frames=8)
        >>> tracker = MotPipeline(NoisyDetector(scene), "lk-flow", UntilSettled())
        >>> for frame in scene:
        ...     tracks = tracker.step(frame)
        >>> tracker.detector_calls < len(scene)
        True
    """

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

    Examples:
        >>> from mvot_pipelines import EveryK, MotPipeline
        >>> from mvot_synthetic import NoisyDetector, street
        >>> scene = street(seed=2, size=(320, 240), frames=12)
        >>> tracker = MotPipeline(NoisyDetector(scene), "hold", EveryK(k=5))
        >>> for frame in scene:
        ...     tracks = tracker.step(frame)
        >>> tracker.detector_calls  # on frames 0, 5 and 10
        3
    """

    k: int
    """In frames; 1 detects on every frame."""
    _next: int = field(default=0, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"--detect-every must be 1 or more, got {self.k}")

    def due(self, frame: Frame, motion: Motion) -> bool:
        """Whether to detect on a frame.

        Args:
            frame: the frame, of which the index counts.
            motion: is not used.

        Returns:
            True where a multiple of k was reached since the last call.
        """
        if self._next - self.k <= frame.index < self._next:
            return False
        self._next = (frame.index // self.k + 1) * self.k
        return True

    def reset(self) -> None:
        """Forget the video: the next frame is the first of another one."""
        self._next = 0
