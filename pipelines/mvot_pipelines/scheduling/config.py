"""Settings of the adaptive scheduler."""

from dataclasses import dataclass

from mvot_plugin.errors import UsageError

__all__ = ["AdaptiveConfig"]


@dataclass(frozen=True, kw_only=True)
class AdaptiveConfig:
    """Settings of ``Adaptive``; ``UsageError`` where out of range.

    A loss is a share of the targets: 0.5 where every second one is lost.
    """

    interval: int | float = 5.0
    """Frames from call to call on a video with a typical loss; more where it grows slower."""
    every: int | float | None = None
    """Frames from call to call in the mean over the video, in place of the interval."""
    share: float | None = None
    """The largest share of the video's time that the detector may take, 0..1; null for no limit."""
    budget: float | None = None
    """The most milliseconds that a frame may take in the mean, detector calls included; null for no
    limit."""
    typical: float = 0.07
    """Typical growth of the loss, a frame."""
    base: float = 0.01
    """Growth of the loss that is always expected, a frame."""
    memory: float = 0.8
    """Share of earlier calls in what is learned from calls; the rest is the last one."""
    exact: float = 0.75
    """Overlap (IoU) of motion and detection from which a target has not drifted; at two thirds of
    it, it has been lost."""
    visible: float = 0.4
    """Motion confidence from which a target counts as seen."""
    most_seconds: float = 3.0
    """The longest time between calls; four times the mean one of a budget where that is longer."""

    def __post_init__(self) -> None:
        given = [name for name in ("every", "share", "budget") if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} exclude each other; give one of them")
        if self.every is not None and not self.every >= 1:
            raise UsageError(f"the mean k must be 1 or more, got {self.every:g}")
        if self.share is not None and not 0 < self.share <= 1:
            raise UsageError(f"--detector-share must be above 0 and at most 1, got {self.share:g}")
        if self.budget is not None and not self.budget > 0:
            raise UsageError(f"--budget must be above 0, got {self.budget:g}")
        for name in ("interval", "most_seconds"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, got {getattr(self, name):g}")
