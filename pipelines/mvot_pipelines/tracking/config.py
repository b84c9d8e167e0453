"""The settings of tracking."""

from dataclasses import dataclass
from typing import Annotated

from mvot_plugin.config import CheckedConfig, NonNegative, Range

__all__ = ["LateConfig"]


@dataclass(frozen=True, kw_only=True)
class LateConfig(CheckedConfig):
    """Settings of late answers."""

    kept_frames: Annotated[int, Range(2, 10_000)] = 8
    """Most frames that are kept while the detector is at work, to be tracked through again; of
    more, every second one is."""
    budget: NonNegative | None = None
    """Milliseconds of a new frame from which no further kept frame is tracked again with it; the
    rest waits for the next one. At least two are; null is all at once."""
