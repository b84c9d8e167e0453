"""Tracks as the values of other libraries."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float64

from mvot_plugin.extras import require_module
from mvot_plugin.types.masks import paste_mask

if TYPE_CHECKING:
    from mvot_plugin.types.tracks import Tracks

__all__ = ["round_finite", "to_dicts", "to_numpy", "to_pandas", "to_supervision"]


def to_numpy(tracks: "Tracks") -> Float64[np.ndarray, "n 8"]:
    """Write tracks as ``Tracks.to_numpy`` says."""
    columns = tracks.id, tracks.score, tracks.class_id, tracks.detection_index
    return np.column_stack([tracks.xyxy, *columns]).astype(np.float64).reshape(-1, 8)


def to_dicts(tracks: "Tracks") -> list[dict[str, Any]]:
    """Write tracks as ``Tracks.to_dicts`` says."""
    return [_to_dict(tracks, row) for row in range(len(tracks))]


def _to_dict(tracks: "Tracks", row: int) -> dict[str, Any]:
    class_id, names = int(tracks.class_id[row]), tracks.class_names
    entry: dict[str, Any] = {
        "id": int(tracks.id[row]),
        "box": [round_finite(value, 2) for value in tracks.xyxy[row].tolist()],
        "score": round_finite(tracks.score[row].item(), 4),
        "class_id": class_id,
        **({} if names is None else {"class": names.get(class_id)}),
        "state": "detected" if tracks.detected[row] else "estimated",
        "detection_index": int(tracks.detection_index[row]),
    }
    if tracks.keypoints is not None:
        points = tracks.keypoints[row].tolist()
        entry["keypoints"] = [[round_finite(value, 2) for value in point] for point in points]
    return entry


def to_pandas(tracks: "Tracks") -> Any:
    """Write tracks as ``Tracks.to_pandas`` says."""
    pandas = require_module("pandas", "Tracks.to_pandas", "pandas")
    x0, y0, x1, y1 = tracks.xyxy.T
    names = tracks.class_names or {}
    return pandas.DataFrame(
        {
            "id": tracks.id,
            "x0": x0,
            "y0": y0,
            "x1": x1,
            "y1": y1,
            "score": tracks.score,
            "class_id": tracks.class_id,
            "class": np.array([names.get(int(one)) for one in tracks.class_id], np.object_),
            "detected": tracks.detected,
            "detection_index": tracks.detection_index,
        }
    )


def to_supervision(tracks: "Tracks", image_size: tuple[int, int] | None) -> Any:
    """Write tracks as ``Tracks.to_supervision`` says."""
    supervision = require_module("supervision", "Tracks.to_supervision", "supervision")
    names = tracks.class_names or {}
    labels = [names.get(int(one), str(one)) for one in tracks.class_id]
    data = {
        **tracks.data,
        "class_name": np.array(labels, np.str_),
        "detected": tracks.detected,
        "detection_index": tracks.detection_index,
    }
    if tracks.keypoints is not None:
        data["keypoints"] = tracks.keypoints
    return supervision.Detections(
        xyxy=tracks.xyxy,
        mask=None if image_size is None else _paste_masks(tracks, image_size),
        confidence=tracks.score,
        class_id=tracks.class_id,
        tracker_id=tracks.id,
        data=data,
    )


def _paste_masks(
    tracks: "Tracks", image_size: tuple[int, int]
) -> Bool[np.ndarray, "n height width"] | None:
    """The pixels of the frame that show each track; None where tracks have no masks."""
    if tracks.masks is None:
        return None
    width, height = image_size
    pixels = np.zeros((len(tracks), height, width), np.bool_)
    for row, (mask, box) in enumerate(zip(tracks.masks, tracks.xyxy, strict=True)):
        pasted = paste_mask(mask, box, image_size)
        pixels[row][pasted.window] = pasted.pixels
    return pixels


def round_finite(value: float, digits: int) -> float | None:
    """The rounded value; None, which is JSON's null, where it is not finite."""
    return round(value, digits) + 0.0 if math.isfinite(value) else None  # + 0.0: no "-0.0"
