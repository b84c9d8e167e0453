"""The street without its people: a panorama wider than the image, for the camera to pan over."""

import itertools

import numpy as np
from jaxtyping import UInt8

from mvot_plugin.synthetic.canvas import Colour, Number, mixed, value_noise
from mvot_plugin.synthetic.houses import WALLS, Wall, houses

__all__ = ["FAR_KERB", "NEAR_KERB", "panorama"]

FAR_KERB = 272
NEAR_KERB = 388
_ROAD: Colour = (96, 90, 86)


def panorama(
    rng: np.random.Generator, width: Number, scale: Number, crossing: Number
) -> UInt8[np.ndarray, "height width 3"]:
    """Sky, houses, pavements and road, ``width`` by 480 units at ``scale`` pixels per unit.

    ``crossing`` is where the zebra crossing lies.
    """
    wall = Wall(width, scale)
    _sky(wall, rng, width)
    houses(wall, rng, width)
    _pavement(wall, WALLS, FAR_KERB, rows=4, slab=26)
    _road(wall, rng, width, crossing)
    _pavement(wall, NEAR_KERB + 7, 480, rows=5, slab=58)
    return _textured(wall, rng)


def _sky(wall: Wall, rng: np.random.Generator, width: Number) -> None:
    for row in range(0, WALLS, 2):
        haze = mixed((225, 175, 110), (235, 228, 205), row / 130)
        wall.box(-1, row, width + 2, 3, haze)
    for _ in range(int(width / 110)):
        x, y = rng.uniform(0, width), rng.uniform(14, 70)
        for _ in range(6):
            dx, dy = rng.normal(0, 22), rng.normal(0, 4)
            wall.ellipse(x + dx, y + dy, rng.uniform(14, 26), rng.uniform(5, 10), (248, 244, 238))
    for trunk in range(-20, int(width) + 40, 34):
        radius = rng.uniform(24, 42)
        tint = mixed((120, 150, 110), (80, 125, 95), float(rng.uniform(0, 1)))
        wall.ellipse(trunk, rng.uniform(120, 150), radius, radius, tint)
    wall.box(-1, 140, width + 2, 100, (88, 125, 98))


def _pavement(wall: Wall, top: Number, bottom: Number, rows: int, slab: Number) -> None:
    width = wall.pixels.shape[1] / wall.scale
    stone: Colour = (176, 184, 188)
    wall.box(-1, top, width + 2, bottom - top + 1, stone)
    edges = top + (bottom - top) * (np.linspace(0, 1, rows + 1) ** 1.25)
    for row, (high, low) in enumerate(itertools.pairwise(edges)):
        for column in range(-1, int(width / slab) + 2):
            x = (column + 0.5 * (row % 2)) * slab
            tone = ((column * 7 + row * 13) % 5 - 2) * 0.035
            colour = mixed(stone, (255, 255, 255) if tone > 0 else (60, 60, 70), abs(tone))
            wall.box(x, high, slab - 1.2, low - high - 1.0, colour)
            wall.box(x + slab - 1.2, high, 1.2, low - high, (146, 152, 156))
        wall.box(-1, low - 1.0, width + 2, 1.0, (146, 152, 156))


def _road(wall: Wall, rng: np.random.Generator, width: Number, crossing: Number) -> None:
    wall.box(-1, FAR_KERB, width + 2, NEAR_KERB - FAR_KERB, _ROAD)
    wall.box(-1, FAR_KERB - 2, width + 2, 4, (200, 206, 208))
    wall.box(-1, FAR_KERB + 2, width + 2, 4, (128, 128, 126))
    for _ in range(int(width / 90)):
        x, y = rng.uniform(0, width), rng.uniform(FAR_KERB + 14, NEAR_KERB - 12)
        patch = mixed(_ROAD, (40, 40, 40) if rng.random() < 0.6 else (150, 150, 150), 0.3)
        wall.box(x, y, rng.uniform(25, 70), rng.uniform(4, 12), patch)
        wall.ellipse(x + 90, y, 11, 3.6, (62, 60, 58))
        wall.ellipse(x + 90, y - 0.6, 9, 2.7, (108, 106, 104))
    for dash in range(-30, int(width) + 60, 78):
        wall.box(dash, 329, 42, 4.2, (222, 228, 230))
    _zebra(wall, crossing)
    wall.box(-1, NEAR_KERB - 4, width + 2, 8, (208, 213, 215))
    wall.box(-1, NEAR_KERB + 4, width + 2, 4, (148, 152, 154))


def _zebra(wall: Wall, crossing: Number) -> None:
    wall.box(crossing - 84, FAR_KERB + 7, 168, NEAR_KERB - FAR_KERB - 12, _ROAD)
    far, near = FAR_KERB + 9, NEAR_KERB - 7
    for bar in range(-4, 4):
        x0, x1 = crossing + 15 * bar, crossing + 20 * bar
        wall.polygon([(x0, far), (x0 + 8, far), (x1 + 11, near), (x1, near)], (226, 232, 234))


def _textured(wall: Wall, rng: np.random.Generator) -> np.ndarray:
    height, width = wall.pixels.shape[:2]
    unit = wall.scale
    grain = value_noise(rng, height, width, (2.2 * unit, 5 * unit, 17 * unit, 60 * unit))
    strength = np.full((height, 1), 0.11, np.float32)
    strength[: round(120 * unit)] = 0.05
    factor = 1 + strength * grain
    shadow = np.ones((height, 1), np.float32)
    low, high = round(WALLS * unit), round((WALLS + 16) * unit)
    shadow[low:high, 0] = np.linspace(0.78, 1, high - low)
    lit = wall.pixels * (factor * shadow)[..., None]
    return np.asarray(np.clip(lit, 0, 255).astype(np.uint8))
