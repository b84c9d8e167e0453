"""Parts of an image, resized: what is smaller there than here is averaged, not skipped."""

import cv2
import numpy as np
from jaxtyping import Float32, Float64, UInt8

__all__ = ["cut_out", "warped"]

COARSE = 0.6
"""Below this zoom, plain bilinear sampling would skip pixels."""


def warped(
    picture: UInt8[np.ndarray, "_ _ c"],
    matrix: Float64[np.ndarray, "2 3"],
    size: tuple[int, int],
    *,
    border: tuple[float, ...] | None = None,
) -> UInt8[np.ndarray, "_ _ c"]:
    """The picture through an affine map, ``size`` (width, height) pixels of it.

    Beyond its edge is the colour ``border``, or its mirror image.
    """
    zoom = abs(np.linalg.det(matrix[:, :2])) ** 0.5
    finer = 1 if zoom > COARSE else 2 if zoom > COARSE / 2 else 4
    indices = finer * matrix
    indices[:, 2] += indices[:, :2].sum(1) / 2 - 0.5
    image = cv2.warpAffine(
        picture,
        indices,
        (finer * size[0], finer * size[1]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101 if border is None else cv2.BORDER_CONSTANT,
        borderValue=border or 0,
    )
    if finer > 1:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(image)


def cut_out(
    image: UInt8[np.ndarray, "h w 3"], areas: Float32[np.ndarray, "n 4"], pixels: int
) -> UInt8[np.ndarray, "n pixels pixels 3"]:
    """Each of N square areas (xyxy) of an image, as ``pixels`` x ``pixels`` pixels.

    Beyond the image is its mean colour, as in SiamFC.
    """
    border = tuple(image.reshape(-1, 3).mean(0).tolist())
    parts = np.empty((len(areas), pixels, pixels, 3), np.uint8)
    for part, (x0, y0, x1, _) in zip(parts, areas.astype(np.float64), strict=True):
        zoom = pixels / max(x1 - x0, 1e-6)
        matrix = np.array([[zoom, 0, -zoom * x0], [0, zoom, -zoom * y0]])
        part[:] = warped(image, matrix, (pixels, pixels), border=border)
    return parts
