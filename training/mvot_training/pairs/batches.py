"""Batches of training pairs: exemplar and search images of one object, or of two."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mvot_plugin.ops.images import warp_affine
from mvot_plugin.types import XYXY
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.augmentation import (
    EXEMPLAR_JITTER,
    SEARCH_JITTER,
    Jitter,
    ObjectImage,
    ObjectView,
    apply_photometric_augmentation,
    sample_linear_map,
    sample_view,
)
from mvot_training.pairs.compositing import composite, sample_backgrounds
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.sampling import sample_pair

__all__ = ["PAIR_GEOMETRIES", "PairBatch", "PairGeometry", "sample_batch", "sample_pairs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PairGeometry:
    """The sizes of a pair's images and search areas, in pixels."""

    search_size: int
    """The side of the search image."""
    exemplar_size: int
    """The side of the exemplar image."""
    min_side: float
    """The smallest side of the search area in its image."""
    max_side: float
    """The largest side of the search area in its image."""
    jitter: Jitter = SEARCH_JITTER
    """How far the search area is from the ground truth at most."""


PAIR_GEOMETRIES: Mapping[int, PairGeometry] = MappingProxyType(
    {
        1: PairGeometry(search_size=144, exemplar_size=80, min_side=62.0, max_side=120.0),
        2: PairGeometry(search_size=272, exemplar_size=144, min_side=125.0, max_side=244.0),
        3: PairGeometry(search_size=400, exemplar_size=208, min_side=250.0, max_side=368.0),
        4: PairGeometry(search_size=576, exemplar_size=288, min_side=500.0, max_side=540.0),
    }
)
"""The sizes by pyramid level."""

CLUTTER_SCALES = 0.4, 1.0
"""How often other cut-outs are near the object, in exemplars and in search areas."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairBatch:
    """Pairs of images (BGR) with boxes in pixels of their image."""

    exemplars: UInt8[np.ndarray, "n he he 3"]
    exemplar_boxes: Float32[XYXY, " n"]
    """The ground truth with a little jitter, as a detector's boxes have."""
    searches: UInt8[np.ndarray, "n hs hs 3"]
    boxes: Float32[XYXY, " n"]
    """The ground truth in the search images; in negative pairs, that of the other object."""
    priors: Float32[XYXY, " n"]
    """Jittered boxes, in the middle of the search images: search areas are placed about them."""
    positive: Bool[np.ndarray, " n"]
    """Whether both images show the same object."""
    labelled: Bool[np.ndarray, " n"]
    """Whether that, and the ground truth, are known."""
    exemplar_level: int = 0
    """The pyramid level of the exemplars; 0 where there are no levels."""


def sample_batch(
    data: TrainingData,
    rng: np.random.Generator,
    level: int,
    count: int,
    config: SamplingConfig | None = None,
    exemplar_level: int | None = None,
) -> PairBatch:
    """Sample ``count`` pairs for a pyramid level, 1 to 4.

    The exemplars are for the same level or for ``exemplar_level``, and then larger or smaller.

    Raises ``UsageError`` if the data has nothing that ``config`` asks for.
    """
    exemplar_level = level if exemplar_level is None else exemplar_level
    geometries = PAIR_GEOMETRIES[exemplar_level], PAIR_GEOMETRIES[level]
    batch = sample_pairs(data, rng, geometries, count, config or SamplingConfig())
    return replace(batch, exemplar_level=exemplar_level)


def sample_pairs(
    data: TrainingData,
    rng: np.random.Generator,
    geometries: tuple[PairGeometry, PairGeometry],
    count: int,
    config: SamplingConfig,
) -> PairBatch:
    """Sample ``count`` pairs; ``geometries`` are of the exemplars and of the search images.

    Raises ``UsageError`` if the data has nothing that ``config`` asks for.
    """
    pairs = [_render_pair(data, rng, geometries, config) for _ in range(count)]
    return PairBatch(
        exemplars=np.stack([pair.exemplar for pair in pairs]),
        exemplar_boxes=np.array([pair.views[0].prior for pair in pairs], np.float32),
        searches=np.stack([pair.search for pair in pairs]),
        boxes=np.array([pair.views[1].box for pair in pairs], np.float32),
        priors=np.array([pair.views[1].prior for pair in pairs], np.float32),
        positive=np.array([pair.positive for pair in pairs]),
        labelled=np.array([pair.labelled for pair in pairs]),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _RenderedPair:
    """The images of a pair, with the views that they show."""

    exemplar: np.ndarray
    search: np.ndarray
    views: tuple[ObjectView, ObjectView]
    positive: bool
    labelled: bool


def _render_pair(
    data: TrainingData,
    rng: np.random.Generator,
    geometries: tuple[PairGeometry, PairGeometry],
    config: SamplingConfig,
) -> _RenderedPair:
    low, high = geometries[1].min_side, geometries[1].max_side
    side = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    pair = sample_pair(data, rng, side, config)
    objects = pair.exemplar, pair.search
    views = _sample_views(rng, objects, geometries, side)
    backgrounds = sample_backgrounds(data, rng, views) if any(map(_is_cutout, objects)) else None
    images: list[np.ndarray] = []
    for object_image, view, clutter in zip(objects, views, CLUTTER_SCALES, strict=True):
        if backgrounds is not None and _is_cutout(object_image):
            background = backgrounds[len(images)]
            image = composite(data, rng, background, view, object_image, pair, clutter=clutter)
        else:
            size, border = (view.size, view.size), _sample_border(rng, object_image)
            image = warp_affine(object_image.image, view.matrix, size, border=border)
        images.append(image)
    if config.photometric:
        images[0] = apply_photometric_augmentation(rng, images[0], blur=0.05)
        images[1] = apply_photometric_augmentation(rng, images[1], blur=0.2)
        images[1] = _occlude(rng, images[1], views[1])
    can_cover = pair.positive and pair.labelled and config.cover_share > 0
    is_covered = can_cover and rng.random() < config.cover_share
    if is_covered:
        images[1] = _cover(rng, images[1], views[1])
    return _RenderedPair(
        exemplar=images[0],
        search=images[1],
        views=views,
        positive=pair.positive and not is_covered,
        labelled=pair.labelled,
    )


def _is_cutout(object_image: ObjectImage) -> bool:
    return bool(object_image.image.shape[2] == 4)


def _sample_views(
    rng: np.random.Generator,
    objects: tuple[ObjectImage, ObjectImage],
    geometries: tuple[PairGeometry, PairGeometry],
    side: float,
) -> tuple[ObjectView, ObjectView]:
    """Sample the views of a pair: both mirrored or neither, the objects of about the same size.

    In 40 % of the pairs the size of the exemplar differs by up to a factor of 1.5, as of targets
    that come nearer or go away.
    """
    flip = bool(rng.random() < 0.5)
    spread = np.log(1.5) if rng.random() < 0.4 else 0.05
    desired_side = side * np.exp(rng.uniform(-spread, spread))
    exemplar_side = float(np.clip(desired_side, geometries[0].min_side, geometries[0].max_side))
    views = []
    for object_image, size, area_side, jitter in (
        (objects[0], geometries[0].exemplar_size, exemplar_side, EXEMPLAR_JITTER),
        (objects[1], geometries[1].search_size, side, geometries[1].jitter),
    ):
        cutout = _is_cutout(object_image)
        rotate = object_image.outline is not None and rng.random() < (0.7 if cutout else 0.3)
        angle, shear = (8.0, 0.06) if cutout else (5.0, 0.0)
        linear_map = sample_linear_map(rng, angle=angle * rotate, shear=shear * rotate, flip=flip)
        views.append(
            sample_view(
                rng, object_image, size=size, side=area_side, jitter=jitter, linear_map=linear_map
            )
        )
    return views[0], views[1]


def _sample_border(rng: np.random.Generator, object_image: ObjectImage) -> tuple[float, ...]:
    """Sample the colour beyond the image's edge: its mean colour or, in 20 %, black."""
    if rng.random() < 0.2:
        return (0.0, 0.0, 0.0)
    return tuple(object_image.image[::16, ::16].mean((0, 1)).tolist())


def _occlude(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"], view: ObjectView
) -> UInt8[np.ndarray, "h w 3"]:
    """In 5 % of the images, paint a rectangle that hides half of the object at most."""
    if rng.random() >= 0.05:
        return image
    extent = (view.box[2:] - view.box[:2]) * rng.uniform(0.2, 0.7, 2)
    low = rng.uniform(0.2, 0.8, 2) * view.size - extent / 2
    x0, y0, x1, y1 = (int(v) for v in np.clip([*low, *(low + extent)], 0, view.size))
    image[y0:y1, x0:x1] = rng.integers(0, 256, 3)
    return image


def _cover(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"], view: ObjectView
) -> UInt8[np.ndarray, "h w 3"]:
    """Cover the object with another part of the image, or the mirrored image."""
    image, source = image.copy(), image if rng.random() < 0.7 else image[::-1, ::-1]
    margin = 0.08 * (view.box[2:] - view.box[:2])
    low, high = view.box[:2] - margin, view.box[2:] + margin
    x0, y0, x1, y1 = (int(v) for v in np.clip([*low, *np.ceil(high)], 0, view.size))
    width, height = x1 - x0, y1 - y0
    if width < 1 or height < 1:
        return image
    across = _sample_shift(rng, x0, width, view.size)
    down = y0 if rng.random() < 0.5 else _sample_shift(rng, y0, height, view.size)
    image[y0:y1, x0:x1] = source[down : down + height, across : across + width]
    return image


def _sample_shift(rng: np.random.Generator, begin: int, length: int, size: int) -> int:
    """Where as many pixels begin that are not the same ones, as far as there is room."""
    before, after = begin - length, begin + length
    choices = [place for place in (before, after) if 0 <= place <= size - length]
    return int(rng.choice(choices)) if choices else int(rng.integers(size - length + 1))
