"""How a picture is looked at and lit: affine views of objects, and photometric changes.

Coordinates are continuous: pixel i covers i to i + 1, so boxes are half-open.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from mvot_plugin.ops.areas import context_side

__all__ = [
    "EXEMPLAR_JITTER",
    "SEARCH_JITTER",
    "SEARCH_PER_EXEMPLAR",
    "Item",
    "Jitter",
    "View",
    "bent",
    "lit",
    "motion_blurred",
    "photographed",
    "tone",
    "viewed",
]

SEARCH_PER_EXEMPLAR = 31 / 15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Item:
    """An object in a picture: BGR, or premultiplied BGRA of the object alone.

    ``outline`` holds points whose convex hull is the object's, where that is known: only then
    does a rotated view have a tight box.
    """

    picture: UInt8[np.ndarray, "_ _ _"]
    box: Float64[np.ndarray, " 4"]
    outline: Float64[np.ndarray, "_ 2"] | None = None

    @property
    def search_side(self) -> float:
        """The side of the object's search area, in pixels of the picture."""
        return float(context_side(self.box[None])[0]) * SEARCH_PER_EXEMPLAR


@dataclass(frozen=True, kw_only=True, slots=True)
class Jitter:
    """How far a box is from the truth: shift in search areas' sides, the others logarithmic."""

    shift: float
    scale: float
    aspect: float


SEARCH_JITTER = Jitter(shift=64 / 255, scale=0.18, aspect=0.09)
EXEMPLAR_JITTER = Jitter(shift=4 / 127 / SEARCH_PER_EXEMPLAR, scale=0.05, aspect=0.025)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class View:
    """Where an object comes to lie in a square image of ``size`` pixels.

    ``matrix`` maps points of the picture to points of the image; ``box`` is the truth in the
    image and ``prior`` the jittered box, both xyxy.
    """

    matrix: Float64[np.ndarray, "2 3"]
    size: int
    box: Float64[np.ndarray, " 4"]
    prior: Float64[np.ndarray, " 4"]


def bent(rng: np.random.Generator, *, angle: float, shear: float, flip: bool) -> np.ndarray:
    """A 2x2 map: a rotation by up to ``angle`` degrees, a shear, and a mirror image or not."""
    turn = np.deg2rad(rng.uniform(-angle, angle))
    cos, sin = np.cos(turn), np.sin(turn)
    slant = rng.uniform(-shear, shear)
    mirror = np.diag([-1.0 if flip else 1.0, 1.0])
    return np.asarray(np.array([[cos, -sin], [sin, cos]]) @ [[1, slant], [0, 1]] @ mirror)


def viewed(
    rng: np.random.Generator,
    item: Item,
    *,
    size: int,
    side: float,
    jitter: Jitter,
    bend: Float64[np.ndarray, "2 2"],
) -> View:
    """A view in which the search area of the jittered box has ``side`` pixels.

    That area lies in the middle of the image, give or take half a cell of the coarsest level.
    """
    x0, y0, x1, y1 = item.box
    points = item.outline
    if points is None:
        points = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
    low, high = _bounds(points @ bend.T)
    scale = rng.uniform(-jitter.scale, jitter.scale)
    aspect = rng.uniform(-jitter.aspect, jitter.aspect)
    extent = (high - low) * np.exp([scale + aspect, scale - aspect])
    natural = float(context_side(np.append([0.0, 0.0], extent)[None])[0]) * SEARCH_PER_EXEMPLAR
    zoom = side / natural
    phase = min(8.0, max(0.0, (size - side) / 2))
    at = size / 2 + rng.uniform(-phase, phase, 2)
    centre = at - rng.uniform(-jitter.shift, jitter.shift, 2) * side
    moved = centre - zoom * (low + high) / 2
    return View(
        matrix=np.hstack([zoom * bend, moved[:, None]]),
        size=size,
        box=np.concatenate([zoom * low + moved, zoom * high + moved]),
        prior=np.concatenate([at - zoom * extent / 2, at + zoom * extent / 2]),
    )


def _bounds(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points.min(0), points.max(0)


def tone(rng: np.random.Generator, strength: float = 1.0) -> UInt8[np.ndarray, "1 256 3"]:
    """A table that changes brightness, contrast and the colour of the light."""
    levels = np.arange(256) / 255
    contrast, bright = np.exp(strength * rng.uniform(-0.25, 0.25, 2))
    cast = np.exp(strength * rng.uniform(-0.1, 0.1, (3, 1)))
    offset = strength * rng.uniform(-0.1, 0.1)
    table = ((levels**contrast - 0.5) * bright + 0.5 + offset) * cast
    return np.asarray((table.clip(0, 1) * 255).astype(np.uint8).T[None])


def lit(image: UInt8[np.ndarray, "h w 3"], table: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """The image in the light of a ``tone``."""
    return np.asarray(cv2.LUT(image, np.ascontiguousarray(table)))


def motion_blurred(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w c"], length: float
) -> UInt8[np.ndarray, "h w c"]:
    """Smeared along a line of up to ``length`` pixels; what it shows stays centred."""
    reach = rng.uniform(1.5, max(2.0, length)) / 2
    angle = rng.uniform(0, np.pi)
    radius = int(np.ceil(reach))
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    step = reach * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(np.round((radius + sign * step) * 16).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def photographed(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"], *, blur: float
) -> UInt8[np.ndarray, "h w 3"]:
    """Another camera's picture: light, colour, focus (lost at probability ``blur``), artefacts."""
    if rng.random() < 0.75:
        image = lit(image, tone(rng))
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < blur:
        image = _unsharp(rng, image)
    if rng.random() < 0.1:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        code = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    return image


def _unsharp(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    kind = rng.random()
    if kind < 0.5:
        return motion_blurred(rng, image, 4 + len(image) / 40)
    if kind < 0.8:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6)))
    size = image.shape[1], image.shape[0]
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR))
