"""Choice of the two object images of a training pair: of one object, or of two."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from jaxtyping import Float, UInt8

from mvot_plugin.errors import UsageError
from mvot_plugin.ops.areas import square_areas
from mvot_plugin.ops.boxes import area, intersection
from mvot_plugin.types import XYXY
from mvot_training.data.cutouts import CutoutObject
from mvot_training.data.photos import AnnotatedPhotos
from mvot_training.data.sequences import AnnotatedVideo
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.augmentation import ObjectImage
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.unlabelled import sample_unlabelled

__all__ = ["SampledPair", "choose", "choose_cutout_object", "sample_pair"]

FIT_TRIES, MAX_TRIES = 10, 50
"""Tries to find a pair whose objects fit in size, and to find a pair at all."""
MAX_ZOOM, MIN_ZOOM = 1.7, 0.25
"""The most that an object of a pair that fits is enlarged or reduced by."""
MAX_AREA_PER_IMAGE = 1.3
"""The largest side of the search area of a pair that fits, in shorter sides of the image."""
MAX_VISIBLE_SHARE = 0.25
"""The most of the exemplar's object that a search area of a negative pair may show."""

ChoiceT = TypeVar("ChoiceT")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class SampledPair:
    """The two object images of a pair, of one object (``positive``) or of two."""

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
    positive = bool(rng.random() >= config.negative_share)
    hard = bool(rng.random() < config.hard_share)
    origin = _choose_origin(data, rng, config)
    best, least = None, np.inf
    for attempt in range(MAX_TRIES):
        if best is not None and attempt >= FIT_TRIES:
            break
        pair = _try_origin(data, rng, origin, config, positive, hard and attempt % 4 != 3)
        if pair is None:
            continue
        misfit = max(_misfit(image, side) for image in (pair.exemplar, pair.search))
        if misfit < least:
            best, least = pair, misfit
        if misfit <= 1:
            break
    if best is None:
        raise UsageError("the data is too little for pairs of two objects; add more of it")
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
    if negative and _is_in_search_area(video.find_box(identity, int(video.frame[second])), search):
        return None
    return SampledPair(
        exemplar=exemplar,
        search=search,
        parents=(video.name, video.name),
        positive=not negative and not hides,
    )


def _is_in_search_area(boxes: Float[XYXY, " n"], object_image: ObjectImage) -> bool:
    """Whether the search area of an object shows more than ``MAX_VISIBLE_SHARE`` of any box."""
    square = square_areas(object_image.box[None], np.array([object_image.search_side]))
    shares = intersection(boxes.astype(np.float64), square)[:, 0] / area(boxes)
    return bool((shares > MAX_VISIBLE_SHARE).any())


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
        if same_photo and _is_in_search_area(first_box, photos.object_image(second)):
            return None
    return SampledPair(
        exemplar=photos.object_image(first),
        search=photos.object_image(second),
        parents=(photos.image_name(first), photos.image_name(second)),
        positive=not negative,
    )


def choose_cutout_object(data: TrainingData, rng: np.random.Generator) -> CutoutObject:
    """Choose an object to paste: first the kind of data, then one of its objects."""
    return choose(rng, data.cutouts[choose(rng, list(data.cutouts))])


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
        texture = _sample_texture(data, rng)
    return SampledPair(
        exemplar=one.object_image(first),
        search=other.object_image(second),
        parents=(one.parent, other.parent),
        positive=not negative,
        texture=texture,
        cutout=other,
    )


def _sample_unlabelled(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig, negative: bool
) -> SampledPair | None:
    exemplar, search, origin = sample_unlabelled(data, rng)
    return SampledPair(exemplar=exemplar, search=search, parents=(origin, origin), labelled=False)


def _sample_texture(data: TrainingData, rng: np.random.Generator) -> np.ndarray | None:
    """A window of a background photo, a quarter to four fifths of its width and height."""
    if not data.backgrounds:
        return None
    photos = choose(rng, data.backgrounds)
    photo = photos[int(rng.integers(len(photos)))]
    height, width = (int(n * rng.uniform(0.25, 0.8)) for n in photo.shape[:2])
    top = int(rng.integers(photo.shape[0] - height))
    left = int(rng.integers(photo.shape[1] - width))
    return photo[top : top + height, left : left + width]


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
