"""The crops of a step: squares of pictures at any zoom, and mosaics of labelled tiles."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, UInt8

from mvot_pipelines.training.augment import bent, photographed
from mvot_pipelines.training.backbone.material import Material
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_plugin.ops.warping import warped

__all__ = ["CropBatch", "crops_of", "drawn_at", "tiles_of"]

NORMAL = 128
"""Pixels of the crops that ``batch`` counts, and of the largest tile."""
LARGEST_ZOOM, LEAST_SHARE = 2.0, 0.6
"""How far a picture is enlarged; the least of its shorter side that a crop covers, if need be."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CropBatch:
    """Square images (BGR), and the classes of the things on their cells; -1 is unknown."""

    images: UInt8[np.ndarray, "n s s 3"]
    labels: Int64[np.ndarray, "n k k"]


def drawn_at(
    material: Material, classes: Sequence[str], config: BackboneConfig, step: int
) -> CropBatch:
    """The batch of a step, the same whenever it is drawn; ``classes`` number the tiles' kinds."""
    rng = np.random.default_rng([config.seed, step])
    size = int(rng.choice(config.sizes))
    count = max(round(config.batch * (NORMAL / size) ** 2), 2)
    cells = -(-size // NORMAL)
    mosaics = max(round(config.tiles * count), 1) if material.tiles.images and config.tiles else 0
    images = [_crop(rng, _picture(rng, material, config.photos), size) for _ in range(count)]
    labels = np.full((count, cells, cells), -1, np.int64)
    for number in range(mosaics):
        images[number], labels[number] = _mosaic(rng, material, classes, size, cells)
    return CropBatch(images=np.stack(images), labels=labels)


def crops_of(material: Material, config: BackboneConfig, count: int) -> CropBatch:
    """Crops of 128 pixels that are always the same, half of photos and half of frames."""
    rng = np.random.default_rng([config.seed, 0, 0])
    images = [_crop(rng, _picture(rng, material, 0.5), NORMAL) for _ in range(count)]
    return CropBatch(images=np.stack(images), labels=np.full((count, 1, 1), -1, np.int64))


def tiles_of(material: Material, classes: Sequence[str], count: int) -> CropBatch:
    """So many tiles, or all, evenly from all there are; as they are, at 128 pixels."""
    tiles = material.tiles
    chosen = np.unique(np.linspace(0, len(tiles.images) - 1, count).astype(int))
    images = [_whole(tiles.images[n]) for n in chosen]
    labels = [classes.index(tiles.kinds[n]) if tiles.kinds[n] in classes else -1 for n in chosen]
    return CropBatch(images=np.stack(images), labels=np.array(labels, np.int64).reshape(-1, 1, 1))


def _picture(
    rng: np.random.Generator, material: Material, photos: float
) -> UInt8[np.ndarray, "_ _ 3"]:
    """A photo, or a frame of any clip; all clips are as likely."""
    if not material.clips or (material.photos and rng.random() < photos):
        return material.photos[rng.integers(len(material.photos))]
    clip = material.clips[rng.integers(len(material.clips))]
    return clip[int(rng.integers(len(clip)))]


def _crop(
    rng: np.random.Generator, picture: UInt8[np.ndarray, "_ _ 3"], size: int
) -> UInt8[np.ndarray, "s s 3"]:
    """A square of the picture at any place and zoom, a little turned, in another light."""
    height, width = picture.shape[:2]
    short = min(height, width)
    low = min(size / LARGEST_ZOOM, LEAST_SHARE * short)
    side = float(np.exp(rng.uniform(np.log(low), np.log(short))))
    bend = size / side * bent(rng, angle=8.0, shear=0.06, flip=bool(rng.random() < 0.5))
    middle = np.array([rng.uniform(side / 2, long - side / 2) for long in (width, height)])
    matrix = np.hstack([bend, (size / 2 - bend @ middle)[:, None]])
    return photographed(rng, warped(picture, matrix, (size, size)), blur=0.05)


def _whole(picture: UInt8[np.ndarray, "_ _ 3"]) -> UInt8[np.ndarray, "s s 3"]:
    """The square in the middle of a picture, unchanged but for its size."""
    height, width = picture.shape[:2]
    zoom = NORMAL / min(height, width)
    moved = (NORMAL - zoom * np.array([width, height])) / 2
    matrix = np.hstack([np.diag([zoom, zoom]), moved[:, None]])
    return warped(picture, matrix, (NORMAL, NORMAL))


def _mosaic(
    rng: np.random.Generator, material: Material, classes: Sequence[str], size: int, cells: int
) -> tuple[UInt8[np.ndarray, "s s 3"], Int64[np.ndarray, "k k"]]:
    """Tiles in rows and columns, with their classes."""
    tiles = material.tiles
    chosen = rng.integers(len(tiles.images), size=(cells, cells))
    part = size // cells
    rows = [np.hstack([_crop(rng, tiles.images[n], part) for n in row]) for row in chosen]
    labels = [[classes.index(tiles.kinds[n]) for n in row] for row in chosen]
    return np.vstack(rows), np.array(labels, np.int64)
