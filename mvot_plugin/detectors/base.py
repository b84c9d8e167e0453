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
    """Detects the objects of one frame; any callable of this form is a detector."""

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
        """Detect objects on each of several frames of one size; as many answers, in order."""
        ...


def drop_unusable(detections: Detections, size: tuple[int, int]) -> tuple[Detections, int]:
    """Drop detections that cannot be tracked on an image of ``size`` = (width, height) pixels.

    These are boxes and confidences that are not finite, boxes without area, boxes completely
    outside the image, and those that reach beyond it by a million pixels. Boxes partly outside stay
    as they are. Also returns how many were dropped.
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
    """Keep the ``most`` most confident detections, in order; also returns how many were left out.

    Of those that are equally confident, the first are kept. None is any number.
    """
    if most is None or len(detections) <= most:
        return detections, 0
    kept = largest_rows(detections.confidence, most)
    return detections[kept], len(detections) - most
