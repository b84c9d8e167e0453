"""Composite images: a cut-out over a background, with look-alikes beside it and occluders on it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8

from mvot_plugin.ops.images import warp_affine
from mvot_plugin.types import XYXY
from mvot_training.data.cutouts import CutoutObject
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.augmentation import ObjectImage, ObjectView, sample_linear_map
from mvot_training.pairs.layers import Layer, augment_layer, blend, hidden_share, render_layer
from mvot_training.pairs.sampling import SampledPair, choose

__all__ = ["Background", "Composite", "composite", "sample_backgrounds"]

SAME_BACKGROUND_SHARE = 0.5
"""The share of pairs whose two images have the same background."""
LOOKALIKE_SHARE = 0.3
"""The share of images with a similar object beside the object, times the clutter."""
OCCLUDER_SHARE = 0.3
"""The share of images with another object in front of the object, times the clutter."""
MAX_HIDDEN_SHARE = 0.6
"""The most of the object that an occluder may hide."""
MOTION_BLUR_SHARE = 0.15
"""The share of pasted objects with motion blur."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Background:
    """An image to paste over, and the affine map of its points to those of a view."""

    image: UInt8[np.ndarray, "_ _ 3"]
    matrix: Float64[np.ndarray, "2 3"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Composite:
    """An image with an object in it, and the layers that it was pasted with."""

    image: UInt8[np.ndarray, "_ _ 3"]
    layer: Layer | None = None
    """The object; None if it was not pasted."""
    occluder: Layer | None = None
    """What is in front of it, if anything is."""


def sample_backgrounds(
    data: TrainingData, rng: np.random.Generator, views: tuple[ObjectView, ObjectView]
) -> tuple[Background, Background]:
    """Sample the backgrounds of both views: two photos, or one in two affine views."""
    second = _sample_background(data, rng, views[1].size)
    if rng.random() >= SAME_BACKGROUND_SHARE:
        return _sample_background(data, rng, views[0].size), second
    ratio = float(np.sqrt(np.prod(_extent(views[0].box)) / np.prod(_extent(views[1].box))))
    linear = second.matrix[:, :2] * ratio * np.exp(rng.uniform(-0.1, 0.1))
    point = np.linalg.solve(second.matrix[:, :2], _centre(views[1].box) - second.matrix[:, 2])
    target = _centre(views[0].box) + rng.uniform(-0.2, 0.2, 2) * views[0].size
    matrix = np.hstack([linear, (target - linear @ point)[:, None]])
    return Background(image=second.image, matrix=matrix), second


def _extent(box: XYXY) -> np.ndarray:
    return np.asarray(box[2:] - box[:2])


def _centre(box: XYXY) -> np.ndarray:
    return np.asarray((box[:2] + box[2:]) / 2)


def _sample_background(data: TrainingData, rng: np.random.Generator, size: int) -> Background:
    """Sample a window of ``size`` pixels of a background photo or, in 30 %, of a video frame."""
    stores = [*data.backgrounds, *(video.frames for video in data.videos)]
    photos = len(data.backgrounds)
    if photos and (photos == len(stores) or rng.random() < 0.7):
        stores = stores[:photos]
    else:
        stores = stores[photos:]
    store = choose(rng, stores)
    image = store[int(rng.integers(len(store)))]
    extent = np.array([image.shape[1], image.shape[0]], np.float64)
    zoom = max(size / extent.min(), float(rng.uniform(0.4, 1.4)))
    margin = np.maximum(extent - size / zoom, 0) / 2
    linear = zoom * sample_linear_map(rng, angle=3.0, shear=0.0, flip=bool(rng.random() < 0.5))
    centre = extent / 2 + rng.uniform(-1, 1, 2) * margin
    matrix = np.hstack([linear, (size / 2 - linear @ centre)[:, None]])
    return Background(image=image, matrix=matrix)


def composite(
    data: TrainingData,
    rng: np.random.Generator,
    background: Background,
    view: ObjectView,
    object_image: ObjectImage,
    pair: SampledPair,
    *,
    clutter: float,
) -> Composite:
    """Paste a cut-out over a background; ``clutter`` scales how often others are near it."""
    image = warp_affine(background.image, background.matrix, (view.size, view.size))
    if rng.random() < clutter * LOOKALIKE_SHARE:
        lookalike = _sample_lookalike(data, rng, view, pair)
        if lookalike is not None:
            blend(image, augment_layer(rng, lookalike, blur=0.0))
    layer = render_layer(object_image.image, view.matrix, view.size, pair.texture)
    if layer is None:
        return Composite(image=image)
    pasted, in_front = augment_layer(rng, layer, blur=MOTION_BLUR_SHARE), None
    blend(image, pasted)
    if rng.random() < clutter * OCCLUDER_SHARE:
        occluder = _sample_occluder(data, rng, view)
        if occluder is not None and hidden_share(layer, occluder) <= MAX_HIDDEN_SHARE:
            in_front = augment_layer(rng, occluder, blur=0.0)
            blend(image, in_front)
    return Composite(image=image, layer=pasted, occluder=in_front)


def _choose_cutout(data: TrainingData, rng: np.random.Generator) -> CutoutObject:
    """Choose an object to paste: first the kind of data, then one of its objects."""
    return choose(rng, data.cutouts[choose(rng, list(data.cutouts))])


def _sample_occluder(
    data: TrainingData, rng: np.random.Generator, view: ObjectView
) -> Layer | None:
    """Sample a cut-out that overlaps the object."""
    other = _choose_cutout(data, rng)
    offset = _extent(view.box) * rng.uniform(0.2, 0.6, 2) * rng.choice([-1, 1], 2)
    scale = float(rng.uniform(0.4, 1.1))
    return _place_cutout(rng, other.object_image(0), view, offset, scale, None)


def _sample_lookalike(
    data: TrainingData, rng: np.random.Generator, view: ObjectView, pair: SampledPair
) -> Layer | None:
    """Sample the same cut-out again, or one of its category, beside the object."""
    cutout = pair.cutout or _choose_cutout(data, rng)
    if rng.random() < 0.7:
        group = [c for cutouts in data.cutouts.values() if cutout in cutouts for c in cutouts]
        others = [c for c in group if c.category == cutout.category and c is not cutout]
        cutout = choose(rng, others) if others else _choose_cutout(data, rng)
    object_image = cutout.object_image(int(rng.integers(cutout.count)))
    distance = rng.uniform(0.8, 1.6) * float(rng.choice([-1, 1]))
    offset = _extent(view.box) * (distance, rng.uniform(-0.4, 0.4))
    if rng.random() < 0.2:
        offset = _extent(view.box) * (rng.uniform(-0.4, 0.4), distance)
    scale = float(np.exp(rng.uniform(-0.3, 0.2)))
    return _place_cutout(rng, object_image, view, offset, scale, pair.texture)


def _place_cutout(
    rng: np.random.Generator,
    object_image: ObjectImage,
    view: ObjectView,
    offset: Float64[np.ndarray, " 2"],
    scale: float,
    texture: UInt8[np.ndarray, "_ _ 3"] | None,
) -> Layer | None:
    """A cut-out as large as the view's object times ``scale``, ``offset`` from its centre."""
    ratio = np.sqrt(np.prod(_extent(view.box)) / np.prod(_extent(object_image.box)))
    flip = bool(rng.random() < 0.5)
    linear = scale * ratio * sample_linear_map(rng, angle=8.0, shear=0.05, flip=flip)
    target = _centre(view.box) + offset - linear @ _centre(object_image.box)
    matrix = np.hstack([linear, target[:, None]])
    return render_layer(object_image.image, matrix, view.size, texture)
