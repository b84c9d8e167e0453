"""One image of a video."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from mvot_plugin.errors import InputError

__all__ = ["Frame", "as_frame"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """One image of a video.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin import Frame
        >>> frame = Frame(image=np.zeros((240, 320, 3), np.uint8), index=0, timestamp=0.0)
        >>> frame.size
        (320, 240)
    """

    image: UInt8[np.ndarray, "height width 3"]
    """BGR pixels."""
    index: int
    """The number of the frame in its source, from 0."""
    timestamp: float
    """Seconds from the start of the source; NaN where time is unknown (a bare array)."""
    captured: float = math.nan
    """When a live source captured it, in seconds on ``time.monotonic``'s clock; NaN for others."""

    @property
    def size(self) -> tuple[int, int]:
        """``(width, height)`` in pixels."""
        height, width = self.image.shape[:2]
        return width, height


def as_frame(frame: Frame | np.ndarray) -> Frame:
    """Wrap a bare image as a frame of unknown time; a ``Frame`` is returned as it is.

    Args:
        frame: A frame, or a BGR array of shape (height, width, 3), uint8.

    Returns:
        The frame; of a bare image, with index 0 and timestamp NaN.

    Raises:
        InputError: The image is not such an array.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin.types import as_frame
        >>> frame = as_frame(np.zeros((240, 320, 3), np.uint8))
        >>> frame.index, frame.timestamp
        (0, nan)
    """
    image = frame.image if isinstance(frame, Frame) else np.asarray(frame)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(
            "a frame must be a BGR uint8 array of shape (height, width, 3), "
            f"got {image.dtype} {image.shape}"
        )
    return frame if isinstance(frame, Frame) else Frame(image=image, index=0, timestamp=np.nan)
