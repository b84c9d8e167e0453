"""Which two objects make a pair: of one clip, one photo twice, cut-outs, or two strangers."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from mvot_pipelines.training.augment import Item
from mvot_pipelines.training.clips import Clip
from mvot_pipelines.training.cutouts import Cast
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.stills import Stills
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.ops.areas import square_areas
from mvot_plugin.ops.boxes import area, intersection

__all__ = ["Draw", "Mixture", "drawn", "picked", "some_cast"]

TRIES, MOST_TRIES = 10, 50
"""How many pairs are looked at for one that fits; for one that is possible at all."""
LARGEST_ZOOM, SMALLEST_ZOOM = 1.7, 0.25
"""How much an object is enlarged or reduced at most, if a few tries find one that fits."""
BEYOND = 1.3
"""Sides of search areas per shorter side of the picture, at most, if that can be had."""
SEEN_AGAIN = 0.25
"""The share of an object inside a search area that makes the pair no negative one."""

ThingT = TypeVar("ThingT")


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """How often each kind of pair is drawn.

    ``weights`` of the origins are relative; those that a library lacks are left out. ``crowds`` is
    the share of the clips' pairs that comes from clips of several objects, ``negatives`` that of
    pairs of two objects, of which the share ``hard`` are of one clip or category. ``gap`` is how
    many frames lie between the two of a clip at most. ``repainted`` of the cut-outs take the
    colours of some photo. ``photometric``: light, focus and the like are changed.
    """

    weights: Mapping[str, float] = field(
        default_factory=lambda: {"clips": 0.4, "streets": 0.1, "stills": 0.15, "casts": 0.35}
    )
    crowds: float = 0.3
    negatives: float = 0.2
    hard: float = 0.5
    gap: int = 100
    repainted: float = 0.25
    photometric: bool = True

    def __post_init__(self) -> None:
        for name in self.weights:
            if name not in _DRAWERS:
                raise unknown_name("origin of pairs", name, _DRAWERS)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Draw:
    """Two pictures of an object, or of two; ``places`` tell the clips or photos they come from.

    ``texture`` replaces the colours of cut-outs; ``cast`` is what the second one belongs to.
    """

    exemplar: Item
    search: Item
    places: tuple[Hashable, Hashable]
    positive: bool = True
    texture: UInt8[np.ndarray, "_ _ 3"] | None = None
    cast: Cast | None = None


def drawn(library: Library, rng: np.random.Generator, side: float, mixture: Mixture) -> Draw:
    """A pair for search areas of ``side`` pixels: the one that fits best of a few."""
    positive = bool(rng.random() >= mixture.negatives)
    hard = bool(rng.random() < mixture.hard)
    origin = _origin(library, rng, mixture)
    best, least = None, np.inf
    for attempt in range(MOST_TRIES):
        if best is not None and attempt >= TRIES:
            break
        draw = _attempt(library, rng, origin, mixture, positive, hard and attempt % 4 != 3)
        if draw is None:
            continue
        misfit = max(_misfit(item, side) for item in (draw.exemplar, draw.search))
        if misfit < least:
            best, least = draw, misfit
        if misfit <= 1:
            break
    if best is None:
        raise UsageError("the material is too little for pairs of two objects; add more of it")
    return best


def _misfit(item: Item, side: float) -> float:
    """Above 1: the object would be enlarged too much, or reduced, or its picture is too small."""
    natural, (height, width, channels) = item.search_side, item.picture.shape
    beyond = natural / (BEYOND * min(height, width)) if channels == 3 else 0.0
    return max(side / natural / LARGEST_ZOOM, SMALLEST_ZOOM * natural / side, beyond)


def _origin(library: Library, rng: np.random.Generator, mixture: Mixture) -> str:
    there = [name for name in mixture.weights if mixture.weights[name] > 0 and _has(library, name)]
    if not there:
        raise UsageError(f"the library has nothing of {', '.join(mixture.weights)}")
    weights = np.array([mixture.weights[name] for name in there])
    return there[int(rng.choice(len(there), p=weights / weights.sum()))]


def _has(library: Library, name: str) -> bool:
    if name in ("clips", "streets"):
        return any(clip.objects for clip in getattr(library, name))
    return bool(getattr(library, name))


def _attempt(
    library: Library,
    rng: np.random.Generator,
    origin: str,
    mixture: Mixture,
    positive: bool,
    hard: bool,
) -> Draw | None:
    one = _DRAWERS[origin](library, rng, mixture, not positive and hard)
    if one is None or positive or hard:
        return one
    origin = _origin(library, rng, mixture)
    other = _DRAWERS[origin](library, rng, mixture, False)
    if other is None or other.places[1] == one.places[0]:
        return None
    places = one.places[0], other.places[1]
    return replace(other, exemplar=one.exemplar, places=places, positive=False, texture=None)


def picked(rng: np.random.Generator, things: "tuple[ThingT, ...] | list[ThingT]") -> ThingT:
    """Any one of them."""
    return things[int(rng.integers(len(things)))]


def _from_clips(
    library: Library, rng: np.random.Generator, mixture: Mixture, other: bool
) -> Draw | None:
    clips = [clip for clip in library.clips if clip.objects]
    crowds = [clip for clip in clips if len(clip.objects) > 1]
    loners = [clip for clip in clips if len(clip.objects) == 1]
    if other or not loners or (crowds and rng.random() < mixture.crowds):
        loners = crowds
    return _of_clip(picked(rng, loners), rng, mixture, other) if loners else None


def _from_streets(
    library: Library, rng: np.random.Generator, mixture: Mixture, other: bool
) -> Draw | None:
    clips = [clip for clip in library.streets if clip.objects]
    return _of_clip(picked(rng, clips), rng, mixture, other)


def _of_clip(clip: Clip, rng: np.random.Generator, mixture: Mixture, other: bool) -> Draw | None:
    rows = picked(rng, clip.objects)
    first = int(rng.choice(rows))
    identity = int(clip.id[first])
    if other:
        rows = picked(rng, clip.objects)
    rows = rows[(abs(clip.frame[rows] - clip.frame[first]) <= mixture.gap) & (rows != first)]
    if not len(rows) or (other and clip.id[rows[0]] == identity):
        return None
    second = int(rng.choice(rows))
    one, two = clip.item(first), clip.item(second)
    if other and _sees(two, clip.box_of(identity, int(clip.frame[second]))):
        return None
    return Draw(exemplar=one, search=two, places=(clip.name, clip.name), positive=not other)


def _sees(item: Item, boxes: np.ndarray) -> bool:
    """Whether the search area about an item has a good part of any of the boxes in it."""
    square = square_areas(item.box[None], np.array([item.search_side]))
    shares = intersection(boxes.astype(np.float64), square)[:, 0] / area(boxes)
    return bool((shares > SEEN_AGAIN).any())


def _from_stills(
    library: Library, rng: np.random.Generator, mixture: Mixture, other: bool
) -> Draw | None:
    stills: Stills = picked(rng, library.stills)
    first = second = int(rng.integers(len(stills.photo)))
    if other:
        alike = np.flatnonzero(stills.category == stills.category[first])
        second = int(rng.choice(alike))
        twice = stills.photo[first] == stills.photo[second]
        if twice and _sees(stills.item(second), stills.xyxy[first : first + 1]):
            return None
    return Draw(
        exemplar=stills.item(first),
        search=stills.item(second),
        places=(stills.place(first), stills.place(second)),
        positive=not other,
    )


def some_cast(library: Library, rng: np.random.Generator) -> Cast:
    """Any object to paste; all that it may be cut out of have the same chance."""
    return picked(rng, library.casts[picked(rng, list(library.casts))])


def _from_casts(
    library: Library, rng: np.random.Generator, mixture: Mixture, other: bool
) -> Draw | None:
    casts = library.casts[picked(rng, list(library.casts))]
    cast = found = picked(rng, casts)
    if other:
        found = picked(rng, [c for c in casts if c.category == cast.category])
        if found is cast:
            return None
    first, second = int(rng.integers(cast.count)), int(rng.integers(found.count))
    texture = None
    if not other and rng.random() < mixture.repainted:
        texture = _texture(library, rng)
    return Draw(
        exemplar=cast.item(first),
        search=found.item(second),
        places=(cast.place, found.place),
        positive=not other,
        texture=texture,
        cast=found,
    )


def _texture(library: Library, rng: np.random.Generator) -> np.ndarray | None:
    if not library.backgrounds:
        return None
    photos = picked(rng, library.backgrounds)
    photo = photos[int(rng.integers(len(photos)))]
    height, width = (int(n * rng.uniform(0.25, 0.8)) for n in photo.shape[:2])
    top = int(rng.integers(photo.shape[0] - height))
    left = int(rng.integers(photo.shape[1] - width))
    return photo[top : top + height, left : left + width]


_Drawer = Callable[[Library, np.random.Generator, Mixture, bool], Draw | None]
_DRAWERS: Mapping[str, _Drawer] = MappingProxyType(
    {
        "clips": _from_clips,
        "streets": _from_streets,
        "stills": _from_stills,
        "casts": _from_casts,
    }
)
