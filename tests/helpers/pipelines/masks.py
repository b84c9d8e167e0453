"""An engine whose targets have masks, and another reading of run lengths than pycocotools'."""

from dataclasses import replace

import numpy as np

from mvot_plugin.engines.base import Motion, Targets, as_boxes
from mvot_plugin.types import as_frame

__all__ = ["MaskEngine", "RefreshingMaskEngine", "decode_rle", "mask_of_box"]


def mask_of_box(boxes):
    """Masks of 2 x 2 cells, each of which tells a corner of its box."""
    return (np.float32(4000) + boxes.reshape(-1, 2, 2)) / np.float32(10000)


class MaskEngine:
    """Moves each box by half a pixel; its masks are those of ``mask_of_box``."""

    def observe(self, frame):
        return as_frame(frame)

    def enroll(self, observation, boxes):
        boxes = as_boxes(boxes)
        return Targets(boxes=boxes, masks=mask_of_box(boxes))

    def track(self, observation, targets):
        boxes = targets.boxes + np.float32(0.5)
        scores = np.full(len(boxes), 0.75, np.float32)
        return self.enroll(observation, boxes), Motion(boxes=boxes.copy(), scores=scores)


class RefreshingMaskEngine(MaskEngine):
    """Leaves each mask as it was enrolled, however its box moves."""

    def track(self, observation, targets):
        moved, motion = super().track(observation, targets)
        return replace(targets, boxes=moved.boxes), motion

    def refresh(self, observation, targets, boxes, appearance):
        return replace(targets, boxes=as_boxes(boxes))


def decode_rle(encoded):
    """The pixels of COCO's compressed run-length encoding, read character by character."""
    height, width = encoded["size"]
    counts, codes = [], [ord(one) - 48 for one in encoded["counts"]]
    while codes:
        value = shift = 0
        code = 0x20
        while code & 0x20:
            code = codes.pop(0)
            value |= (code & 0x1F) << shift
            shift += 5
        if code & 0x10:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
    pixels = [bool(turn % 2) for turn, count in enumerate(counts) for _ in range(count)]
    return np.array(pixels).reshape(width, height).T
