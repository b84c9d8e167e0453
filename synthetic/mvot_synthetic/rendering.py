"""Rendering of sprites onto an image: scaled with sub-pixel accuracy, and alpha-blended."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from mvot_plugin.types import XYXY
from mvot_synthetic.canvas import SOLID

__all__ = ["PlacedSprite", "paint_sprite", "zoom_window"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PlacedSprite:
    """A sprite on one frame: its premultiplied BGRA pixels, their position, and its box."""

    id: int
    """The actor's id; 0 for props."""
    class_id: int
    depth: float
    """Nearer sprites, of larger depth, are drawn over others."""
    patch: UInt8[np.ndarray, "height width 4"]
    left: int
    top: int
    """The patch's upper left corner, in pixels of the image."""
    xyxy: XYXY
    """The box of its solid pixels, in pixels of the image; may reach beyond it."""


def zoom_window(
    pixels: np.ndarray, zoom: float, start: np.ndarray, extent: np.ndarray
) -> np.ndarray:
    """A window of ``extent`` (width, height) pixels at ``start`` of an image scaled by ``zoom``."""
    if extent.min() <= 0:
        return np.zeros((0, 0, 4), np.uint8)
    offset = (start + 0.5) / zoom - 0.5
    inverse = np.array([[1 / zoom, 0, offset[0]], [0, 1 / zoom, offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, inverse, extent.tolist(), flags=flags))


def paint_sprite(
    placed: PlacedSprite,
    image: UInt8[np.ndarray, "height width 3"],
    ids: UInt16[np.ndarray, "height width"],
) -> bool:
    """Blend a sprite over the image and write its id; returns whether any solid pixel is inside."""
    top, left = max(placed.top, 0), max(placed.left, 0)
    patch = placed.patch[top - placed.top :, left - placed.left :]
    window = image[top : top + len(patch), left : left + patch.shape[1]]
    patch = patch[: window.shape[0], : window.shape[1]]
    if not patch.size:
        return False
    alpha = patch[..., 3]
    transparency = cv2.merge([255 - alpha] * 3)
    behind = cv2.multiply(window, transparency, scale=1 / 255)
    cv2.add(behind, cv2.cvtColor(patch, cv2.COLOR_BGRA2BGR), dst=window)
    solid = alpha >= SOLID
    ids[top : top + len(patch), left : left + patch.shape[1]][solid] = placed.id
    return bool(solid.any())
