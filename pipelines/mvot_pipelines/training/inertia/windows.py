"""Short stretches of trajectories: what inertia is given, and what it should say."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32

from mvot_plugin.ops.anchors import decode_boxes, encode_boxes
from mvot_plugin.rows import Rows

__all__ = ["Windows", "coded", "cut", "mirrored", "moved_by"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows(Rows):
    """N stretches of trajectories, boxes as (cx, cy, w, h) in pixels, oldest first.

    ``seen`` are the boxes of ``known`` frames as inertia is given them. ``true`` are the true boxes
    of the same frames and of those that follow, which inertia is to predict.
    """

    seen: Float32[np.ndarray, "n known 4"]
    true: Float32[np.ndarray, "n frames 4"]

    @classmethod
    def empty(cls, known: int, ahead: int) -> "Windows":
        """No windows of ``known`` boxes and ``ahead`` more."""
        shape = (0, known + ahead, 4)
        return cls(seen=np.zeros((0, known, 4), np.float32), true=np.zeros(shape, np.float32))


def cut(
    seen: Float32[np.ndarray, "t 4"],
    true: Float32[np.ndarray, "u 4"],
    *,
    known: int,
    ahead: int,
) -> Windows:
    """All windows of ``known`` boxes with ``ahead`` true ones after them, the first boxes aligned.

    Both are boxes (cx, cy, w, h) on consecutive frames; ``true`` may go on after ``seen`` has
    ended. There are none where either is too short.
    """
    count = max(min(len(seen) - known, len(true) - known - ahead) + 1, 0)
    begin = np.arange(count)[:, None]
    return Windows(seen=seen[begin + np.arange(known)], true=true[begin + np.arange(known + ahead)])


def mirrored(windows: Windows) -> Windows:
    """The same seen in a mirror: left is right. Only differences of the centres matter."""
    flip = np.array([-1, 1, 1, 1], np.float32)
    return Windows(seen=windows.seen * flip, true=windows.true * flip)


def coded(
    boxes: Float32[np.ndarray, "*n 4"], anchors: Float32[np.ndarray, "*n 4"]
) -> Float32[np.ndarray, "*n 4"]:
    """Differences of boxes (cx, cy, w, h) from others, coded as in SiamMOTION's Eq. 2."""
    return encode_boxes(torch.from_numpy(boxes), torch.from_numpy(anchors)).numpy()


def moved_by(
    differences: Float32[np.ndarray, "*n 4"], anchors: Float32[np.ndarray, "*n 4"]
) -> Float32[np.ndarray, "*n 4"]:
    """Boxes (cx, cy, w, h) from their differences: the inverse of ``coded``."""
    return decode_boxes(torch.from_numpy(differences), torch.from_numpy(anchors)).numpy()
