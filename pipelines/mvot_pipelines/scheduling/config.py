"""Settings of the adaptive scheduler."""

from dataclasses import dataclass
from typing import Annotated

from mvot_plugin.config import CheckedConfig, Fraction, NonNegative, Positive, Range
from mvot_plugin.errors import UsageError

__all__ = ["AdaptiveConfig"]


@dataclass(frozen=True, kw_only=True)
class AdaptiveConfig(CheckedConfig):
    """Settings of ``Adaptive``.

    A loss is a share of the targets: 0.5 where every second one is lost.

    Raises:
        UsageError: for a setting out of range, or for two of ``every``, ``share`` and ``budget``.

    Examples:
        >>> from mvot_pipelines.scheduling import Adaptive, AdaptiveConfig
        >>> scheduler = Adaptive(AdaptiveConfig(most_seconds=1.0), share=0.3)
        >>> scheduler.config.most_seconds, scheduler.config.share
        (1.0, 0.3)
    """

    interval: Positive | int = 5.0
    """Frames from call to call on a video with a typical loss; more where it grows slower."""
    every: Annotated[float, Range(1, 1e6)] | int | None = None
    """Frames from call to call in the mean over the video, in place of the interval."""
    share: Annotated[float, Range(1e-3, 1)] | None = None
    """The largest share of the video's time that the detector may take, 0..1; null for no limit."""
    budget: Positive | None = None
    """The most milliseconds that a frame may take in the mean, detector calls included; null for no
    limit."""
    typical: Positive = 0.07
    """Typical growth of the loss, a frame."""
    base: NonNegative = 0.01
    """Growth of the loss that is always expected, a frame."""
    memory: Fraction = 0.8
    """Share of earlier calls in what is learned from calls; the rest is the last one."""
    exact: Annotated[float, Range(1e-3, 1)] = 0.75
    """Overlap (IoU) of motion and detection from which a target has not drifted; at two thirds of
    it, it has been lost."""
    visible: NonNegative = 0.4
    """Motion confidence from which a target counts as seen."""
    most_seconds: Positive = 3.0
    """The longest time between calls; four times the mean one of a budget where that is longer."""

    def __post_init__(self) -> None:
        super().__post_init__()
        given = [name for name in ("every", "share", "budget") if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} exclude each other; give one of them")
