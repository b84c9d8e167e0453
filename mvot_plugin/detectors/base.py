"""The detector protocol, and which detections can be tracked."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np

from mvot_plugin.rows import largest_rows
from mvot_plugin.types import Detections, Frame

__all__ = [
    "Classes",
    "Detector",
    "SupportsBatches",
    "drop_unusable",
    "keep_most_confident",
]

_FARTHEST = 1e6
"""The largest coordinate of a box, in pixels; areas beyond are no float32."""
_THINNEST = 0.01
"""The least side of a box with area, in pixels."""

Classes: TypeAlias = str | Sequence[int | str] | None
"""Names or numbers of classes, in a sequence or separated by commas; None or an empty one: all."""


@runtime_checkable
class Detector(Protocol):
    """Detects the objects of one frame; any callable of this form is a detector.

    Examples:
        >>> import cv2
        >>> import numpy as np
        >>> from mvot_plugin import Detections, Frame, as_detections
        >>> def find_bright(frame: Frame) -> Detections:
        ...     bright = (frame.image.max(axis=2) > 200).astype(np.uint8)
        ...     left, top, width, height = cv2.boundingRect(bright)
        ...     return as_detections([[left, top, left + width, top + height]])
        >>> image = cv2.rectangle(np.zeros((240, 320, 3), np.uint8), (10, 20), (49, 79), [255] * 3)
        >>> find_bright(Frame(image=image, index=0, timestamp=0.0)).xyxy.tolist()
        [[10.0, 20.0, 50.0, 80.0]]
    """

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect objects.

        Args:
            frame: The frame.

        Returns:
            N detections, with boxes in pixels of the frame; ``Detections.empty()`` for none.
        """
        ...


@runtime_checkable
class SupportsBatches(Protocol):
    """A detector that takes several frames in one call."""

    def detect_batch(self, frames: Sequence[Frame], /) -> Sequence[Detections]:
        """Detect objects on each of several frames of one size.

        Args:
            frames: The frames.

        Returns:
            The detections of each, in order.
        """
        ...


def drop_unusable(detections: Detections, size: tuple[int, int]) -> tuple[Detections, int]:
    """Drop detections that cannot be tracked.

    These are boxes and confidences that are not finite, boxes without area, boxes completely
    outside the image, and those that reach beyond it by a million pixels. Boxes partly outside stay
    as they are.

    Args:
        detections: N detections, with boxes in pixels of the image.
        size: (width, height) of the image in pixels.

    Returns:
        The detections that can be tracked, in order, and how many were dropped.

    Examples:
        >>> from mvot_plugin.detectors import as_detections, drop_unusable
        >>> found = as_detections([[10, 20, 50, 80], [400, 20, 450, 80], [30, 30, 30, 40]])
        >>> kept, dropped = drop_unusable(found, size=(320, 240))
        >>> kept.xyxy.tolist(), dropped
        ([[10.0, 20.0, 50.0, 80.0]], 2)
    """
    width, height = size
    x0, y0, x1, y1 = detections.xyxy.T
    finite = (np.abs(detections.xyxy) <= _FARTHEST).all(1) & np.isfinite(detections.confidence)
    has_area = (x1 > x0) & (y1 > y0) & (x1 >= x0 + _THINNEST) & (y1 >= y0 + _THINNEST)
    inside = (x1 > 0) & (y1 > 0) & (x0 < width) & (y0 < height)
    good = finite & has_area & inside
    dropped = len(good) - int(good.sum())
    return (detections[good] if dropped else detections), dropped


def keep_most_confident(detections: Detections, most: int | None) -> tuple[Detections, int]:
    """Keep the most confident detections.

    Args:
        detections: N detections.
        most: How many to keep; None is any number. Of those that are equally confident, the first
            are kept.

    Returns:
        The detections that were kept, in order, and how many were left out.

    Examples:
        >>> from mvot_plugin.detectors import as_detections, keep_most_confident
        >>> found = as_detections([[10, 20, 50, 80, 0.3], [90, 20, 99, 31, 0.8]])
        >>> kept, left_out = keep_most_confident(found, most=1)
        >>> kept.xyxy.tolist(), left_out
        ([[90.0, 20.0, 99.0, 31.0]], 1)
    """
    if most is None or len(detections) <= most:
        return detections, 0
    kept = largest_rows(detections.confidence, most)
    return detections[kept], len(detections) - most
