"""The motion of a camera between two images: a similarity from sparse flow of the whole image."""

from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from mvot_plugin.types import XYXY

__all__ = ["Similarity", "estimate_similarity", "scale_of", "warp_boxes"]

Similarity: TypeAlias = Float64[np.ndarray, "2 3"]
"""Maps a point (x, y, 1) of one image to the next: rotation and scale, then translation."""
Image: TypeAlias = UInt8[np.ndarray, "height width"]

_MAX_POINTS = 200
_LEAST_POINTS = 8
_LEAST_SHARE = 0.4
"""The least share of the points that must agree; with fewer, what moves is not the camera."""


def scale_of(motion: Similarity) -> float:
    """The factor by which a similarity enlarges."""
    return float(np.sqrt(abs(np.linalg.det(motion[:, :2]))))


def warp_boxes(boxes: Float32[XYXY, " n"], motion: Similarity) -> Float32[XYXY, " n"]:
    """Move N boxes by a similarity; they stay upright."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ motion[:, :2].T + motion[:, 2]
    half = scale_of(motion) * (boxes[:, 2:] - boxes[:, :2]) / 2
    return np.asarray(np.concatenate([centre - half, centre + half], axis=1), np.float32)


def estimate_similarity(before: Image, after: Image) -> Similarity | None:
    """Estimate the motion of most of the image, by corners, Lucas-Kanade flow and RANSAC.

    Returns the similarity that maps points of ``before`` to ``after``, in pixels, or None where too
    few points agree on one.
    """
    points = cv2.goodFeaturesToTrack(before, _MAX_POINTS, 0.01, 7)
    if points is None or len(points) < _LEAST_POINTS:
        return None
    arrived, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, points.copy(), winSize=(15, 15), maxLevel=3
    )
    found = np.asarray(status).ravel() > 0
    if found.sum() < _LEAST_POINTS:
        return None
    motion, agreeing = cv2.estimateAffinePartial2D(
        points[found], arrived[found], method=cv2.RANSAC, ransacReprojThreshold=1.0
    )
    if motion is None or agreeing.sum() < _LEAST_SHARE * found.sum():
        return None
    return np.asarray(motion, np.float64)
