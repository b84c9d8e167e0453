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
    cover,
    occlude,
    sample_linear_map,
    sample_view,
)
from mvot_training.pairs.compositing import Composite, composite, sample_backgrounds
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.masks import draw_mask
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
    """The ground truth in the search images; in negative pairs, that of the other object, or the
    place without an object."""
    priors: Float32[XYXY, " n"]
    """Jittered boxes, in the middle of the search images: search areas are placed about them."""
    positive: Bool[np.ndarray, " n"]
    """Whether both images show the same object."""
    labelled: Bool[np.ndarray, " n"]
    """Whether that, and the ground truth, are known."""
    masked: Bool[np.ndarray, " n"]
    """Whether the object's mask in the search image is known; never in negative pairs."""
    masks: UInt8[np.ndarray, "n hs hs"] | None = None
    """1 where the pixel of the search image shows the object, else 0, and 0 everywhere where that
    is not known; None if no masks are sampled."""
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
    blank = np.zeros((geometries[1].search_size,) * 2, np.uint8)
    masks = [blank if pair.mask is None else pair.mask for pair in pairs]
    return PairBatch(
        exemplars=np.stack([pair.exemplar for pair in pairs]),
        exemplar_boxes=np.array([pair.views[0].prior for pair in pairs], np.float32),
        searches=np.stack([pair.search for pair in pairs]),
        boxes=np.array([pair.views[1].box for pair in pairs], np.float32),
        priors=np.array([pair.views[1].prior for pair in pairs], np.float32),
        positive=np.array([pair.positive for pair in pairs]),
        labelled=np.array([pair.labelled for pair in pairs]),
        masked=np.array([pair.mask is not None for pair in pairs]),
        masks=np.stack(masks) if config.masks else None,
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _RenderedPair:
    """The images of a pair, with the views that they show."""

    exemplar: np.ndarray
    search: np.ndarray
    views: tuple[ObjectView, ObjectView]
    positive: bool
    labelled: bool
    mask: np.ndarray | None


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
    composites: list[Composite] = []
    for object_image, view, clutter in zip(objects, views, CLUTTER_SCALES, strict=True):
        if backgrounds is not None and _is_cutout(object_image):
            background = backgrounds[len(composites)]
            image = composite(data, rng, background, view, object_image, pair, clutter=clutter)
        else:
            image = _show(rng, object_image, view)
        composites.append(image)
    exemplar, search = (image.image for image in composites)
    shows_object = pair.positive and pair.labelled
    mask = None
    if config.masks and shows_object:
        mask = draw_mask(composites[1], pair.search, views[1])
    if config.photometric:
        exemplar = apply_photometric_augmentation(rng, exemplar, blur=0.05)
        search = apply_photometric_augmentation(rng, search, blur=0.2)
        occlude(rng, search, views[1], mask)
    can_cover = shows_object and config.cover_share > 0
    is_covered = can_cover and rng.random() < config.cover_share
    if is_covered:
        search = cover(rng, search, views[1])
    return _RenderedPair(
        exemplar=exemplar,
        search=search,
        views=views,
        positive=pair.positive and not is_covered,
        labelled=pair.labelled,
        mask=None if is_covered else mask,
    )


def _show(rng: np.random.Generator, object_image: ObjectImage, view: ObjectView) -> Composite:
    """Show an object in its own image."""
    size, border = (view.size, view.size), _sample_border(rng, object_image)
    return Composite(image=warp_affine(object_image.image, view.matrix, size, border=border))


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
