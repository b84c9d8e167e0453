"""Cut-outs pasted over a background: pictures of our own, with exact boxes."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from mvot_pipelines.training.augment import Item, motion_blurred, tone
from mvot_plugin.ops.warping import warped

__all__ = ["Layer", "blend", "hidden_share", "layer", "relit"]

MARGIN = 6
"""Pixels about a pasted object that its motion blur may reach."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Layer:
    """A premultiplied BGRA window of an image, its corner at (``left``, ``top``)."""

    pixels: UInt8[np.ndarray, "_ _ 4"]
    left: int
    top: int


def layer(
    item: Item, matrix: Float64[np.ndarray, "2 3"], size: int, texture: np.ndarray | None = None
) -> Layer | None:
    """A cut-out through an affine map, as far as it is in an image; None where it is not.

    ``texture`` replaces its colours: a picture of its own size.
    """
    height, width = item.picture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
    points = corners @ matrix[:, :2].T + matrix[:, 2]
    left, top = (int(v) for v in np.clip(np.floor(points.min(0)) - MARGIN, 0, size))
    right, bottom = (int(v) for v in np.clip(np.ceil(points.max(0)) + MARGIN, 0, size))
    if right - left < 2 or bottom - top < 2:
        return None
    moved = matrix - np.array([[0, 0, left], [0, 0, top]])
    picture = item.picture if texture is None else painted(item.picture, texture)
    pixels = warped(picture, moved, (right - left, bottom - top), border=(0.0, 0.0, 0.0, 0.0))
    return Layer(pixels=pixels, left=left, top=top)


def painted(
    cutout: UInt8[np.ndarray, "h w 4"], texture: UInt8[np.ndarray, "_ _ 3"]
) -> UInt8[np.ndarray, "h w 4"]:
    """The shape of a cut-out with the colours of another picture."""
    height, width = cutout.shape[:2]
    alpha = np.ascontiguousarray(cutout[..., 3])
    colour = cv2.resize(texture, (width, height), interpolation=cv2.INTER_LINEAR)
    colour = cv2.multiply(colour, cv2.merge([alpha] * 3), scale=1 / 255)
    return np.asarray(cv2.merge([*cv2.split(colour), alpha]))


def relit(rng: np.random.Generator, what: Layer, *, blur: float) -> Layer:
    """The layer in another light, and smeared at probability ``blur``."""
    colours, alpha = what.pixels[..., :3], np.ascontiguousarray(what.pixels[..., 3])
    table = tone(rng, 0.5)
    table = (table.astype(np.int16) - table[:, :1]).clip(0, 255).astype(np.uint8)
    lit = cv2.min(cv2.LUT(colours, table), cv2.merge([alpha] * 3))
    pixels = cv2.merge([*cv2.split(lit), alpha])
    if rng.random() < blur:
        pixels = motion_blurred(rng, pixels, 2.0 * MARGIN)
    return Layer(pixels=pixels, left=what.left, top=what.top)


def blend(image: UInt8[np.ndarray, "h w 3"], what: Layer) -> None:
    """Put a layer over an image, in place."""
    rows, columns = what.pixels.shape[:2]
    below = image[what.top : what.top + rows, what.left : what.left + columns]
    clear = cv2.bitwise_not(np.ascontiguousarray(what.pixels[..., 3]))
    rest = cv2.multiply(below, cv2.merge([clear] * 3), scale=1 / 255)
    below[:] = cv2.add(rest, np.ascontiguousarray(what.pixels[..., :3]))


def hidden_share(what: Layer, front: Layer) -> float:
    """The share of a layer that another one in front of it hides."""
    whole = cv2.countNonZero(_solid(what.pixels))
    x0, y0 = max(what.left, front.left), max(what.top, front.top)
    x1 = min(what.left + what.pixels.shape[1], front.left + front.pixels.shape[1])
    y1 = min(what.top + what.pixels.shape[0], front.top + front.pixels.shape[0])
    if x1 <= x0 or y1 <= y0 or not whole:
        return 0.0
    a = what.pixels[y0 - what.top : y1 - what.top, x0 - what.left : x1 - what.left]
    b = front.pixels[y0 - front.top : y1 - front.top, x0 - front.left : x1 - front.left]
    return cv2.countNonZero(cv2.bitwise_and(_solid(a), _solid(b))) / whole


def _solid(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.inRange(np.ascontiguousarray(pixels[..., 3]), 128.0, 255.0))
