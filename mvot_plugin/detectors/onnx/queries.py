"""Transformers that answer with boxes and class logits: RT-DETR, D-FINE, RF-DETR.

The boxes are centres and sizes as shares of the input, (N, 4), the logits (N, classes); the frame
is stretched. RF-DETR (outputs ``dets`` and ``labels``) takes colours as of ImageNet, and the
others, as Hugging Face exports them (``pred_boxes`` and ``logits``), RGB in 0..1.
"""

from functools import partial

import numpy as np

from mvot_plugin.detectors.classes import COCO_IDS
from mvot_plugin.detectors.onnx.family import (
    IMAGENET,
    Family,
    Outputs,
    Probe,
    best_classes,
    drop_batch,
    name_classes,
    to_corners,
)
from mvot_plugin.detectors.onnx.preparation import Colors, Size
from mvot_plugin.types import Detections

__all__ = ["recognize_queries"]

_EXPORTS = {("dets", "labels"): IMAGENET, ("pred_boxes", "logits"): Colors()}
"""The colours that networks take, by the names of the boxes and the logits."""
_IDS = 91
_DETR = 92
"""COCO's category numbers, and DETR's one more for no object, which needs a softmax."""


def recognize_queries(probe: Probe) -> Family | None:
    """The family of an export, or None where it is none of these."""
    for names, colors in _EXPORTS.items():
        if not set(names) <= set(probe.outputs):
            continue
        boxes, logits = (drop_batch(probe.outputs[name]) for name in names)
        if boxes.ndim != 2 or boxes.shape[1] != 4 or logits.ndim != 2 or len(logits) != len(boxes):
            continue
        count = logits.shape[1]
        if count not in (0, _DETR):
            known = count == _IDS and probe.names is None
            return Family(
                decode=partial(_decode, names=names),
                names=COCO_IDS if known else name_classes(probe, count),
                colors=colors,
                fit="stretch",
            )
    return None


def _decode(outputs: Outputs, size: Size, conf: float, *, names: tuple[str, str]) -> Detections:
    boxes, logits = (drop_batch(outputs[name]) for name in names)
    with np.errstate(over="ignore"):
        scores = 1 / (1 + np.exp(-logits))
    rows, confidence, numbers = best_classes(scores, conf)
    return Detections.of(to_corners(boxes[rows]) * np.tile(size[::-1], 2), confidence, numbers)
