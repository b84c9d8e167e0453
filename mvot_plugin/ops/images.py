"""Images as the input of networks: areas cropped and resized, colours normalised."""

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, UInt8
from torch import Tensor

from mvot_plugin.types import XYXY

__all__ = ["crop_areas", "normalize_images", "warp_affine"]

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
    return np.asarray(warped)


def crop_areas(
    image: UInt8[np.ndarray, "h w 3"], areas: Float32[XYXY, " n"], pixels: int
) -> UInt8[np.ndarray, "n pixels pixels 3"]:
    """Crop N square areas of an image, and resize them to ``pixels`` x ``pixels``.

    Beyond the image is its mean colour, as in SiamFC.
    """
    border = tuple(image.reshape(-1, 3).mean(0).tolist())
    crops = np.empty((len(areas), pixels, pixels, 3), np.uint8)
    for crop, (x0, y0, x1, _) in zip(crops, areas.astype(np.float64), strict=True):
        zoom = pixels / max(x1 - x0, 1e-6)
        matrix = np.array([[zoom, 0, -zoom * x0], [0, zoom, -zoom * y0]])
        crop[:] = warp_affine(image, matrix, (pixels, pixels), border=border)
    return crops


MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
"""Mean and standard deviation of ImageNet's RGB images, as torchvision's backbones expect."""


def normalize_images(images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
    """Convert BGR images to normalised RGB in single precision; channels stay last in memory."""
    mean, std = (torch.tensor(values, device=images.device) for values in (MEAN, STD))
    return ((images.flip(3).float() - mean) / std).permute(0, 3, 1, 2)
