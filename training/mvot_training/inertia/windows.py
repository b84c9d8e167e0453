"""Windows of tracks: the boxes that inertia knows, and those that it is to predict."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from mvot_plugin.ops.tensors.anchors import decode_boxes, encode_boxes
from mvot_plugin.rows import Rows
from mvot_plugin.types import CXCYWH

__all__ = ["Windows", "cut_windows", "decode_differences", "encode_differences", "mirror_windows"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows(Rows):
    """N windows of tracks, in pixels, oldest box first."""

    seen: Float32[CXCYWH, "n known"]
    """The boxes that inertia knows: a tracker's, or the ground truth."""
    true: Float32[CXCYWH, "n frames"]
    """The ground truth of the same frames, and of those after them, which inertia predicts."""

    @classmethod
    def empty(cls, known: int, ahead: int) -> "Windows":
        """No windows of ``known`` boxes and ``ahead`` more."""
        shape = (0, known + ahead, 4)
        return cls(seen=np.zeros((0, known, 4), np.float32), true=np.zeros(shape, np.float32))


def cut_windows(
    seen: Float32[CXCYWH, " t"],
    true: Float32[CXCYWH, " u"],
    *,
    known: int,
    ahead: int,
) -> Windows:
    """Cut all windows of ``known`` boxes of ``seen``, with ``ahead`` more of ``true``.

    Both are of consecutive frames, from the same one on; ``true`` may be longer. There are no
    windows where either is too short.
    """
    count = max(min(len(seen) - known, len(true) - known - ahead) + 1, 0)
    begin = np.arange(count)[:, None]
    return Windows(seen=seen[begin + np.arange(known)], true=true[begin + np.arange(known + ahead)])


def mirror_windows(windows: Windows) -> Windows:
    """Mirror left and right, about x = 0: only differences of the centres matter."""
    flip = np.array([-1, 1, 1, 1], np.float32)
    return Windows(seen=windows.seen * flip, true=windows.true * flip)


def encode_differences(
    boxes: Float32[CXCYWH, "*n"], anchors: Float32[CXCYWH, "*n"]
) -> Float32[np.ndarray, "*n 4"]:
    """Encode boxes relative to anchors (SiamMOTION Eq. 2)."""
    return encode_boxes(torch.from_numpy(boxes), torch.from_numpy(anchors)).numpy()


def decode_differences(
    differences: Float32[np.ndarray, "*n 4"], anchors: Float32[CXCYWH, "*n"]
) -> Float32[CXCYWH, "*n"]:
    """Decode boxes from what ``encode_differences`` returns."""
    return decode_boxes(torch.from_numpy(differences), torch.from_numpy(anchors)).numpy()
