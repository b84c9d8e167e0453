"""The background: a panorama of the street, wider than the image, for the camera to pan over."""

import itertools

import numpy as np
from jaxtyping import UInt8

from mvot_synthetic.canvas import Colour, Number, mix_colours, value_noise
from mvot_synthetic.houses import HOUSE_BASE, Backdrop, draw_houses

__all__ = ["FAR_KERB", "NEAR_KERB", "draw_panorama"]

FAR_KERB = 272
NEAR_KERB = 388
"""The y of the two edges of the road, in units."""
_ROAD: Colour = (96, 90, 86)


def draw_panorama(
    rng: np.random.Generator, width: Number, scale: Number, crossing: Number
) -> UInt8[np.ndarray, "height width 3"]:
    """Draw sky, houses, pavements and road, ``width`` by 480 units at ``scale`` pixels per unit.

    ``crossing`` is the x of the zebra crossing.
    """
    backdrop = Backdrop(width, scale)
    _draw_sky(backdrop, rng, width)
    draw_houses(backdrop, rng, width)
    _draw_pavement(backdrop, HOUSE_BASE, FAR_KERB, rows=4, slab=26)
    _draw_road(backdrop, rng, width, crossing)
    _draw_pavement(backdrop, NEAR_KERB + 7, 480, rows=5, slab=58)
    return _add_texture(backdrop, rng)


def _draw_sky(backdrop: Backdrop, rng: np.random.Generator, width: Number) -> None:
    for row in range(0, HOUSE_BASE, 2):
        haze = mix_colours((225, 175, 110), (235, 228, 205), row / 130)
        backdrop.box(-1, row, width + 2, 3, haze)
    for _ in range(int(width / 110)):
        x, y = rng.uniform(0, width), rng.uniform(14, 70)
        for _ in range(6):
            dx, dy = rng.normal(0, 22), rng.normal(0, 4)
            backdrop.ellipse(
                x + dx, y + dy, rng.uniform(14, 26), rng.uniform(5, 10), (248, 244, 238)
            )
    for trunk in range(-20, int(width) + 40, 34):
        radius = rng.uniform(24, 42)
        tint = mix_colours((120, 150, 110), (80, 125, 95), float(rng.uniform(0, 1)))
        backdrop.ellipse(trunk, rng.uniform(120, 150), radius, radius, tint)
    backdrop.box(-1, 140, width + 2, 100, (88, 125, 98))


def _draw_pavement(
    backdrop: Backdrop, top: Number, bottom: Number, rows: int, slab: Number
) -> None:
    width = backdrop.pixels.shape[1] / backdrop.scale
    stone: Colour = (176, 184, 188)
    backdrop.box(-1, top, width + 2, bottom - top + 1, stone)
    edges = top + (bottom - top) * (np.linspace(0, 1, rows + 1) ** 1.25)
    for row, (high, low) in enumerate(itertools.pairwise(edges)):
        for column in range(-1, int(width / slab) + 2):
            x = (column + 0.5 * (row % 2)) * slab
            tone = ((column * 7 + row * 13) % 5 - 2) * 0.035
            colour = mix_colours(stone, (255, 255, 255) if tone > 0 else (60, 60, 70), abs(tone))
            backdrop.box(x, high, slab - 1.2, low - high - 1.0, colour)
            backdrop.box(x + slab - 1.2, high, 1.2, low - high, (146, 152, 156))
        backdrop.box(-1, low - 1.0, width + 2, 1.0, (146, 152, 156))


def _draw_road(
    backdrop: Backdrop, rng: np.random.Generator, width: Number, crossing: Number
) -> None:
    backdrop.box(-1, FAR_KERB, width + 2, NEAR_KERB - FAR_KERB, _ROAD)
    backdrop.box(-1, FAR_KERB - 2, width + 2, 4, (200, 206, 208))
    backdrop.box(-1, FAR_KERB + 2, width + 2, 4, (128, 128, 126))
    for _ in range(int(width / 90)):
        x, y = rng.uniform(0, width), rng.uniform(FAR_KERB + 14, NEAR_KERB - 12)
        patch = mix_colours(_ROAD, (40, 40, 40) if rng.random() < 0.6 else (150, 150, 150), 0.3)
        backdrop.box(x, y, rng.uniform(25, 70), rng.uniform(4, 12), patch)
        backdrop.ellipse(x + 90, y, 11, 3.6, (62, 60, 58))
        backdrop.ellipse(x + 90, y - 0.6, 9, 2.7, (108, 106, 104))
    for dash in range(-30, int(width) + 60, 78):
        backdrop.box(dash, 329, 42, 4.2, (222, 228, 230))
    _draw_zebra_crossing(backdrop, crossing)
    backdrop.box(-1, NEAR_KERB - 4, width + 2, 8, (208, 213, 215))
    backdrop.box(-1, NEAR_KERB + 4, width + 2, 4, (148, 152, 154))


def _draw_zebra_crossing(backdrop: Backdrop, crossing: Number) -> None:
    backdrop.box(crossing - 84, FAR_KERB + 7, 168, NEAR_KERB - FAR_KERB - 12, _ROAD)
    far, near = FAR_KERB + 9, NEAR_KERB - 7
    for bar in range(-4, 4):
        x0, x1 = crossing + 15 * bar, crossing + 20 * bar
        backdrop.polygon([(x0, far), (x0 + 8, far), (x1 + 11, near), (x1, near)], (226, 232, 234))


def _add_texture(backdrop: Backdrop, rng: np.random.Generator) -> np.ndarray:
    """The pixels with grain, and a shadow below the houses."""
    height, width = backdrop.pixels.shape[:2]
    unit = backdrop.scale
    grain = value_noise(rng, height, width, (2.2 * unit, 5 * unit, 17 * unit, 60 * unit))
    strength = np.full((height, 1), 0.11, np.float32)
    strength[: round(120 * unit)] = 0.05
    factor = 1 + strength * grain
    shadow = np.ones((height, 1), np.float32)
    low, high = round(HOUSE_BASE * unit), round((HOUSE_BASE + 16) * unit)
    shadow[low:high, 0] = np.linspace(0.78, 1, high - low)
    textured = backdrop.pixels * (factor * shadow)[..., None]
    return np.asarray(np.clip(textured, 0, 255).astype(np.uint8))
