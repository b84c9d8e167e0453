"""Geometric and photometric augmentation: affine views, brightness, colours, blur, occlusion.

Coordinates are continuous: pixel i covers i to i + 1, so boxes are half-open.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float64, UInt8

from mvot_plugin.ops.areas import context_side
from mvot_plugin.types import XYXY

__all__ = [
    "EXEMPLAR_JITTER",
    "SEARCH_JITTER",
    "SEARCH_PER_EXEMPLAR",
    "Jitter",
    "ObjectImage",
    "ObjectView",
    "apply_motion_blur",
    "apply_photometric_augmentation",
    "apply_tone",
    "cover",
    "occlude",
    "sample_linear_map",
    "sample_tone",
    "sample_view",
]

SEARCH_PER_EXEMPLAR = 31 / 15
"""The side of a search area, in sides of the exemplar area of the same box."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ObjectImage:
    """An image with an object in it."""

    image: UInt8[np.ndarray, "_ _ _"]
    """BGR, or premultiplied BGRA of the object alone (a cut-out)."""
    box: Float64[XYXY, ""]
    """The object's box, in pixels of the image."""
    outline: Float64[np.ndarray, "_ 2"] | None = None
    """Points whose convex hull is the object's; without them a rotated view has a loose box."""
    polygons: tuple[Float64[np.ndarray, "_ 2"], ...] = ()
    """The outlines of the object's parts, where they are known."""
    mask: UInt8[np.ndarray, "_ _ 1"] | None = None
    """255 where the pixel of the image shows the object, else 0, where that is known."""

    @property
    def search_side(self) -> float:
        """The side of the object's search area, in pixels of the image."""
        return float(context_side(self.box[None])[0]) * SEARCH_PER_EXEMPLAR


@dataclass(frozen=True, kw_only=True, slots=True)
class Jitter:
    """How far a jittered box is from the ground truth at most; each is uniform in +- the field."""

    shift: float
    """Shift of the centre along each axis, in sides of the search area."""
    scale: float
    """Logarithm of the change in size."""
    aspect: float
    """Half the logarithm of the change in aspect ratio."""


SEARCH_JITTER = Jitter(shift=64 / 255, scale=0.18, aspect=0.09)
EXEMPLAR_JITTER = Jitter(shift=4 / 127 / SEARCH_PER_EXEMPLAR, scale=0.05, aspect=0.025)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ObjectView:
    """An affine view of an object in a square image."""

    matrix: Float64[np.ndarray, "2 3"]
    """Maps points of the object's image to points of the view."""
    size: int
    """The side of the view in pixels."""
    box: Float64[XYXY, ""]
    """The ground truth in the view."""
    prior: Float64[XYXY, ""]
    """The jittered box in the view."""


def sample_linear_map(
    rng: np.random.Generator, *, angle: float, shear: float, flip: bool
) -> Float64[np.ndarray, "2 2"]:
    """Sample a rotation by up to ``angle`` degrees and a shear; ``flip`` mirrors left and right."""
    radians = np.deg2rad(rng.uniform(-angle, angle))
    cos, sin = np.cos(radians), np.sin(radians)
    slant = rng.uniform(-shear, shear)
    mirror = np.diag([-1.0 if flip else 1.0, 1.0])
    return np.asarray(np.array([[cos, -sin], [sin, cos]]) @ [[1, slant], [0, 1]] @ mirror)


def sample_view(
    rng: np.random.Generator,
    object_image: ObjectImage,
    *,
    size: int,
    side: float,
    jitter: Jitter,
    linear_map: Float64[np.ndarray, "2 2"],
) -> ObjectView:
    """Sample a view in which the search area of the jittered box has ``side`` pixels.

    That area is in the middle of the image, within half a cell of the coarsest level.
    """
    x0, y0, x1, y1 = object_image.box
    points = object_image.outline
    if points is None:
        points = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]])
    low, high = _find_bounds(points @ linear_map.T)
    scale = rng.uniform(-jitter.scale, jitter.scale)
    aspect = rng.uniform(-jitter.aspect, jitter.aspect)
    extent = (high - low) * np.exp([scale + aspect, scale - aspect])
    side_before = float(context_side(np.append([0.0, 0.0], extent)[None])[0]) * SEARCH_PER_EXEMPLAR
    zoom = side / side_before
    phase = min(8.0, max(0.0, (size - side) / 2))
    middle = size / 2 + rng.uniform(-phase, phase, 2)
    centre = middle - rng.uniform(-jitter.shift, jitter.shift, 2) * side
    offset = centre - zoom * (low + high) / 2
    return ObjectView(
        matrix=np.hstack([zoom * linear_map, offset[:, None]]),
        size=size,
        box=np.concatenate([zoom * low + offset, zoom * high + offset]),
        prior=np.concatenate([middle - zoom * extent / 2, middle + zoom * extent / 2]),
    )


def _find_bounds(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return points.min(0), points.max(0)


def sample_tone(rng: np.random.Generator, strength: float = 1.0) -> UInt8[np.ndarray, "1 256 3"]:
    """Sample a look-up table that changes brightness, contrast and colour balance."""
    levels = np.arange(256) / 255
    gamma, contrast = np.exp(strength * rng.uniform(-0.25, 0.25, 2))
    balance = np.exp(strength * rng.uniform(-0.1, 0.1, (3, 1)))
    offset = strength * rng.uniform(-0.1, 0.1)
    table = ((levels**gamma - 0.5) * contrast + 0.5 + offset) * balance
    return np.asarray((table.clip(0, 1) * 255).astype(np.uint8).T[None])


def apply_tone(image: UInt8[np.ndarray, "h w 3"], table: np.ndarray) -> UInt8[np.ndarray, "h w 3"]:
    """Apply a look-up table from ``sample_tone``."""
    return np.asarray(cv2.LUT(image, np.ascontiguousarray(table)))


def apply_motion_blur(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w c"], length: float
) -> UInt8[np.ndarray, "h w c"]:
    """Blur along a random line of up to ``length`` pixels, symmetric about each pixel."""
    reach = rng.uniform(1.5, max(2.0, length)) / 2
    angle = rng.uniform(0, np.pi)
    radius = int(np.ceil(reach))
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
    step = reach * np.array([np.cos(angle), np.sin(angle)])
    ends = [tuple(np.round((radius + sign * step) * 16).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def apply_photometric_augmentation(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"], *, blur: float
) -> UInt8[np.ndarray, "h w 3"]:
    """Change brightness and colours, blur (with probability ``blur``), and add JPEG artefacts."""
    if rng.random() < 0.75:
        image = apply_tone(image, sample_tone(rng))
    if rng.random() < 0.1:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < blur:
        image = _apply_blur(rng, image)
    if rng.random() < 0.1:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 70))]
        code = cv2.imencode(".jpg", image, quality)[1]
        image = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    return image


def _apply_blur(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    kind = rng.random()
    if kind < 0.5:
        return apply_motion_blur(rng, image, 4 + len(image) / 40)
    if kind < 0.8:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.6)))
    size = image.shape[1], image.shape[0]
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR))


def occlude(
    rng: np.random.Generator,
    image: UInt8[np.ndarray, "h w 3"],
    view: ObjectView,
    mask: UInt8[np.ndarray, "h w"] | None = None,
) -> None:
    """In 5 % of the images, paint a rectangle that hides half of the object at most, in place.

    What it hides is removed from the object's ``mask``, too.
    """
    if rng.random() >= 0.05:
        return
    extent = (view.box[2:] - view.box[:2]) * rng.uniform(0.2, 0.7, 2)
    low = rng.uniform(0.2, 0.8, 2) * view.size - extent / 2
    x0, y0, x1, y1 = (int(v) for v in np.clip([*low, *(low + extent)], 0, view.size))
    image[y0:y1, x0:x1] = rng.integers(0, 256, 3)
    if mask is not None:
        mask[y0:y1, x0:x1] = 0


def cover(
    rng: np.random.Generator, image: UInt8[np.ndarray, "h w 3"], view: ObjectView
) -> UInt8[np.ndarray, "h w 3"]:
    """Cover the object with another part of the image, or the mirrored image."""
    image, source = image.copy(), image if rng.random() < 0.7 else image[::-1, ::-1]
    margin = 0.08 * (view.box[2:] - view.box[:2])
    low, high = view.box[:2] - margin, view.box[2:] + margin
    x0, y0, x1, y1 = (int(v) for v in np.clip([*low, *np.ceil(high)], 0, view.size))
    width, height = x1 - x0, y1 - y0
    if width < 1 or height < 1:
        return image
    across = _sample_shift(rng, x0, width, view.size)
    down = y0 if rng.random() < 0.5 else _sample_shift(rng, y0, height, view.size)
    image[y0:y1, x0:x1] = source[down : down + height, across : across + width]
    return image


def _sample_shift(rng: np.random.Generator, begin: int, length: int, size: int) -> int:
    """Where as many pixels begin that are not the same ones, as far as there is room."""
    before, after = begin - length, begin + length
    choices = [place for place in (before, after) if 0 <= place <= size - length]
    return int(rng.choice(choices)) if choices else int(rng.integers(size - length + 1))
