"""Choice of the two object images of a training pair: of one object, or of two."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

from mvot_plugin.errors import UsageError
from mvot_training.data.cutouts import CutoutObject
from mvot_training.data.photos import AnnotatedPhotos
from mvot_training.data.sequences import AnnotatedVideo
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.augmentation import ObjectImage
from mvot_training.pairs.backgrounds import (
    is_in_search_area,
    sample_background_place,
    sample_texture,
)
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.unlabelled import sample_unlabelled

__all__ = ["SampledPair", "choose", "sample_pair"]

FIT_TRIES, MAX_TRIES = 10, 50
"""Tries to find a pair whose objects fit in size, and to find a pair at all."""
MAX_ZOOM, MIN_ZOOM = 1.7, 0.25
"""The most that an object of a pair that fits is enlarged or reduced by."""
MAX_AREA_PER_IMAGE = 1.3
"""The largest side of the search area of a pair that fits, in shorter sides of the image."""

ChoiceT = TypeVar("ChoiceT")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SampledPair:
    """The two object images of a pair, of one object (``positive``), of two, or of none."""

    exemplar: ObjectImage
    search: ObjectImage
    parents: tuple[Hashable, Hashable]
    """The videos or photos that the two are from."""
    positive: bool = True
    labelled: bool = True
    """Whether it is known where the object is in the search image."""
    texture: UInt8[np.ndarray, "_ _ 3"] | None = None
    """An image that replaces the colours of cut-outs."""
    cutout: CutoutObject | None = None
    """The object of the search image, if it is a cut-out."""


def sample_pair(
    data: TrainingData, rng: np.random.Generator, side: float, config: SamplingConfig
) -> SampledPair:
    """Sample a pair for search areas of ``side`` pixels: the one that fits best of a few tries.

    Raises ``UsageError`` if the data has nothing that ``config`` asks for.
    """
    if config.background_share > 0 and rng.random() < config.background_share:
        pair = _find_best(lambda _: _sample_background(data, rng, config), side, FIT_TRIES)
        if pair is not None:
            return pair
    positive = bool(rng.random() >= config.negative_share)
    hard = bool(rng.random() < config.hard_share)
    origin = _choose_origin(data, rng, config)

    def sample(attempt: int) -> SampledPair | None:
        return _try_origin(data, rng, origin, config, positive, hard and attempt % 4 != 3)

    if (pair := _find_best(sample, side, MAX_TRIES)) is None:
        raise UsageError("the data is too little for pairs of two objects; add more of it")
    return pair


def _find_best(
    sample: Callable[[int], SampledPair | None], side: float, tries: int
) -> SampledPair | None:
    """The first pair that fits or, after some tries, the one that fits best; None for none."""
    best, least = None, np.inf
    for attempt in range(tries):
        if best is not None and attempt >= FIT_TRIES:
            break
        if (pair := sample(attempt)) is None:
            continue
        misfit = max(_misfit(image, side) for image in (pair.exemplar, pair.search))
        if misfit < least:
            best, least = pair, misfit
        if misfit <= 1:
            break
    return best


def _misfit(object_image: ObjectImage, side: float) -> float:
    """How badly an object fits; above 1, it is scaled too much, or its image is too small."""
    side_in_image, (height, width, channels) = object_image.search_side, object_image.image.shape
    excess = side_in_image / (MAX_AREA_PER_IMAGE * min(height, width)) if channels == 3 else 0.0
    return max(side / side_in_image / MAX_ZOOM, MIN_ZOOM * side_in_image / side, excess)


def _choose_origin(data: TrainingData, rng: np.random.Generator, config: SamplingConfig) -> str:
    origins = [k for k, weight in config.weights.items() if weight > 0 and _has_origin(data, k)]
    if not origins:
        raise UsageError(f"the training data has nothing of {', '.join(config.weights)}")
    weights = np.array([config.weights[origin] for origin in origins])
    return origins[int(rng.choice(len(origins), p=weights / weights.sum()))]


def _has_origin(data: TrainingData, origin: str) -> bool:
    if origin == "unlabelled":
        return bool(data.clips or data.backgrounds)
    if origin in ("videos", "synthetic"):
        return any(video.object_rows for video in getattr(data, origin))
    return bool(getattr(data, origin))


def _try_origin(
    data: TrainingData,
    rng: np.random.Generator,
    origin: str,
    config: SamplingConfig,
    positive: bool,
    hard: bool,
) -> SampledPair | None:
    """Sample a pair of an origin; an easy negative is completed by an object of any origin."""
    pair = _SAMPLERS[origin](data, rng, config, not positive and hard)
    if pair is None or positive or hard:
        return pair
    origin = _choose_origin(data, rng, config)
    other = _SAMPLERS[origin](data, rng, config, False)
    if other is None or other.parents[1] == pair.parents[0]:
        return None
    parents = pair.parents[0], other.parents[1]
    return replace(other, exemplar=pair.exemplar, parents=parents, positive=False, texture=None)


def choose(rng: np.random.Generator, items: "tuple[ChoiceT, ...] | list[ChoiceT]") -> ChoiceT:
    """Choose one of several, all with the same probability."""
    return items[int(rng.integers(len(items)))]


def _sample_from_videos(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    videos = [video for video in data.videos if video.object_rows]
    crowds = [video for video in videos if len(video.object_rows) > 1]
    candidates = [video for video in videos if len(video.object_rows) == 1]
    if negative or not candidates or (crowds and rng.random() < config.crowd_share):
        candidates = crowds
    if not candidates:
        return None
    return _sample_from_video(choose(rng, candidates), rng, config, negative)


def _sample_from_synthetic(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    videos = [video for video in data.synthetic if video.object_rows]
    return _sample_from_video(choose(rng, videos), rng, config, negative)


def _sample_from_video(
    video: AnnotatedVideo, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    rows = choose(rng, video.object_rows)
    first = int(rng.choice(rows))
    identity = int(video.id[first])
    if negative:
        rows = choose(rng, video.object_rows)
    can_hide = not negative and config.hidden_share > 0
    hides = can_hide and rng.random() < config.hidden_share
    if hides:
        rows = video.hidden_rows(identity)
    near = abs(video.frame[rows] - video.frame[first]) <= config.max_gap
    rows = rows[near & (rows != first)]
    if not len(rows) or (negative and video.id[rows[0]] == identity):
        return None
    second = int(rng.choice(rows))
    exemplar, search = video.object_image(first), video.object_image(second)
    if negative and is_in_search_area(video.find_box(identity, int(video.frame[second])), search):
        return None
    return SampledPair(
        exemplar=exemplar,
        search=search,
        parents=(video.name, video.name),
        positive=not negative and not hides,
    )


def _sample_from_photos(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    photos: AnnotatedPhotos = choose(rng, data.photos)
    first = second = int(rng.integers(len(photos.image_index)))
    if negative:
        same_category = np.flatnonzero(photos.category == photos.category[first])
        second = int(rng.choice(same_category))
        same_photo = photos.image_index[first] == photos.image_index[second]
        first_box = photos.xyxy[first : first + 1]
        if same_photo and is_in_search_area(first_box, photos.object_image(second)):
            return None
    return SampledPair(
        exemplar=photos.object_image(first),
        search=photos.object_image(second),
        parents=(photos.image_name(first), photos.image_name(second)),
        positive=not negative,
    )


def _sample_from_cutouts(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    cutouts = data.cutouts[choose(rng, list(data.cutouts))]
    one = other = choose(rng, cutouts)
    if negative:
        other = choose(rng, [c for c in cutouts if c.category == one.category])
        if other is one:
            return None
    first, second = int(rng.integers(one.count)), int(rng.integers(other.count))
    texture = None
    if not negative and rng.random() < config.texture_share:
        texture = sample_texture(data, rng)
    return SampledPair(
        exemplar=one.object_image(first),
        search=other.object_image(second),
        parents=(one.parent, other.parent),
        positive=not negative,
        texture=texture,
        cutout=other,
    )


def _sample_background(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig
) -> SampledPair | None:
    """Sample a place without an object, twice; what is there is never to be found."""
    if (place := sample_background_place(data, rng, config)) is None:
        return None
    exemplar, search, video = place
    return SampledPair(exemplar=exemplar, search=search, parents=(video, video), positive=False)


def _sample_unlabelled(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    exemplar, search, origin = sample_unlabelled(data, rng)
    return SampledPair(exemplar=exemplar, search=search, parents=(origin, origin), labelled=False)


_Sampler = Callable[[TrainingData, np.random.Generator, SamplingConfig, bool], SampledPair | None]
_SAMPLERS: Mapping[str, _Sampler] = MappingProxyType(
    {
        "videos": _sample_from_videos,
        "synthetic": _sample_from_synthetic,
        "photos": _sample_from_photos,
        "cutouts": _sample_from_cutouts,
        "unlabelled": _sample_unlabelled,
    }
)
