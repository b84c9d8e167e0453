"""The values that flow through the pipeline: frames, detections, tracks.

Boxes are ``xyxy``, float32, in pixels, half-open and 0-based, everywhere inside the code.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from mvot_plugin.errors import InputError
from mvot_plugin.rows import Rows

__all__ = ["Detections", "Frame", "Tracks", "as_frame"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """One image of a video.

    ``image`` is BGR; ``index`` counts from 0; ``timestamp`` is in seconds from the start of the
    source, NaN where time is unknown (a bare array).
    """

    image: UInt8[np.ndarray, "height width 3"]
    index: int
    timestamp: float

    @property
    def size(self) -> tuple[int, int]:
        """``(width, height)`` in pixels."""
        height, width = self.image.shape[:2]
        return width, height


def as_frame(frame: Frame | np.ndarray) -> Frame:
    """Wrap a bare BGR array of shape (height, width, 3), uint8, as a frame of unknown time.

    Raises ``InputError`` for anything that is not a BGR uint8 image.
    """
    image = frame.image if isinstance(frame, Frame) else np.asarray(frame)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            "a frame must be a BGR uint8 array of shape (height, width, 3), "
            f"got {image.dtype} {image.shape}"
        )
    return frame if isinstance(frame, Frame) else Frame(image=image, index=0, timestamp=np.nan)


def _boxes(values: Any) -> Float32[np.ndarray, "n 4"]:
    return np.asarray(values, np.float32).reshape(-1, 4)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections(Rows):
    """What a detector found on one frame; columns of unequal length are a ``ValueError``.

    ``Detections.of`` takes lists, and fills in what a detector does not say.
    """

    xyxy: Float32[np.ndarray, "n 4"]
    confidence: Float32[np.ndarray, " n"]
    class_id: Int64[np.ndarray, " n"]
    embeddings: Float32[np.ndarray, "n d"] | None = None

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        self._coerce(
            xyxy=np.float32, confidence=np.float32, class_id=np.int64, embeddings=np.float32
        )

    @classmethod
    def of(cls, xyxy: Any, confidence: Any = 1.0, class_id: Any = 0) -> "Detections":
        """Detections from anything like (N, 4) boxes; a scalar holds for all of them."""
        boxes = _boxes(xyxy)
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
    """What the pipeline answers for one frame.

    ``id`` starts at 1 and is never reused; ``score`` is in 0..1; ``detected`` is true where the
    box was measured by the detector on this very frame, false where the engine estimated it.
    """

    id: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]
    score: Float32[np.ndarray, " n"]
    class_id: Int64[np.ndarray, " n"]
    detected: Bool[np.ndarray, " n"]

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        self._coerce(
            id=np.int64, xyxy=np.float32, score=np.float32, class_id=np.int64, detected=np.bool_
        )

    @classmethod
    def empty(cls) -> "Tracks":
        """No tracks."""
        return cls(
            id=np.empty(0, np.int64),
            xyxy=_boxes([]),
            score=np.empty(0, np.float32),
            class_id=np.empty(0, np.int64),
            detected=np.empty(0, np.bool_),
        )
