"""Images as the input of networks: areas cropped and resized."""

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

from mvot_plugin.types import XYXY

__all__ = ["crop_areas", "crop_rectangle", "mean_color", "warp_affine"]

MIN_BILINEAR_ZOOM = 0.6
"""Zoom below which bilinear sampling alone would skip pixels."""


def warp_affine(
    image: UInt8[np.ndarray, "_ _ c"],
    matrix: Float64[np.ndarray, "2 3"],
    size: tuple[int, int],
    *,
    border: tuple[float, ...] | None = None,
) -> UInt8[np.ndarray, "_ _ c"]:
    """Warp an image by an affine map to ``size`` (width, height) pixels, without aliasing.

    Beyond the image's edge is the colour ``border`` or, for None, its reflection.
    """
    zoom = abs(np.linalg.det(matrix[:, :2])) ** 0.5
    oversampling = 1 if zoom > MIN_BILINEAR_ZOOM else 2 if zoom > MIN_BILINEAR_ZOOM / 2 else 4
    indices = oversampling * matrix
    indices[:, 2] += indices[:, :2].sum(1) / 2 - 0.5
    warped = cv2.warpAffine(
        image,
        indices,
        (oversampling * size[0], oversampling * size[1]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101 if border is None else cv2.BORDER_CONSTANT,
        borderValue=border or 0,
    )
    if oversampling > 1:
        warped = cv2.resize(warped, size, interpolation=cv2.INTER_AREA)
    return np.asarray(warped).reshape(size[1], size[0], image.shape[2])


def crop_rectangle(
    image: UInt8[np.ndarray, "_ _ 3"],
    zoom: float,
    corner: tuple[float, float],
    size: tuple[int, int],
    color: tuple[float, float, float],
) -> UInt8[np.ndarray, "_ _ 3"]:
    """Cut a rectangle out of an image that is enlarged ``zoom`` times, without aliasing.

    Args:
        image: The image.
        zoom: The factor by which it is enlarged.
        corner: (x, y) of the rectangle's corner, in pixels of the enlarged image.
        size: (width, height) of the rectangle, in the same pixels.
        color: What is beyond the image's edge.

    Returns:
        The rectangle, (height, width, 3).
    """
    block = max(int(1 / zoom + 1e-6), 1)
    reduced, origin = _reduce(image, zoom, corner, size, block)
    step = zoom * block
    x, y = (zoom * o - c for o, c in zip(origin, corner, strict=True))
    if step == 1 and x == int(x) and y == int(y):
        return _place(reduced, (int(x), int(y)), size, color)
    shift = step / 2 - 0.5
    matrix = np.array([[step, 0, x + shift], [0, step, y + shift]])
    warped = cv2.warpAffine(
        reduced,
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=color,
    )
    return np.asarray(warped)


def _reduce(
    image: UInt8[np.ndarray, "_ _ 3"],
    zoom: float,
    corner: tuple[float, float],
    size: tuple[int, int],
    block: int,
) -> tuple[UInt8[np.ndarray, "_ _ 3"], tuple[int, int]]:
    """The part of an image that a rectangle shows, each ``block`` x ``block`` pixels averaged.

    Also returns the part's corner (x, y) in the image. Blocks that the edge cuts repeat its pixels.
    """
    spans = []
    for begin, pixels, limit in zip(corner, size, image.shape[1::-1], strict=True):
        low = int(np.floor(begin / zoom)) - 2
        high = int(np.ceil((begin + pixels) / zoom)) + 2
        low = min(max(low, 0), limit - 1) // block * block
        spans.append((low, max(min(high, limit), low + 1)))
    (x0, x1), (y0, y1) = spans
    part = image[y0:y1, x0:x1]
    if block == 1:
        return part, (x0, y0)
    columns, rows = -(-(x1 - x0) // block), -(-(y1 - y0) // block)
    below, right = rows * block - (y1 - y0), columns * block - (x1 - x0)
    if below or right:
        part = np.asarray(cv2.copyMakeBorder(part, 0, below, 0, right, cv2.BORDER_REPLICATE))
    reduced = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced), (x0, y0)


def _place(
    part: UInt8[np.ndarray, "_ _ 3"],
    corner: tuple[int, int],
    size: tuple[int, int],
    color: tuple[float, float, float],
) -> UInt8[np.ndarray, "_ _ 3"]:
    """A rectangle of ``color`` with a part at ``corner``, as far as it lies inside."""
    placed = np.empty((size[1], size[0], 3), np.uint8)
    (x0, x1), (y0, y1) = (
        (min(max(begin, 0), pixels), min(max(begin + length, 0), pixels))
        for begin, length, pixels in zip(corner, part.shape[1::-1], size, strict=True)
    )
    if (y1 - y0, x1 - x0) != placed.shape[:2]:
        placed[:] = np.round(color)
    placed[y0:y1, x0:x1] = part[y0 - corner[1] : y1 - corner[1], x0 - corner[0] : x1 - corner[0]]
    return placed


def crop_areas(
    image: UInt8[np.ndarray, "h w 3"], areas: Float32[XYXY, " n"], pixels: int
) -> UInt8[np.ndarray, "n pixels pixels 3"]:
    """Crop N square areas of an image, and resize them to ``pixels`` x ``pixels``.

    Beyond the image is its mean colour, as in SiamFC.
    """
    color = mean_color(image)
    crops = np.empty((len(areas), pixels, pixels, 3), np.uint8)
    for crop, (x0, y0, x1, _) in zip(crops, areas.tolist(), strict=True):
        zoom = pixels / max(x1 - x0, 1e-6)
        crop[:] = crop_rectangle(image, zoom, (zoom * x0, zoom * y0), (pixels, pixels), color)
    return crops


def mean_color(image: UInt8[np.ndarray, "h w 3"]) -> tuple[float, float, float]:
    """The mean of an image's pixels, channel by channel."""
    blue, green, red, _ = cv2.mean(image)
    return blue, green, red
