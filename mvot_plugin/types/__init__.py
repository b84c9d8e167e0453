"""The values that flow through the pipeline (frames, detections, tracks) and the layouts of boxes.

Boxes are passed between the parts of the code as ``XYXY``, float32, in pixels, half-open and
0-based. Where a function or a network uses another layout, its annotations name it.
``Float32[XYXY, " n"]`` is an array of N boxes, of shape (N, 4).
"""

from mvot_plugin.types.detections import Detections
from mvot_plugin.types.frame import Frame, as_frame
from mvot_plugin.types.layouts import CXCYWH, LTWH, XYXY
from mvot_plugin.types.masks import MASK_BINS, PastedMask, crop_masks, paste_mask
from mvot_plugin.types.tracks import Tracks

__all__ = [
    "CXCYWH",
    "LTWH",
    "MASK_BINS",
    "XYXY",
    "Detections",
    "Frame",
    "PastedMask",
    "Tracks",
    "as_frame",
    "crop_masks",
    "paste_mask",
]
