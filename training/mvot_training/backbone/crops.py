"""The crops of a training step: squares of images at any zoom, and mosaics of labelled tiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from mvot_plugin.ops.images import warp_affine
from mvot_training.backbone.config import BackboneTrainingConfig
from mvot_training.backbone.images import DistillationImages
from mvot_training.pairs.augmentation import apply_photometric_augmentation, sample_linear_map

__all__ = ["CropBatch", "sample_step", "sample_validation_crops", "select_validation_tiles"]

REFERENCE_SIZE = 128
"""Side in pixels of the crops that ``batch`` is the number of, and of the largest tile."""
MAX_ZOOM = 2.0
"""How much an image is enlarged at most, unless a crop would be below ``MIN_SHARE``."""
MIN_SHARE = 0.6
"""The share of an image's shorter side that a crop of a small image covers at least."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CropBatch:
    """N square images (BGR) of S pixels, and the classes on their K x K cells; -1 is unknown."""

    images: UInt8[np.ndarray, "n s s 3"]
    labels: Int64[np.ndarray, "n k k"]


def sample_step(
    data: DistillationImages, classes: Sequence[str], config: BackboneTrainingConfig, step: int
) -> CropBatch:
    """The batch of a step; labels are indices of ``classes``."""
    rng = np.random.default_rng([config.seed, step])
    size = int(rng.choice(config.crop_sizes))
    count = max(round(config.batch * (REFERENCE_SIZE / size) ** 2), 2)
    cells = -(-size // REFERENCE_SIZE)
    has_tiles = data.tiles.images and config.tile_share
    mosaics = max(round(config.tile_share * count), 1) if has_tiles else 0
    images = [
        _sample_crop(rng, _sample_image(rng, data, config.photo_share), size) for _ in range(count)
    ]
    labels = np.full((count, cells, cells), -1, np.int64)
    for number in range(mosaics):
        images[number], labels[number] = _sample_mosaic(rng, data, classes, size, cells)
    return CropBatch(images=np.stack(images), labels=labels)


def sample_validation_crops(
    data: DistillationImages, config: BackboneTrainingConfig, count: int
) -> CropBatch:
    """Crops of 128 pixels, the same each time, half of them of photos and half of frames."""
    rng = np.random.default_rng([config.seed, 0, 0])
    images = [
        _sample_crop(rng, _sample_image(rng, data, 0.5), REFERENCE_SIZE) for _ in range(count)
    ]
    return CropBatch(images=np.stack(images), labels=np.full((count, 1, 1), -1, np.int64))


def select_validation_tiles(
    data: DistillationImages, classes: Sequence[str], count: int
) -> CropBatch:
    """At most ``count`` tiles, evenly from all of them, resized to 128 pixels."""
    tiles = data.tiles
    chosen = np.unique(np.linspace(0, len(tiles.images) - 1, count).astype(int))
    images = [_crop_centre(tiles.images[n]) for n in chosen]
    names = [tiles.class_names[n] for n in chosen]
    labels = [classes.index(name) if name in classes else -1 for name in names]
    return CropBatch(images=np.stack(images), labels=np.array(labels, np.int64).reshape(-1, 1, 1))


def _sample_image(
    rng: np.random.Generator, data: DistillationImages, photo_share: float
) -> UInt8[np.ndarray, "_ _ 3"]:
    """A photo, or a frame of any video; all videos are equally likely."""
    if not data.videos or (data.photos and rng.random() < photo_share):
        return data.photos[rng.integers(len(data.photos))]
    video = data.videos[rng.integers(len(data.videos))]
    return video[int(rng.integers(len(video)))]


def _sample_crop(
    rng: np.random.Generator, image: UInt8[np.ndarray, "_ _ 3"], size: int
) -> UInt8[np.ndarray, "s s 3"]:
    """A square of an image at any place and zoom, a little rotated, augmented photometrically."""
    height, width = image.shape[:2]
    short = min(height, width)
    low = min(size / MAX_ZOOM, MIN_SHARE * short)
    side = float(np.exp(rng.uniform(np.log(low), np.log(short))))
    flip = bool(rng.random() < 0.5)
    linear = size / side * sample_linear_map(rng, angle=8.0, shear=0.06, flip=flip)
    centre = np.array([rng.uniform(side / 2, length - side / 2) for length in (width, height)])
    matrix = np.hstack([linear, (size / 2 - linear @ centre)[:, None]])
    crop = warp_affine(image, matrix, (size, size))
    return apply_photometric_augmentation(rng, crop, blur=0.05)


def _crop_centre(image: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "s s 3"]:
    """The square in the middle of an image, resized to 128 pixels."""
    height, width = image.shape[:2]
    zoom = REFERENCE_SIZE / min(height, width)
    shift = (REFERENCE_SIZE - zoom * np.array([width, height])) / 2
    matrix = np.hstack([np.diag([zoom, zoom]), shift[:, None]])
    return warp_affine(image, matrix, (REFERENCE_SIZE, REFERENCE_SIZE))


def _sample_mosaic(
    rng: np.random.Generator,
    data: DistillationImages,
    classes: Sequence[str],
    size: int,
    cells: int,
) -> tuple[UInt8[np.ndarray, "s s 3"], Int64[np.ndarray, "k k"]]:
    """A square of tiles in rows and columns, with their classes."""
    tiles = data.tiles
    chosen = rng.integers(len(tiles.images), size=(cells, cells))
    side = size // cells
    rows = [np.hstack([_sample_crop(rng, tiles.images[n], side) for n in row]) for row in chosen]
    labels = [[classes.index(tiles.class_names[n]) for n in row] for row in chosen]
    return np.vstack(rows), np.array(labels, np.int64)
