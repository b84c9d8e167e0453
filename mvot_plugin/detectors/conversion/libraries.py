"""Detections from the results of ultralytics and supervision, neither of which is imported."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float32

from mvot_plugin.detectors.conversion.columns import (
    build_detections,
    crop_frame_masks,
    read_keypoints,
    select_columns,
)
from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY, Detections

__all__ = ["from_supervision", "from_ultralytics"]


def from_ultralytics(results: Any) -> Detections:
    """Convert one ultralytics ``Results``, or a list of exactly one; tensors on any device.

    Args:
        results: What the model returned.

    Returns:
        The N detections, with masks and keypoints; of oriented boxes, the corners are
        ``data["xyxyxyxy"]``, (N, 4, 2) in pixels, and the boxes enclose them.

    Raises:
        InputError: There are several results, or no boxes.

    Examples:
        >>> import numpy as np
        >>> import torch
        >>> from mvot_plugin.detectors import from_ultralytics
        >>> from ultralytics.engine.results import Results
        >>> rows = torch.tensor([[10, 20, 50, 80, 0.9, 0]])
        >>> image = np.zeros((240, 320, 3), np.uint8)
        >>> found = from_ultralytics(Results(image, path="", names={0: "person"}, boxes=rows))
        >>> found.xyxy.tolist(), found.class_names
        ([[10.0, 20.0, 50.0, 80.0]], {0: 'person'})
    """
    if isinstance(results, (list, tuple)):
        if len(results) != 1:
            raise InputError(f"expected the ultralytics Results of one frame, got {len(results)}")
        results = results[0]
    oriented = getattr(results, "obb", None) if results.boxes is None else None
    boxes = results.boxes if oriented is None else oriented
    if boxes is None:
        raise InputError(
            "this ultralytics model gives no boxes; use a detection, segmentation, pose or "
            "oriented-box model"
        )
    found = build_detections(boxes.xyxy, boxes.conf, boxes.cls)
    masks, keypoints = getattr(results, "masks", None), getattr(results, "keypoints", None)
    data = {
        "xyxyxyxy": getattr(oriented, "xyxyxyxy", None),
        "tracker_id": getattr(boxes, "id", None),
    }
    names = getattr(results, "names", None)
    return replace(
        found,
        masks=None if masks is None else _crop_letterboxed(masks, found.xyxy),
        keypoints=None if keypoints is None else read_keypoints(keypoints.data, len(found)),
        data=select_columns(data, len(found)),
        class_names=dict(names) if isinstance(names, Mapping) else None,
    )


def _crop_letterboxed(masks: Any, boxes: Float32[XYXY, " n"]) -> Float32[np.ndarray, "n m m"]:
    """The masks of boxes, where the frame fills the middle of the masks but for rounding.

    That is where ultralytics' own ``scale_masks`` takes it from; with ``retina_masks``, masks have
    the frame's size, and it fills them.
    """
    (height, width), (rows, columns) = masks.orig_shape, tuple(masks.data.shape)[1:]
    gain = min(rows / height, columns / width)
    high, wide = max(round(height * gain), 1), max(round(width * gain), 1)
    top, left = round((rows - high) / 2 - 0.1), round((columns - wide) / 2 - 0.1)
    window = masks.data[:, top : top + high, left : left + wide]
    return crop_frame_masks(window, boxes, (wide / width, high / height))


def from_supervision(detections: Any) -> Detections:
    """Convert a ``supervision.Detections``.

    Args:
        detections: Its N detections, with masks of the frame or without.

    Returns:
        The N detections; confidence is 1 and class 0 where it has none. ``data`` has its ``data``
        of N rows, and ``tracker_id``; ``data["class_name"]`` also names the classes.

    Raises:
        InputError: Its columns have other shapes.

    Examples:
        >>> import numpy as np
        >>> import supervision as sv
        >>> from mvot_plugin.detectors import from_supervision
        >>> boxes = np.array([[10, 20, 50, 80]], np.float32)
        >>> found = from_supervision(sv.Detections(xyxy=boxes, class_id=np.array([2])))
        >>> found.class_id.tolist(), found.confidence.tolist()
        ([2], [1.0])
    """
    found = build_detections(detections.xyxy, detections.confidence, detections.class_id)
    mask, others = getattr(detections, "mask", None), getattr(detections, "data", None) or {}
    others = {**others, "tracker_id": getattr(detections, "tracker_id", None)}
    data = select_columns(others, len(found))
    has_names = "class_name" in data and detections.class_id is not None
    names = zip(found.class_id.tolist(), data["class_name"], strict=True) if has_names else ()
    return replace(
        found,
        masks=None if mask is None else crop_frame_masks(mask, found.xyxy),
        data=data,
        class_names={number: str(name) for number, name in names} or None,
    )
