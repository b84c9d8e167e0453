"""A transparent canvas in metres to draw objects on, and the sprite made from it.

Points are ``(x, y)`` in metres from the object's ground point: x to the right, y up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

__all__ = [
    "PIXELS_PER_METRE",
    "SOLID",
    "Canvas",
    "Colour",
    "Number",
    "Pattern",
    "Points",
    "Sprite",
    "mix_colours",
    "round_corners",
    "value_noise",
]

PIXELS_PER_METRE = 128.0
SOLID = 128
"""The least alpha of a pixel that counts as the object's."""

Number = float | int
Colour = tuple[int, int, int]
"""Blue, green, red."""
Points = Sequence[tuple[Number, Number]] | Sequence[np.ndarray] | np.ndarray
Pattern = Callable[[np.ndarray, np.ndarray], Bool[np.ndarray, "height width"]]

_SHIFT = 4
"""Fractional bits of the fixed-point coordinates that OpenCV draws with."""
_CIRCLE = np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], axis=1)


def mix_colours(a: Colour, b: Colour, share: Number) -> Colour:
    """The colour ``share`` of the way from ``a`` to ``b``; beyond 0..1 is clipped."""
    blend = np.clip(np.add(np.multiply(a, 1 - share), np.multiply(b, share)), 0, 255)
    return int(blend[0]), int(blend[1]), int(blend[2])


def round_corners(points: Points, times: int = 3) -> np.ndarray:
    """A closed outline with its corners cut (Chaikin's scheme)."""
    outline = np.asarray(points, float)
    for _ in range(times):
        after = np.roll(outline, -1, axis=0)
        cut = np.stack([0.75 * outline + 0.25 * after, 0.25 * outline + 0.75 * after], axis=1)
        outline = cut.reshape(-1, 2)
    return outline


def value_noise(
    rng: np.random.Generator, height: int, width: int, cells: Sequence[Number]
) -> Float32[np.ndarray, "height width"]:
    """Smooth noise of about -1..1: one octave per cell size in pixels, the first the strongest."""
    total = np.zeros((height, width), np.float32)
    weight = 1.0
    for cell in cells:
        grid = (int(np.ceil(height / cell)) + 2, int(np.ceil(width / cell)) + 2)
        coarse = rng.uniform(-1, 1, grid).astype(np.float32)
        total += np.float32(weight) * cv2.resize(
            coarse, (width, height), interpolation=cv2.INTER_CUBIC
        )
        weight *= 0.7
    return np.asarray(np.clip(total / np.float32(len(cells) ** 0.5), -1, 1))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sprite:
    """A drawn object."""

    pixels: UInt8[np.ndarray, "height width 4"]
    """Premultiplied BGRA."""
    anchor: tuple[float, float]
    """The ground point (x, y), in pixels of the sprite."""
    scale: float
    """Pixels per metre."""
    extent: tuple[float, float, float, float]
    """The bounding box (x0, y0, x1, y1; half-open) of the solid pixels, in pixels of the sprite."""

    def downscale(self, factor: int) -> "Sprite":
        """The sprite with ``factor`` times fewer rows and columns."""
        height, width = self.pixels.shape[:2]
        size = (width // factor, height // factor)
        x0, y0, x1, y1 = (value / factor for value in self.extent)
        return Sprite(
            pixels=cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA),
            anchor=(self.anchor[0] / factor, self.anchor[1] / factor),
            scale=self.scale / factor,
            extent=(x0, y0, x1, y1),
        )

    def mirror(self) -> "Sprite":
        """The sprite flipped left to right."""
        width = self.pixels.shape[1]
        x0, y0, x1, y1 = self.extent
        return Sprite(
            pixels=np.ascontiguousarray(self.pixels[:, ::-1]),
            anchor=(width - self.anchor[0], self.anchor[1]),
            scale=self.scale,
            extent=(width - x1, y0, width - x0, y1),
        )


class Canvas:
    """A transparent image to draw on, back to front."""

    def __init__(self, *, half_width: float, height: float, below: float = 0.3) -> None:
        columns, rows = (
            8 * int(np.ceil(metres * PIXELS_PER_METRE / 8))
            for metres in (2 * half_width, height + below)
        )
        self._origin = np.array([half_width, height]) * PIXELS_PER_METRE
        self.pixels = np.zeros((rows, columns, 4), np.uint8)

    def _to_fixed_point(self, points: Points) -> np.ndarray:
        scale = np.array([PIXELS_PER_METRE, -PIXELS_PER_METRE])
        pixels = self._origin + np.asarray(points, float).reshape(-1, 2) * scale - 0.5
        return np.asarray(np.round(pixels * 2**_SHIFT).astype(np.int32))

    def polygon(self, points: Points, colour: Colour, opacity: Number = 1.0) -> None:
        """A filled outline; a translucent one replaces what lies below instead of tinting it."""
        paint = np.append(np.multiply(colour, opacity), 255 * opacity)
        cv2.fillPoly(
            self.pixels, [self._to_fixed_point(points)], paint.tolist(), cv2.LINE_AA, _SHIFT
        )

    def ellipse(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        colour: Colour,
        opacity: Number = 1.0,
    ) -> None:
        """A filled, upright ellipse."""
        self.polygon(np.asarray(centre) + _CIRCLE * radii, colour, opacity)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        """A polyline, ``width`` metres wide."""
        thickness = max(1, round(width * PIXELS_PER_METRE))
        points = self._to_fixed_point(points)
        cv2.polylines(self.pixels, [points], False, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT)

    def blob(self, circles: np.ndarray, colour: Colour, *, shaded: bool = True) -> np.ndarray:
        """The convex hull of circles, one ``(x, y, radius)`` per row, lit from the upper left.

        Returns the outline.
        """
        outline = _hull(circles)
        self.polygon(outline, mix_colours(colour, (40, 20, 20), 0.24) if shaded else colour)
        if shaded:
            radius = circles[:, 2:]
            towards_light = circles[:, :2] + radius * (-0.2, 0.14)
            self.polygon(_hull(np.hstack([towards_light, 0.76 * radius])), colour)
        return outline

    def fill_pattern(self, outline: Points, colour: Colour, pattern: Pattern) -> None:
        """Fill those points inside an outline where ``pattern(x, y)`` is true; shades stay."""
        corners = self._to_fixed_point(outline)
        low = np.maximum(corners.min(0) // 2**_SHIFT, 0)
        high = corners.max(0) // 2**_SHIFT + 2
        window = self.pixels[low[1] : high[1], low[0] : high[0]]
        mask = np.zeros(window.shape[:2], np.uint8)
        cv2.fillPoly(mask, [corners - low * 2**_SHIFT], 255, cv2.LINE_8, _SHIFT)
        rows, columns = np.indices(mask.shape)
        x = (columns + low[0] + 0.5 - self._origin[0]) / PIXELS_PER_METRE
        y = (self._origin[1] - rows - low[1] - 0.5) / PIXELS_PER_METRE
        inside = (mask > 0) & pattern(x, y) & (window[..., 3] == 255)
        shade = window[inside, :3].max(1, keepdims=True) / max(1, window[..., :3].max())
        window[inside, :3] = np.asarray(colour) * (0.6 + 0.4 * shade)

    def build_sprite(self, grain: Float32[np.ndarray, "rows columns"]) -> Sprite:
        """The finished sprite, its brightness varied by ``grain`` (-1..1, at least as large)."""
        x0, y0, x1, y1 = _bounds(self.pixels[..., 3] > 0, multiple=8)
        pixels = np.ascontiguousarray(self.pixels[y0:y1, x0:x1])
        shade = (128 + 8.3 * grain[y0:y1, x0:x1]).astype(np.uint8)
        unchanged = np.full_like(shade, 128)
        lit = cv2.multiply(pixels, cv2.merge([shade, shade, shade, unchanged]), scale=1 / 128)
        pixels = np.minimum(lit, cv2.merge([lit[..., 3]] * 4))
        left, top, right, bottom = _bounds(pixels[..., 3] >= SOLID)
        return Sprite(
            pixels=pixels,
            anchor=(float(self._origin[0]) - x0, float(self._origin[1]) - y0),
            scale=PIXELS_PER_METRE,
            extent=(float(left), float(top), float(right), float(bottom)),
        )


def _bounds(mask: np.ndarray, multiple: int = 1) -> tuple[int, int, int, int]:
    """The bounding box of a mask, grown to multiples of ``multiple`` pixels."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    grow = -multiple
    x0, y0 = x // multiple * multiple, y // multiple * multiple
    return x0, y0, (x + width) // grow * grow, (y + height) // grow * grow


def _hull(circles: np.ndarray) -> np.ndarray:
    """The convex hull of circles, one ``(x, y, radius)`` per row."""
    rims = circles[:, None, :2] + circles[:, None, 2:] * _CIRCLE
    return np.asarray(cv2.convexHull(rims.reshape(-1, 2).astype(np.float32)))[:, 0]
