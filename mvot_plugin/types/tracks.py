"""What the pipeline reports on one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.rows import SHARED, Rows
from mvot_plugin.types.exports import to_dicts, to_numpy, to_pandas, to_supervision
from mvot_plugin.types.layouts import XYXY

__all__ = ["Tracks"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Tracks(Rows):
    """The tracks that the pipeline reports on one frame.

    What came with a detection (masks, keypoints, data) stays with its track until the next one.
    Masks, keypoints and oriented boxes move and stretch with the box: where ``detected`` is false,
    they are estimated as it is. Rows are selected as of an array, and ``Tracks.cat`` concatenates.

    Raises:
        ValueError: The columns differ in length.

    Examples:
        >>> import numpy as np
        >>> from mvot_pipelines import MotPipeline
        >>> image = np.zeros((240, 320, 3), np.uint8)
        >>> tracks = MotPipeline(engine="hold").update(image, [[10, 20, 50, 80]])
        >>> tracks.id.tolist(), tracks.xyxy.tolist(), tracks.detected.tolist()
        ([1], [[10.0, 20.0, 50.0, 80.0]], [True])
        >>> len(tracks[tracks.class_id == 7])
        0
    """

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
    detection_index: Int64[np.ndarray, " n"] = field(default_factory=lambda: np.empty(0, np.int64))
    """The row of each among the detections that the detector gave on this very frame; -1 where the
    engine estimated the box. Left out, it is -1 for all."""
    masks: Float32[np.ndarray, "n m m"] | None = None
    """The probability, 0..1, that each of the M x M equal cells of a box shows the target; row 0 is
    at the top, column 0 at the left. None where neither engine nor detector has masks."""
    keypoints: Float32[np.ndarray, "n k 3"] | None = None
    """x and y in pixels, and the confidence in 0..1, of the K keypoints of each; None where the
    detector has none."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What else came with the last detection of each track, by name: arrays of N rows. A track
    whose detection lacks a value has NaN, -1, False, an empty text or None, by the column's
    kind."""
    class_names: Mapping[int, str] | None = field(default=None, metadata=SHARED)
    """The names of the classes by number, where they are known."""

    def __post_init__(self) -> None:
        if not len(self.detection_index):
            object.__setattr__(self, "detection_index", np.full(len(self.id), -1, np.int64))
        self._coerce(
            id=np.int64,
            xyxy=np.float32,
            score=np.float32,
            class_id=np.int64,
            detected=np.bool_,
            detection_index=np.int64,
            masks=np.float32,
            keypoints=np.float32,
        )
        Rows.__post_init__(self)

    @classmethod
    def empty(cls) -> "Tracks":
        """No tracks.

        Returns:
            Tracks of 0 rows.
        """
        return cls(
            id=np.empty(0, np.int64),
            xyxy=np.empty((0, 4), np.float32),
            score=np.empty(0, np.float32),
            class_id=np.empty(0, np.int64),
            detected=np.empty(0, np.bool_),
        )

    def to_numpy(self) -> Float64[np.ndarray, "n 8"]:
        """The tracks as one array, in boxmot's order of columns.

        Returns:
            Rows of x0, y0, x1, y1 (pixels), id, score, class and detection index, which is -1 where
            the engine estimated the box.
        """
        return to_numpy(self)

    def to_dicts(self) -> list[dict[str, Any]]:
        """The tracks as dictionaries of plain values, ready for JSON.

        Returns:
            One for each track, with the keys ``id``, ``box`` (x0, y0, x1, y1 in pixels), ``score``,
            ``class_id``, ``class`` (its name, None if unknown; only if names are known), ``state``
            ("detected" or "estimated"), ``detection_index``, and ``keypoints`` (K of x, y,
            confidence) where there are any. A number that is not finite is None.
        """
        return to_dicts(self)

    def to_pandas(self) -> Any:
        """The tracks as a ``pandas.DataFrame``; needs the extra ``pandas``.

        Returns:
            A row each, with the columns ``id``, ``x0``, ``y0``, ``x1``, ``y1`` (pixels), ``score``,
            ``class_id``, ``class`` (its name, or None), ``detected`` and ``detection_index``.

        Raises:
            UsageError: pandas is not installed.
        """
        return to_pandas(self)

    def to_supervision(self, image_size: tuple[int, int] | None = None) -> Any:
        """The tracks as ``supervision.Detections``, for its annotators, lines and zones.

        Args:
            image_size: (width, height) of the frame in pixels, for ``mask``, (N, height, width);
                None leaves masks out.

        Returns:
            A row each: ``tracker_id`` is the id, ``confidence`` the score; ``data`` has
            ``class_name``, ``detected``, ``detection_index``, ``keypoints`` where there are any,
            and what is in ``data`` here.

        Raises:
            UsageError: supervision is not installed.
        """
        return to_supervision(self, image_size)
