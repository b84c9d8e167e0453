"""Pairs of images of which nothing is known: any box in a clip or photo, and its place again."""

import numpy as np
from jaxtyping import Float64, UInt8

from mvot_plugin.types import XYXY
from mvot_training.data.training_data import TrainingData
from mvot_training.pairs.augmentation import ObjectImage

__all__ = ["measure_texture", "sample_unlabelled"]

CLIP_WEIGHT = 0.3
"""How often a clip is sampled from, against a folder of photos."""
LARGEST_STEP = 8
"""The most frames between the two of a pair from a clip."""
BOX_TRIES = 4
"""Boxes that one is chosen from where nothing is known of the objects."""


def sample_unlabelled(
    data: TrainingData, rng: np.random.Generator
) -> tuple[ObjectImage, ObjectImage, str]:
    """Sample any box in a clip, and its place a few frames later; or any box in a photo, twice.

    Returns the two object images, and the name of the clip or folder of photos.
    """
    stores = (*data.clips, *data.backgrounds)
    weights = np.array([CLIP_WEIGHT] * len(data.clips) + [1.0] * len(data.backgrounds))
    number = int(rng.choice(len(stores), p=weights / weights.sum()))
    images = stores[number]
    first = second = int(rng.integers(len(images)))
    if number < len(data.clips):
        second = int(
            np.clip(first + rng.integers(-LARGEST_STEP, LARGEST_STEP + 1), 0, len(images) - 1)
        )
    box = _sample_box(rng, images[first])
    one, other = (ObjectImage(image=images[row], box=box) for row in (first, second))
    return one, other, f"unlabelled-{number}"


def _sample_box(rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"]) -> Float64[XYXY, ""]:
    """The box with the most texture, of a few of any size and place."""
    height, width = image.shape[:2]
    best, most = np.zeros(4), -1.0
    for _ in range(BOX_TRIES):
        root = np.exp(rng.uniform(np.log(0.04), np.log(0.5))) * min(height, width)
        aspect = np.exp(rng.uniform(-0.5, 0.25))
        w, h = root * aspect, root / aspect
        x, y = rng.uniform(0, max(width - w, 1)), rng.uniform(0, max(height - h, 1))
        box = np.array([x, y, x + w, y + h])
        texture = measure_texture(image, box)
        if texture > most:
            best, most = box, texture
    return best


def measure_texture(image: UInt8[np.ndarray, "h w 3"], box: Float64[XYXY, ""]) -> float:
    """The standard deviation of the green channel in a box, of every other pixel."""
    x0, y0, x1, y1 = (int(v) for v in box)
    part = image[y0 : y1 + 2 : 2, x0 : x1 + 2 : 2, 1]
    return float(part.std()) if part.size else 0.0
