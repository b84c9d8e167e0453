"""A row of houses and shops, and the wall that the whole background is painted on."""

import cv2
import numpy as np

from mvot_plugin.synthetic.canvas import Colour, Number, Points, mixed

__all__ = ["WALLS", "Wall", "houses"]

WALLS = 232
_FACADES: tuple[Colour, ...] = (
    (150, 180, 222),
    (196, 205, 214),
    (122, 150, 205),
    (185, 190, 160),
    (120, 170, 200),
    (165, 160, 190),
    (142, 196, 226),
)
_AWNINGS: tuple[Colour, ...] = ((60, 70, 190), (110, 140, 50), (160, 110, 60), (50, 150, 220))
_WHITE: Colour = (235, 240, 242)


class Wall:
    """A picture painted in units of 1/480 of its height, 1:1 or finer, with fixed-point edges."""

    def __init__(self, width: Number, scale: Number) -> None:
        self.scale = scale
        self.pixels = np.zeros((round(480 * scale), round(width * scale), 3), np.uint8)

    def polygon(self, points: Points, colour: Colour) -> None:
        """A filled outline."""
        fixed = np.round((np.asarray(points) * self.scale - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(self.pixels, [fixed], colour, cv2.LINE_AA, 4)

    def box(self, x: Number, y: Number, width: Number, height: Number, colour: Colour) -> None:
        """A filled rectangle, ``(x, y)`` its upper left corner."""
        right, low = x + width, y + height
        self.polygon([(x, y), (right, y), (right, low), (x, low)], colour)

    def ellipse(self, x: Number, y: Number, rx: Number, ry: Number, colour: Colour) -> None:
        """A filled, upright ellipse."""
        turn = np.linspace(0, 2 * np.pi, 33)[:-1]
        points = np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], axis=1)
        self.polygon(points, colour)


def houses(wall: Wall, rng: np.random.Generator, width: Number) -> None:
    """Houses of several kinds side by side, some gaps between them, down to ``WALLS``."""
    x, number = -rng.uniform(0, 60), int(rng.integers(len(_FACADES)))
    while x < width:
        breadth = float(rng.integers(3, 6)) * 42
        storeys = int(rng.choice([1, 2, 2, 3, 3]))
        paint = _FACADES[number % len(_FACADES)]
        _house(wall, rng, x, breadth, storeys, paint)
        x += breadth + (float(rng.uniform(34, 60)) if rng.random() < 0.28 else 0.0)
        number += 1 + int(rng.integers(2))


def _house(
    wall: Wall, rng: np.random.Generator, x: Number, breadth: Number, storeys: int, paint: Colour
) -> None:
    ground, floor = 72.0, 56.0
    top = WALLS - ground - floor * (storeys - 1)
    _roof(wall, rng, x, breadth, top)
    wall.box(x, top, breadth, WALLS - top, paint)
    _bricks(wall, rng, x, top, breadth, paint)
    wall.box(x, top, breadth, 5, mixed(paint, (255, 255, 255), 0.45))
    wall.box(x, WALLS - ground - 3, breadth, 4, mixed(paint, (255, 255, 255), 0.35))
    wall.box(x + breadth - 3, top, 3, WALLS - top, mixed(paint, (30, 20, 20), 0.22))
    for storey in range(1, storeys):
        y = WALLS - ground - floor * storey + 12
        for column in range(int(breadth // 42)):
            _window(wall, rng, x + 42 * column + 11, y, paint)
    _shop(wall, rng, x, breadth, paint)


def _roof(wall: Wall, rng: np.random.Generator, x: Number, breadth: Number, top: Number) -> None:
    tiles = mixed((70, 82, 150), (95, 88, 84), float(rng.uniform(0, 1)))
    rise = float(rng.uniform(18, 30))
    wall.box(x + 0.2 * breadth, top - rise - 13, 12, 26, (95, 105, 140))
    slope = 12.0
    wall.polygon(
        [
            (x - 4, top),
            (x + slope, top - rise),
            (x + breadth - slope, top - rise),
            (x + breadth + 4, top),
        ],
        tiles,
    )
    for row in range(1, 4):
        y = top - rise * row / 4
        inset = slope * row / 4
        wall.box(x - 4 + inset, y, breadth + 8 - 2 * inset, 1.2, mixed(tiles, (0, 0, 0), 0.25))


def _bricks(
    wall: Wall, rng: np.random.Generator, x: Number, top: Number, breadth: Number, paint: Colour
) -> None:
    for _ in range(int(breadth * (WALLS - top) / 260)):
        bx = x + rng.uniform(2, breadth - 12)
        by = top + 6 * round(float(rng.uniform(8, WALLS - top - 10)) / 6)
        tone = (25, 25, 45) if rng.random() < 0.6 else (255, 255, 255)
        wall.box(bx, by, 8, 3.6, mixed(paint, tone, 0.14))


def _window(wall: Wall, rng: np.random.Generator, x: Number, y: Number, paint: Colour) -> None:
    glass = mixed((120, 96, 70), (190, 160, 120), float(rng.uniform(0, 1)))
    if rng.random() < 0.18:
        glass = (130, 205, 240)
    wall.box(x - 3, y - 3, 26, 38, mixed(paint, _WHITE, 0.75))
    wall.box(x, y, 20, 32, glass)
    wall.polygon([(x, y + 20), (x + 14, y), (x + 20, y), (x, y + 28)], mixed(glass, _WHITE, 0.25))
    if rng.random() < 0.5:
        curtain = mixed((200, 205, 225), _AWNINGS[int(rng.integers(4))], 0.3)
        wall.polygon([(x, y), (x + 8, y), (x + 3, y + 30), (x, y + 32)], curtain)
        wall.polygon([(x + 20, y), (x + 12, y), (x + 17, y + 30), (x + 20, y + 32)], curtain)
    wall.box(x + 9, y, 2, 32, _WHITE)
    wall.box(x, y + 14, 20, 2, _WHITE)
    wall.box(x - 5, y + 35, 30, 3.5, mixed(paint, (40, 30, 30), 0.25))
    if rng.random() < 0.35:
        wall.box(x - 3, y + 29, 26, 6, (60, 80, 130))
        for flower in range(7):
            colour = ((70, 70, 225), (90, 190, 250), (150, 90, 220))[int(rng.integers(3))]
            wall.ellipse(x + 4 * flower - 2, y + 28, 2.8, 2.6, (60, 130, 70))
            wall.ellipse(x + 4 * flower - 2, y + 27, 1.6, 1.5, colour)


def _shop(wall: Wall, rng: np.random.Generator, x: Number, breadth: Number, paint: Colour) -> None:
    accent = _AWNINGS[int(rng.integers(len(_AWNINGS)))]
    door = x + 12 + 42 * float(rng.integers(int(breadth // 42)))
    shop = rng.random() < 0.65
    for column in range(int(breadth // 42)):
        left = x + 42 * column + 4
        if abs(left + 8 - door) < 1:
            continue
        if shop:
            _display(wall, rng, left)
        else:
            _window(wall, rng, left + 7, WALLS - 58, paint)
    wall.box(door - 2, WALLS - 52, 22, 52, mixed(paint, _WHITE, 0.6))
    wall.box(door, WALLS - 50, 18, 50, mixed(accent, (30, 30, 30), 0.35))
    wall.box(door + 3, WALLS - 46, 12, 20, (150, 125, 95))
    wall.ellipse(door + 15, WALLS - 22, 1.4, 1.4, (120, 220, 240))
    if shop:
        _awning(wall, rng, x, breadth, accent)


def _display(wall: Wall, rng: np.random.Generator, left: Number) -> None:
    wall.box(left - 1, WALLS - 47, 36, 42, (70, 66, 62))
    wall.box(left + 1, WALLS - 45, 32, 38, (150, 128, 100))
    for _ in range(5):
        goods = tuple(int(v) for v in rng.integers(60, 235, 3))
        height = float(rng.uniform(6, 16))
        wall.box(
            left + rng.uniform(2, 26), WALLS - 8 - height, 6, height, (goods[0], goods[1], goods[2])
        )
    wall.polygon(
        [
            (left + 4, WALLS - 8),
            (left + 18, WALLS - 45),
            (left + 24, WALLS - 45),
            (left + 10, WALLS - 8),
        ],
        (185, 168, 145),
    )


def _awning(
    wall: Wall, rng: np.random.Generator, x: Number, breadth: Number, accent: Colour
) -> None:
    wall.box(x + 3, WALLS - 71, breadth - 6, 12, mixed(accent, (30, 25, 25), 0.35))
    letters = x + 0.25 * breadth
    while letters < x + 0.75 * breadth:
        wide = float(rng.uniform(3, 7))
        wall.box(letters, WALLS - 68, wide, 6, (215, 235, 240))
        letters += wide + 2
    stripes = round((breadth - 6) / 9)
    step = (breadth - 6) / stripes
    for stripe in range(stripes):
        colour = accent if stripe % 2 else _WHITE
        left = x + 3 + stripe * step
        wall.box(left, WALLS - 59, step, 11, colour)
        wall.ellipse(left + step / 2, WALLS - 48, step / 2, 3, colour)
