"""Layers: cut-outs warped by an affine map, augmented, and blended over an image."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from mvot_plugin.ops.images import warp_affine
from mvot_training.pairs.augmentation import apply_motion_blur, sample_tone

__all__ = ["Layer", "augment_layer", "blend", "hidden_share", "render_layer", "solid_mask"]

MARGIN = 6
"""Pixels around a pasted object that its motion blur may reach."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layer:
    """A premultiplied BGRA window of an image, its corner at (``left``, ``top``)."""

    pixels: UInt8[np.ndarray, "_ _ 4"]
    left: int
    top: int


def render_layer(
    cutout: UInt8[np.ndarray, "_ _ 4"],
    matrix: Float64[np.ndarray, "2 3"],
    size: int,
    texture: UInt8[np.ndarray, "_ _ 3"] | None = None,
) -> Layer | None:
    """Warp a cut-out into a square image of ``size`` pixels; None if it is outside of that.

    ``texture`` is an image that replaces its colours.
    """
    height, width = cutout.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    points = corners @ matrix[:, :2].T + matrix[:, 2]
    left, top = (int(v) for v in np.clip(np.floor(points.min(0)) - MARGIN, 0, size))
    right, bottom = (int(v) for v in np.clip(np.ceil(points.max(0)) + MARGIN, 0, size))
    if right - left < 2 or bottom - top < 2:
        return None
    window = matrix - np.array([[0, 0, left], [0, 0, top]])
    image = cutout if texture is None else apply_texture(cutout, texture)
    pixels = warp_affine(image, window, (right - left, bottom - top), border=(0.0, 0.0, 0.0, 0.0))
    return Layer(pixels=pixels, left=left, top=top)


def apply_texture(
    cutout: UInt8[np.ndarray, "h w 4"], texture: UInt8[np.ndarray, "_ _ 3"]
) -> UInt8[np.ndarray, "h w 4"]:
    """Give a cut-out the colours of another image, scaled to its size."""
    height, width = cutout.shape[:2]
    alpha = np.ascontiguousarray(cutout[..., 3])
    colour = cv2.resize(texture, (width, height), interpolation=cv2.INTER_LINEAR)
    colour = cv2.multiply(colour, cv2.merge([alpha] * 3), scale=1 / 255)
    return np.asarray(cv2.merge([*cv2.split(colour), alpha]))


def augment_layer(rng: np.random.Generator, layer: Layer, *, blur: float) -> Layer:
    """Change a layer's brightness and colours and, with probability ``blur``, add motion blur."""
    colours, alpha = layer.pixels[..., :3], np.ascontiguousarray(layer.pixels[..., 3])
    table = sample_tone(rng, 0.5)
    table = (table.astype(np.int16) - table[:, :1]).clip(0, 255).astype(np.uint8)
    colours = cv2.min(cv2.LUT(colours, table), cv2.merge([alpha] * 3))
    pixels = cv2.merge([*cv2.split(colours), alpha])
    if rng.random() < blur:
        pixels = apply_motion_blur(rng, pixels, 2.0 * MARGIN)
    return Layer(pixels=pixels, left=layer.left, top=layer.top)


def blend(image: UInt8[np.ndarray, "h w 3"], layer: Layer) -> None:
    """Blend a layer over an image, in place."""
    rows, columns = layer.pixels.shape[:2]
    below = image[layer.top : layer.top + rows, layer.left : layer.left + columns]
    transparency = cv2.bitwise_not(np.ascontiguousarray(layer.pixels[..., 3]))
    rest = cv2.multiply(below, cv2.merge([transparency] * 3), scale=1 / 255)
    below[:] = cv2.add(rest, np.ascontiguousarray(layer.pixels[..., :3]))


def hidden_share(layer: Layer, front: Layer) -> float:
    """The share of a layer that another one in front of it hides."""
    total = cv2.countNonZero(solid_mask(layer.pixels))
    x0, y0 = max(layer.left, front.left), max(layer.top, front.top)
    x1 = min(layer.left + layer.pixels.shape[1], front.left + front.pixels.shape[1])
    y1 = min(layer.top + layer.pixels.shape[0], front.top + front.pixels.shape[0])
    if x1 <= x0 or y1 <= y0 or not total:
        return 0.0
    a = layer.pixels[y0 - layer.top : y1 - layer.top, x0 - layer.left : x1 - layer.left]
    b = front.pixels[y0 - front.top : y1 - front.top, x0 - front.left : x1 - front.left]
    return cv2.countNonZero(cv2.bitwise_and(solid_mask(a), solid_mask(b))) / total


def solid_mask(pixels: UInt8[np.ndarray, "h w 4"]) -> UInt8[np.ndarray, "h w"]:
    """255 where a layer is more opaque than transparent, else 0."""
    return np.asarray(cv2.inRange(np.ascontiguousarray(pixels[..., 3]), 128.0, 255.0))
