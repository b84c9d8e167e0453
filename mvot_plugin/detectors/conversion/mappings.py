"""Detections from dictionaries, as torchvision and transformers give them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mvot_plugin.detectors.conversion.arrays import describe_misfit
from mvot_plugin.detectors.conversion.columns import (
    build_detections,
    crop_frame_masks,
    read_keypoints,
    refuse_relative,
    select_columns,
)
from mvot_plugin.errors import InputError
from mvot_plugin.types import Detections

__all__ = ["from_mapping"]

_NAMES: Mapping[str, tuple[str, ...]] = {
    "boxes": ("boxes", "xyxy"),
    "scores": ("scores", "confidence", "conf"),
    "classes": ("labels", "class_id", "classes", "cls"),
    "masks": ("masks", "mask"),
    "keypoints": ("keypoints",),
}
"""What each column may be called."""


def from_mapping(values: Mapping[Any, Any]) -> Detections:
    """Convert columns by name; other columns of N rows go into ``data``.

    Raises:
        InputError: There are no boxes, they are not in pixels, or a column does not fit.
    """
    taken = {column: _take(values, names) for column, names in _NAMES.items()}
    if taken["boxes"] is None:
        raise describe_misfit(values)
    found = build_detections(taken["boxes"], taken["scores"], taken["classes"])
    refuse_relative(found.xyxy, " (of transformers: post_process_...(target_sizes=...))")
    masks, keypoints = taken["masks"], taken["keypoints"]
    known = {name for names in _NAMES.values() for name in names}
    others = {name: value for name, value in values.items() if name not in known}
    return replace(
        found,
        masks=None if masks is None else crop_frame_masks(masks, found.xyxy),
        keypoints=None if keypoints is None else read_keypoints(keypoints, len(found)),
        data=select_columns(others, len(found)),
    )


def _take(values: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    """The value by one of the names; None where there is none."""
    given = [name for name in names if values.get(name) is not None]
    if len(given) > 1:
        raise InputError(
            f"the detections have both {given[0]!r} and {given[1]!r}, of which only one can be "
            f"meant: leave one out"
        )
    return values[given[0]] if given else None
