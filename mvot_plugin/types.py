"""The values that flow through the pipeline (frames, detections, tracks) and the layouts of boxes.

Boxes are passed between the parts of the code as ``XYXY``, float32, in pixels, half-open and
0-based. Where a function or a network uses another layout, its annotations name it.
``Float32[XYXY, " n"]`` is an array of N boxes, of shape (N, 4).
"""

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, UInt8

from mvot_plugin.errors import InputError
from mvot_plugin.rows import Rows

__all__ = ["CXCYWH", "LTWH", "XYXY", "Detections", "Frame", "Tracks", "as_frame"]

XYXY: TypeAlias = Float[np.ndarray, "4"]
"""A box as left, top, right, bottom: (x0, y0, x1, y1)."""
CXCYWH: TypeAlias = Float[np.ndarray, "4"]
"""A box as centre x, centre y, width, height."""
LTWH: TypeAlias = Float[np.ndarray, "4"]
"""A box as left, top, width, height, as MOTChallenge's files have it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """One image of a video."""

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

    Raises:
        InputError: The image is not such an array.
    """
    image = frame.image if isinstance(frame, Frame) else np.asarray(frame)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InputError(
            "a frame must be a BGR uint8 array of shape (height, width, 3), "
            f"got {image.dtype} {image.shape}"
        )
    return frame if isinstance(frame, Frame) else Frame(image=image, index=0, timestamp=np.nan)


def _to_boxes(values: Any) -> Float32[XYXY, " n"]:
    return np.asarray(values, np.float32).reshape(-1, 4)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections(Rows):
    """The detections of one frame; columns of unequal length are a ``ValueError``.

    ``Detections.of`` takes lists, and has defaults for what a detector does not give.
    """

    xyxy: Float32[XYXY, " n"]
    """The boxes, in pixels."""
    confidence: Float32[np.ndarray, " n"]
    """How sure the detector is of each, in 0..1."""
    class_id: Int64[np.ndarray, " n"]
    """The numbers of the classes."""
    embeddings: Float32[np.ndarray, "n d"] | None = None
    """Optional appearance features."""

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        self._coerce(
            xyxy=np.float32, confidence=np.float32, class_id=np.int64, embeddings=np.float32
        )

    @classmethod
    def of(cls, xyxy: Any, confidence: Any = 1.0, class_id: Any = 0) -> "Detections":
        """Make detections from anything that numpy can turn into arrays.

        Args:
            xyxy: N boxes, in pixels.
            confidence: Their confidences in 0..1, or one for all of them.
            class_id: Their class numbers, or one for all of them.

        Raises:
            ValueError: The columns differ in length.
        """
        boxes = _to_boxes(xyxy)
        rows = len(boxes)
        return cls(
            xyxy=boxes,
            confidence=np.broadcast_to(np.asarray(confidence, np.float32), rows),
            class_id=np.broadcast_to(np.asarray(class_id, np.int64), rows),
        )

    @classmethod
    def empty(cls) -> "Detections":
        """No detections."""
        return cls.of([])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tracks(Rows):
    """The tracks that the pipeline reports on one frame."""

    id: Int64[np.ndarray, " n"]
    """Identities, from 1; never reused."""
    xyxy: Float32[XYXY, " n"]
    """The boxes, in pixels."""
    score: Float32[np.ndarray, " n"]
    """How sure it is that the target is in its box, in 0..1."""
    class_id: Int64[np.ndarray, " n"]
    """The numbers of the classes."""
    detected: Bool[np.ndarray, " n"]
    """True where the detector measured the box on this very frame, false where the engine
    estimated it."""
    masks: Float32[np.ndarray, "n m m"] | None = None
    """The probability, 0..1, that each of the M x M equal cells of a box shows the target; row 0 is
    at the top, column 0 at the left. None where the engine has no masks."""

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        self._coerce(
            id=np.int64,
            xyxy=np.float32,
            score=np.float32,
            class_id=np.int64,
            detected=np.bool_,
            masks=np.float32,
        )

    @classmethod
    def empty(cls) -> "Tracks":
        """No tracks."""
        return cls(
            id=np.empty(0, np.int64),
            xyxy=_to_boxes([]),
            score=np.empty(0, np.float32),
            class_id=np.empty(0, np.int64),
            detected=np.empty(0, np.bool_),
        )
