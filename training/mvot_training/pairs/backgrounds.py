"""What shows no object: textures from background photos, and places without objects in videos."""

import numpy as np
from jaxtyping import Float, Float64, UInt8

from mvot_plugin.ops.areas import square_areas
from mvot_plugin.ops.boxes import area, intersection
from mvot_plugin.types import XYXY
from mvot_training.data.sequences import AnnotatedVideo
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.augmentation import ObjectImage
from mvot_training.pairs.config import SamplingConfig
from mvot_training.pairs.unlabelled import measure_texture

__all__ = ["is_in_search_area", "sample_background_place", "sample_texture"]

MAX_VISIBLE_SHARE = 0.25
"""The most of the exemplar's object that a search area of a negative pair may show."""
PLACE_TRIES, PLACES = 24, 4
"""Places that are tried in a frame, and the free ones that the one with most texture is of."""


def is_in_search_area(boxes: Float[XYXY, " n"], object_image: ObjectImage) -> bool:
    """Whether the search area of an object shows more than ``MAX_VISIBLE_SHARE`` of any box."""
    square = square_areas(object_image.box[None], np.array([object_image.search_side]))
    shares = intersection(boxes.astype(np.float64), square)[:, 0] / area(boxes)
    return bool((shares > MAX_VISIBLE_SHARE).any())


def sample_texture(
    data: TrainingData, rng: np.random.Generator
) -> UInt8[np.ndarray, "_ _ 3"] | None:
    """A window of a background photo, a quarter to four fifths of its width and height."""
    if not data.backgrounds:
        return None
    photos = data.backgrounds[int(rng.integers(len(data.backgrounds)))]
    photo = photos[int(rng.integers(len(photos)))]
    height, width = (int(n * rng.uniform(0.25, 0.8)) for n in photo.shape[:2])
    top = int(rng.integers(photo.shape[0] - height))
    left = int(rng.integers(photo.shape[1] - width))
    return photo[top : top + height, left : left + width]


def sample_background_place(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig
) -> tuple[ObjectImage, ObjectImage, str] | None:
    """Sample a place without objects, as large as one of them, and the same in another frame.

    Returns the two images with its box, and the name of the video; None where no place was found.
    """
    video = _choose_video(data, rng, config)
    if video is None:
        return None
    row = int(rng.integers(len(video.frame)))
    frame = int(video.frame[row])
    box = _sample_free_box(rng, video, frame, video.xyxy[row, 2:] - video.xyxy[row, :2])
    if box is None:
        return None
    first, last = max(frame - config.max_gap, 0), min(frame + config.max_gap, len(video.frames) - 1)
    other = frame
    if last > first:
        other = int(rng.integers(first, last))
        other += other >= frame
    exemplar, search = (ObjectImage(image=video.frames[n], box=box) for n in (frame, other))
    return exemplar, search, video.name


def _choose_video(
    data: TrainingData, rng: np.random.Generator, config: SamplingConfig
) -> AnnotatedVideo | None:
    """Choose a video of which it is known where no object is, if there is one."""
    videos = {
        "videos": [video for video in data.videos if len(video.object_rows) > 1],
        "synthetic": [video for video in data.synthetic if video.object_rows],
    }
    weights = np.array([config.weights.get(k, 0.0) * bool(v) for k, v in videos.items()])
    if not weights.any():
        return None
    candidates = list(videos.values())[int(rng.choice(len(videos), p=weights / weights.sum()))]
    return candidates[int(rng.integers(len(candidates)))]


def _sample_free_box(
    rng: np.random.Generator, video: AnnotatedVideo, frame: int, extent: np.ndarray
) -> Float64[XYXY, ""] | None:
    """Sample a box of this width and height in a frame that meets no box of an object."""
    image = video.frames[frame]
    room = np.array([image.shape[1], image.shape[0]]) - extent
    if (room < 0).any():
        return None
    corners = rng.uniform(size=(PLACE_TRIES, 2)) * room
    places = np.hstack([corners, corners + extent])
    objects = video.annotated_boxes(frame).astype(np.float64)
    free = places[(intersection(places, objects) == 0).all(1)][:PLACES]
    return max(free, key=lambda box: measure_texture(image, box), default=None)
