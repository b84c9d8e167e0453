"""Pairs of images of one object, or of two, by pyramid level: a Siamese tracker's lessons."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from mvot_pipelines.training.augment import (
    EXEMPLAR_JITTER,
    SEARCH_JITTER,
    Item,
    Jitter,
    View,
    bent,
    photographed,
    viewed,
)
from mvot_pipelines.training.draw import Mixture, drawn
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.scenery import grounds, pasted
from mvot_plugin.ops.warping import warped

__all__ = ["GRADES", "Grade", "Mixture", "PairBatch", "sample_batch", "sample_pairs"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """Sizes of a kind of pairs: the images' and, ``low`` to ``high``, the search areas'.

    ``jitter`` is how far these are off.
    """

    search: int
    exemplar: int
    low: float
    high: float
    jitter: Jitter = SEARCH_JITTER


GRADES: Mapping[int, Grade] = MappingProxyType(
    {
        1: Grade(search=144, exemplar=80, low=62.0, high=120.0),
        2: Grade(search=272, exemplar=144, low=125.0, high=244.0),
        3: Grade(search=400, exemplar=208, low=250.0, high=368.0),
        4: Grade(search=576, exemplar=288, low=500.0, high=540.0),
    }
)

CLUTTER = 0.4, 1.0
"""How often other cut-outs are near the object, in exemplars and in search areas."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairBatch:
    """Search images (BGR) of one pyramid level, and exemplars of one, with boxes in pixels (xyxy).

    ``exemplar_level`` is the latter, 0 where there are no levels.

    ``exemplar_boxes`` are a little off, as a detector's are. ``boxes`` are the truth in the search
    images; where not ``positive``, that of the other object there. ``priors`` are jittered boxes,
    in the middle of the search images: the search areas are to be placed about them.
    """

    exemplars: UInt8[np.ndarray, "n he he 3"]
    exemplar_boxes: Float32[np.ndarray, "n 4"]
    searches: UInt8[np.ndarray, "n hs hs 3"]
    boxes: Float32[np.ndarray, "n 4"]
    priors: Float32[np.ndarray, "n 4"]
    positive: Bool[np.ndarray, " n"]
    exemplar_level: int = 0


def sample_batch(
    library: Library,
    rng: np.random.Generator,
    level: int,
    count: int,
    mixture: Mixture | None = None,
    exemplar_level: int | None = None,
) -> PairBatch:
    """Draw ``count`` pairs for a pyramid level, 1 to 4; the same ones for the same ``rng``.

    The exemplars are for the same level, or for their own: then they are larger, or smaller, too.

    Raises ``UsageError`` if the library has nothing that the mixture asks for.
    """
    exemplar_level = level if exemplar_level is None else exemplar_level
    grades = GRADES[exemplar_level], GRADES[level]
    batch = sample_pairs(library, rng, grades, count, mixture or Mixture())
    return replace(batch, exemplar_level=exemplar_level)


def sample_pairs(
    library: Library,
    rng: np.random.Generator,
    grades: tuple[Grade, Grade],
    count: int,
    mixture: Mixture,
) -> PairBatch:
    """Draw ``count`` pairs, the exemplars and the search areas of these ``grades``.

    Raises ``UsageError`` if the library has nothing that the mixture asks for.
    """
    pairs = [_pair(library, rng, grades, mixture) for _ in range(count)]
    return PairBatch(
        exemplars=np.stack([pair.exemplar for pair in pairs]),
        exemplar_boxes=np.array([pair.views[0].prior for pair in pairs], np.float32),
        searches=np.stack([pair.search for pair in pairs]),
        boxes=np.array([pair.views[1].box for pair in pairs], np.float32),
        priors=np.array([pair.views[1].prior for pair in pairs], np.float32),
        positive=np.array([pair.positive for pair in pairs]),
    )


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Pair:
    exemplar: np.ndarray
    search: np.ndarray
    views: tuple[View, View]
    positive: bool


def _pair(
    library: Library, rng: np.random.Generator, grades: tuple[Grade, Grade], mixture: Mixture
) -> _Pair:
    side = float(np.exp(rng.uniform(np.log(grades[1].low), np.log(grades[1].high))))
    draw = drawn(library, rng, side, mixture)
    items = draw.exemplar, draw.search
    views = _views(rng, items, grades, side)
    scenes = grounds(library, rng, views) if any(map(_is_cutout, items)) else None
    images: list[np.ndarray] = []
    for item, view, clutter in zip(items, views, CLUTTER, strict=True):
        if scenes is not None and _is_cutout(item):
            ground = scenes[len(images)]
            image = pasted(library, rng, ground, view, item, draw, clutter=clutter)
        else:
            size = view.size, view.size
            image = warped(item.picture, view.matrix, size, border=_border(rng, item))
        images.append(image)
    if mixture.photometric:
        images = [photographed(rng, images[0], blur=0.05), photographed(rng, images[1], blur=0.2)]
        images[1] = _obstructed(rng, images[1], views[1])
    return _Pair(exemplar=images[0], search=images[1], views=views, positive=draw.positive)


def _is_cutout(item: Item) -> bool:
    return bool(item.picture.shape[2] == 4)


def _views(
    rng: np.random.Generator, items: tuple[Item, Item], grades: tuple[Grade, Grade], side: float
) -> tuple[View, View]:
    """Both views mirrored or neither; the exemplar about as large as the object in the search.

    Now and then it is larger or smaller by half: targets come nearer, and go away.
    """
    flip = bool(rng.random() < 0.5)
    loose = rng.random() < 0.4
    spread = np.log(1.5) if loose else 0.05
    wanted = side * np.exp(rng.uniform(-spread, spread))
    other = float(np.clip(wanted, grades[0].low, grades[0].high))
    made = []
    for item, size, extent, jitter in (
        (items[0], grades[0].exemplar, other, EXEMPLAR_JITTER),
        (items[1], grades[1].search, side, grades[1].jitter),
    ):
        cutout = _is_cutout(item)
        turned = item.outline is not None and rng.random() < (0.7 if cutout else 0.3)
        angle, shear = (8.0, 0.06) if cutout else (5.0, 0.0)
        bend = bent(rng, angle=angle * turned, shear=shear * turned, flip=flip)
        made.append(viewed(rng, item, size=size, side=extent, jitter=jitter, bend=bend))
    return made[0], made[1]


def _border(rng: np.random.Generator, item: Item) -> tuple[float, ...]:
    """The colour beyond the frame's edge: its mean, sometimes black."""
    if rng.random() < 0.2:
        return (0.0, 0.0, 0.0)
    return tuple(item.picture[::16, ::16].mean((0, 1)).tolist())


def _obstructed(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"], view: View
) -> UInt8[np.ndarray, "h w 3"]:
    """Now and then, a plain rectangle hides something, half of the object at most."""
    if rng.random() >= 0.05:
        return image
    extent = (view.box[2:] - view.box[:2]) * rng.uniform(0.2, 0.7, 2)
    low = rng.uniform(0.2, 0.8, 2) * view.size - extent / 2
    x0, y0, x1, y1 = (int(v) for v in np.clip([*low, *(low + extent)], 0, view.size))
    image[y0:y1, x0:x1] = rng.integers(0, 256, 3)
    return image
