"""A video without end, made on the fly: a crowd that changes all the time, and a moving camera."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from mvot_plugin.rows import Rows
from mvot_plugin.types import XYXY, Frame

__all__ = ["SIZE", "Crowd", "SoakFrame", "soak_frames"]

SIZE = (320, 240)
"""(width, height) of a frame, in pixels."""
FRAME_RATE = 25.0
CROWDS = (0, 1, 2, 4, 8, 16)
"""The numbers of targets that the crowd grows and shrinks to, each once in a round."""
PHASE = (8, 24)
"""Least and most frames for which the crowd is to have one size."""
LIFE = (8, 60)
"""Least and most frames that a target lives for; others go as they leave the image."""
SIDES = (10, 36)
"""Least and most width of a new target, in pixels; it is twice as high."""
TEXTURES = 64
"""Looks that targets have."""
SWAY = 40
"""How far the camera moves to each side, in pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Crowd(Rows):
    """The targets that are there."""

    centre: Float[np.ndarray, "n 2"]
    """In pixels."""
    velocity: Float[np.ndarray, "n 2"]
    """In pixels a frame."""
    width: Float[np.ndarray, " n"]
    """In pixels; the height is twice the width."""
    growth: Float[np.ndarray, " n"]
    """The factor by which the width changes from frame to frame."""
    look: Float[np.ndarray, " n"]
    """The number of the texture."""
    life: Float[np.ndarray, " n"]
    """Frames until the target vanishes."""

    @property
    def boxes(self) -> Float32[XYXY, " n"]:
        """The boxes of the targets."""
        half = self.width[:, None] * [0.5, 1.0]
        return np.hstack([self.centre - half, self.centre + half]).astype(np.float32)

    def step(self) -> "Crowd":
        """The targets a frame later, without those that have vanished or left the image."""
        centre = self.centre + self.velocity
        is_inside = ((centre > 0) & (centre < SIZE)).all(1)
        moved = Crowd(
            centre=centre,
            velocity=self.velocity,
            width=np.clip(self.width * self.growth, *SIDES),
            growth=self.growth,
            look=self.look,
            life=self.life - 1,
        )
        return moved[is_inside & (moved.life > 0)]


@dataclass(frozen=True, kw_only=True, eq=False)
class SoakFrame:
    """A frame and what is in it."""

    frame: Frame
    boxes: Float32[XYXY, " n"]
    """The true boxes of the targets."""


def soak_frames(count: int, seed: int) -> Iterator[SoakFrame]:
    """``count`` frames; the same for the same seed, and each made when it is asked for."""
    rng = np.random.default_rng(seed)
    background = _sample_texture(rng, (SIZE[0] + 2 * SWAY, SIZE[1] + 2 * SWAY))
    looks = [_sample_texture(rng, (SIDES[1], 2 * SIDES[1])) for _ in range(TEXTURES)]
    crowd, wanted = _sample_crowd(rng, 0), _crowd_sizes(rng)
    for index in range(count):
        crowd = crowd.step()
        crowd = _resize(rng, crowd, next(wanted))
        image = _draw(background, looks, crowd, index)
        frame = Frame(image=image, index=index, timestamp=index / FRAME_RATE)
        yield SoakFrame(frame=frame, boxes=crowd.boxes)


def _crowd_sizes(rng: np.random.Generator) -> Iterator[int]:
    """How many targets are wanted on each frame: rounds of all sizes, in random order."""
    while True:
        for size in rng.permutation(CROWDS).tolist():
            yield from [size] * int(rng.integers(*PHASE))


def _resize(rng: np.random.Generator, crowd: Crowd, size: int) -> Crowd:
    """The crowd with new targets, or without the oldest, to be ``size`` of them."""
    new = _sample_crowd(rng, max(size - len(crowd), 0))
    return Rows.cat([crowd, new])[-size:] if size else crowd[:0]


def _sample_crowd(rng: np.random.Generator, count: int) -> Crowd:
    return Crowd(
        centre=rng.uniform((0, 0), SIZE, (count, 2)),
        velocity=rng.normal(0, 1.5, (count, 2)),
        width=rng.uniform(*SIDES, count),
        growth=rng.uniform(0.99, 1.01, count),
        look=rng.integers(0, TEXTURES, count).astype(float),
        life=rng.integers(*LIFE, count).astype(float),
    )


def _sample_texture(
    rng: np.random.Generator, size: tuple[int, int]
) -> UInt8[np.ndarray, "height width 3"]:
    """An image of random colours, with corners that flow can be computed from."""
    cells = rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC))


def _draw(
    background: UInt8[np.ndarray, "_ _ 3"],
    looks: list[UInt8[np.ndarray, "_ _ 3"]],
    crowd: Crowd,
    index: int,
) -> UInt8[np.ndarray, "height width 3"]:
    """The frame: a window of the background that sways, and the targets on it."""
    x, y = (int(SWAY + SWAY * np.sin(index / period)) for period in (70, 110))
    image = background[y : y + SIZE[1], x : x + SIZE[0]].copy()
    for box, look in zip(crowd.boxes.astype(int), crowd.look.astype(int), strict=True):
        x0, y0, x1, y1 = box.tolist()
        patch = cv2.resize(looks[look], (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
        left, top = max(-x0, 0), max(-y0, 0)
        place = image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        place[:] = patch[top : top + place.shape[0], left : left + place.shape[1]]
    return image
