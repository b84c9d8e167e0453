"""What a detector finds on one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.rows import SHARED, Rows
from mvot_plugin.types.layouts import XYXY

__all__ = ["Detections"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Detections(Rows):
    """The detections of one frame: N rows in columns of equal length.

    ``Detections.of`` takes lists, and has defaults for what a detector does not give. Rows are
    selected as of an array, and ``Detections.cat`` concatenates.

    Raises:
        ValueError: The columns differ in length.

    Examples:
        >>> from mvot_plugin import Detections
        >>> boxes = [[10, 20, 50, 80], [90, 20, 99, 31]]
        >>> found = Detections.of(boxes, confidence=[0.9, 0.4], class_id=2)
        >>> sure = found[found.confidence > 0.5]
        >>> sure.xyxy.tolist(), sure.class_id.tolist()
        ([[10.0, 20.0, 50.0, 80.0]], [2])
    """

    xyxy: Float32[XYXY, " n"]
    """The boxes, in pixels."""
    confidence: Float32[np.ndarray, " n"]
    """How sure the detector is of each, in 0..1."""
    class_id: Int64[np.ndarray, " n"]
    """The numbers of the classes."""
    embeddings: Float32[np.ndarray, "n d"] | None = None
    """Optional appearance features."""
    masks: Float32[np.ndarray, "n m m"] | None = None
    """Optional: the share, 0..1, of each of the M x M equal cells of a box that shows the object;
    row 0 is at the top, column 0 at the left. ``crop_masks`` makes them of masks of the frame."""
    keypoints: Float32[np.ndarray, "n k 3"] | None = None
    """Optional: x and y in pixels, and the confidence in 0..1, of K keypoints each."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Anything else that the detector says, by name: columns of N rows, which become arrays (of
    objects where their values are no numbers or texts). ``xyxyxyxy``, (N, 4, 2), is
    taken for the corners of oriented boxes, in pixels."""
    index: Int64[np.ndarray, " n"] | None = None
    """The row of each among all that the detector gave; None where these are all, in order."""
    class_names: Mapping[int, str] | None = field(default=None, metadata=SHARED)
    """The names of the classes by number, where they are known."""

    def __post_init__(self) -> None:
        self._coerce(
            xyxy=np.float32,
            confidence=np.float32,
            class_id=np.int64,
            embeddings=np.float32,
            masks=np.float32,
            keypoints=np.float32,
            index=np.int64,
        )
        object.__setattr__(self, "data", {k: _to_column(v) for k, v in self.data.items()})
        Rows.__post_init__(self)

    @classmethod
    def of(
        cls, xyxy: Any, confidence: Any = 1.0, class_id: Any = 0, **columns: Any
    ) -> "Detections":
        """Make detections from anything that numpy can turn into arrays.

        Args:
            xyxy: N boxes, in pixels.
            confidence: Their confidences in 0..1, or one for all of them.
            class_id: Their class numbers, or one for all of them.
            columns: Any of the optional columns.

        Returns:
            The N detections.

        Raises:
            ValueError: The columns differ in length.
        """
        boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
        rows = len(boxes)
        for name in {"embeddings", "masks", "keypoints"} & columns.keys():
            columns[name] = None if columns[name] is None else np.asarray(columns[name], np.float32)
        return cls(
            xyxy=boxes,
            confidence=np.broadcast_to(np.asarray(confidence, np.float32), rows),
            class_id=np.broadcast_to(np.asarray(class_id, np.int64), rows),
            **columns,
        )

    @classmethod
    def empty(cls) -> "Detections":
        """No detections.

        Returns:
            Detections of 0 rows.
        """
        return cls.of([])


def _to_column(values: Any) -> np.ndarray:
    """A column as an array; what is no array of numbers or texts becomes one of objects."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "detach"):  # a torch tensor; numpy has no bfloat16
        values = values.detach().cpu()
        return np.asarray(values.float() if values.is_floating_point() else values)
    try:
        column = np.asarray(values)
    except ValueError:  # rows of unequal length
        column = np.empty(0, np.object_)
    if column.dtype.kind in "biufcSU" and column.ndim:
        return column
    column = np.empty(len(values), np.object_)
    for row, value in enumerate(values):
        column[row] = value
    return column
