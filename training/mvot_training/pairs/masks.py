"""Masks of the object in the search image of a pair, from whatever tells where the object is."""

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from mvot_plugin.ops.images import warp_affine
from mvot_training.pairs.augmentation import ObjectImage, ObjectView
from mvot_training.pairs.compositing import Composite
from mvot_training.pairs.layers import Layer, solid_mask

__all__ = ["draw_mask"]

SUBPIXEL_BITS = 4
"""Binary digits of the fraction of a polygon's coordinates."""


def draw_mask(
    composite: Composite, object_image: ObjectImage, view: ObjectView
) -> UInt8[np.ndarray, "hs hs"] | None:
    """Draw where an image shows its object.

    Args:
        composite: The image, with the layers of an object that was pasted.
        object_image: The object, with its polygons or its mask if it was not pasted.
        view: The view of it that the image shows.

    Returns:
        1 where the pixel shows the object, else 0; None where that is not known, or nothing of the
        object is seen.
    """
    if composite.layer is not None:
        mask = _merge_layers(composite.layer, composite.occluder, view.size)
    elif object_image.polygons:
        mask = _fill_polygons(object_image.polygons, view)
    elif object_image.mask is not None:
        size = view.size, view.size
        warped = warp_affine(object_image.mask, view.matrix, size, border=(0.0,))
        mask = (warped[..., 0] >= 128).astype(np.uint8)
    else:
        return None
    return mask if mask.any() else None


def _merge_layers(layer: Layer, occluder: Layer | None, size: int) -> UInt8[np.ndarray, "hs hs"]:
    mask = np.zeros((size, size), np.uint8)
    for one, value in ((layer, 1), (occluder, 0)):
        if one is not None:
            rows, columns = one.pixels.shape[:2]
            window = mask[one.top : one.top + rows, one.left : one.left + columns]
            window[solid_mask(one.pixels) > 0] = value
    return mask


def _fill_polygons(
    polygons: tuple[Float64[np.ndarray, "_ 2"], ...], view: ObjectView
) -> UInt8[np.ndarray, "hs hs"]:
    """The pixels of a view that are inside of any of the polygons of an object."""
    mask = np.zeros((view.size, view.size), np.uint8)
    for polygon in polygons:
        points = polygon @ view.matrix[:, :2].T + view.matrix[:, 2]
        fixed = np.round(2**SUBPIXEL_BITS * (points - 0.5)).astype(np.int32)
        cv2.fillPoly(mask, [fixed], 1.0, cv2.LINE_8, SUBPIXEL_BITS)
    return mask
