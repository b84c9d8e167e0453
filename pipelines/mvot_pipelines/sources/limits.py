"""What a source may ask for, at most."""

from dataclasses import dataclass
from typing import Annotated

from mvot_plugin.config import CheckedConfig, Positive, Range
from mvot_plugin.errors import InputError

__all__ = ["DEFAULT_FRAME_RATE", "FRAME_RATES", "LimitsConfig"]

DEFAULT_FRAME_RATE = 25.0
"""Frames per second, where neither the user nor the source gives a rate."""
FRAME_RATES = Range(1e-3, 1e4)
"""The frames per second that a source may have."""


@dataclass(frozen=True, kw_only=True)
class LimitsConfig(CheckedConfig):
    """Limits of what a source may ask for, which keep a hostile or broken one from stopping a run.

    ``UsageError`` where one is out of range.
    """

    pixels: Annotated[int, Range(1, 2**40)] = 2**27
    """The most pixels (width x height) of an image or frame: 134 million take 0.4 GB each."""
    silence: Positive = 5.0
    """Seconds without a frame after which a camera or stream is lost, and a file at a URL ends."""
    opening: Positive = 10.0
    """Seconds in which a camera, stream or file at a URL must open; RTMP without sound takes 4."""

    def check_size(self, name: object, width: int, height: int) -> None:
        """Raise ``InputError`` for an image or video of too many pixels; ``name`` names it."""
        if width * height > self.pixels:
            raise InputError(
                f"{name} is {width}x{height} pixels, more than the {self.pixels} that "
                "limits.pixels allows: make it smaller, or raise the limit in a --config file"
            )
