"""What came with detections, carried along with the tracks that they began or matched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.types import XYXY, Detections, Tracks

__all__ = ["CORNERS", "Carried", "move_points"]

CORNERS = "xyxyxyxy"
"""The data that holds the corners of oriented boxes, as supervision names it."""
_FILL: Mapping[str, object] = {"f": np.nan, "i": -1, "u": 0, "b": False, "c": np.nan, "U": ""}
"""What a track has whose detection lacks a value, by the kind of the column; else None."""

Place: TypeAlias = tuple[Detections, int]
"""Detections of a frame, and a row of them."""


class Carried:
    """The last detection of each target, by its id; a value: ``update`` makes another one.

    Args:
        places: Where the last detection of each target is.
        class_names: The names of the classes, where they are known.
    """

    def __init__(
        self,
        places: Mapping[int, Place] | None = None,
        class_names: Mapping[int, str] | None = None,
    ) -> None:
        self._places, self._class_names = places or {}, class_names

    def update(
        self, ids: Int64[np.ndarray, " n"], rows: Int64[np.ndarray, " n"], detections: Detections
    ) -> "Carried":
        """What is carried after a merge.

        Args:
            ids: The ids of N targets.
            rows: The row of the detection that each was matched with, or began with; -1 for none.
            detections: Those that were merged.
        """
        pairs = zip(ids.tolist(), rows.tolist(), strict=True)
        places = {
            track_id: (detections, row) if row >= 0 else self._places[track_id]
            for track_id, row in pairs
        }
        names = {**(self._class_names or {}), **(detections.class_names or {})}
        return Carried(places, names or None)

    def attach(self, tracks: Tracks) -> Tracks:
        """The tracks with what their last detections had, moved along with their boxes."""
        if not len(tracks):
            return replace(tracks, class_names=self._class_names)
        places = [self._places[track_id] for track_id in tracks.id.tolist()]
        data = self._gather_data(places)
        boxes = np.array([found.xyxy[row] for found, row in places], np.float32)
        keypoints = _gather(places, lambda found: found.keypoints)
        if keypoints is not None:
            moved = move_points(keypoints[..., :2], boxes, tracks.xyxy)
            keypoints = np.concatenate([moved, keypoints[..., 2:]], axis=2)
        if CORNERS in data:
            data[CORNERS] = move_points(data[CORNERS], boxes, tracks.xyxy)
        index = [row if found.index is None else found.index[row] for found, row in places]
        return replace(
            tracks,
            detection_index=np.where(tracks.detected, np.array(index, np.int64), -1),
            masks=_combine(tracks, _gather(places, lambda found: found.masks)),
            keypoints=keypoints,
            data=data,
            class_names=self._class_names,
        )

    @staticmethod
    def _gather_data(places: Sequence[Place]) -> dict[str, np.ndarray]:
        names = dict.fromkeys(name for found, _ in places for name in found.data)
        columns = {name: _gather(places, lambda d, n=name: d.data.get(n)) for name in names}  # type: ignore[misc]
        return {name: column for name, column in columns.items() if column is not None}


def _gather(
    places: Sequence[Place], get_column: Callable[[Detections], np.ndarray | None]
) -> np.ndarray | None:
    """The row of a column that each place has, as a column; None where none has it.

    Its shape and dtype are those of the first that has it; a row that lacks it, or has another
    shape, is filled.
    """
    columns = [get_column(found) for found, _ in places]
    known = [column for column in columns if column is not None]
    if not known:
        return None
    shape, dtype = known[0].shape[1:], known[0].dtype
    if dtype.kind == "U":
        dtype = np.result_type(*(c.dtype for c in known if c.dtype.kind == "U"))
    gathered = np.full((len(places), *shape), _FILL.get(dtype.kind), dtype)
    for row, (column, (_, source)) in enumerate(zip(columns, places, strict=True)):
        if column is not None and column.shape[1:] == shape and column.dtype.kind == dtype.kind:
            gathered[row] = column[source]
    return gathered


def _combine(
    tracks: Tracks, masks: Float32[np.ndarray, "n m m"] | None
) -> Float32[np.ndarray, "n m m"] | None:
    """The engine's masks, but those of the detector where it has measured the box.

    Masks of the engine of another size are kept for all tracks, so that all have one size.
    """
    if masks is None or tracks.masks is None:
        return tracks.masks if masks is None else masks
    if masks.shape != tracks.masks.shape:
        return tracks.masks
    measured = tracks.detected & ~np.isnan(masks).any((1, 2))
    return np.where(measured[:, None, None], masks, tracks.masks)


def move_points(
    points: np.ndarray, before: Float32[XYXY, " n"], after: Float32[XYXY, " n"]
) -> Float32[np.ndarray, "n k 2"]:
    """Move points with their boxes.

    Args:
        points: (N, K, 2), x and y in pixels.
        before: (N, 4), the boxes that the points were measured with.
        after: (N, 4), where these boxes are now.

    Returns:
        (N, K, 2), the points at the same places relative to the boxes.
    """
    scale = (after[:, 2:] - after[:, :2]) / (before[:, 2:] - before[:, :2])
    moved = (points - before[:, None, :2]) * scale[:, None] + after[:, None, :2]
    return np.asarray(moved, np.float32)
