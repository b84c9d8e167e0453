"""A row of houses and shops, and the image that the background is drawn on."""

import cv2
import numpy as np

from mvot_synthetic.canvas import Colour, Number, Points, mix_colours

__all__ = ["HOUSE_BASE", "Backdrop", "draw_houses"]

HOUSE_BASE = 232
"""The y at which houses meet the pavement, in units."""
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


class Backdrop:
    """An image with coordinates in units of 1/480 of its height, drawn with anti-aliased edges."""

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


def draw_houses(backdrop: Backdrop, rng: np.random.Generator, width: Number) -> None:
    """Draw houses side by side with some gaps, down to ``HOUSE_BASE``."""
    x, number = -rng.uniform(0, 60), int(rng.integers(len(_FACADES)))
    while x < width:
        breadth = float(rng.integers(3, 6)) * 42
        storeys = int(rng.choice([1, 2, 2, 3, 3]))
        facade = _FACADES[number % len(_FACADES)]
        _draw_house(backdrop, rng, x, breadth, storeys, facade)
        x += breadth + (float(rng.uniform(34, 60)) if rng.random() < 0.28 else 0.0)
        number += 1 + int(rng.integers(2))


def _draw_house(
    backdrop: Backdrop,
    rng: np.random.Generator,
    x: Number,
    breadth: Number,
    storeys: int,
    facade: Colour,
) -> None:
    ground, floor = 72.0, 56.0
    top = HOUSE_BASE - ground - floor * (storeys - 1)
    _draw_roof(backdrop, rng, x, breadth, top)
    backdrop.box(x, top, breadth, HOUSE_BASE - top, facade)
    _draw_bricks(backdrop, rng, x, top, breadth, facade)
    backdrop.box(x, top, breadth, 5, mix_colours(facade, (255, 255, 255), 0.45))
    backdrop.box(x, HOUSE_BASE - ground - 3, breadth, 4, mix_colours(facade, (255, 255, 255), 0.35))
    backdrop.box(x + breadth - 3, top, 3, HOUSE_BASE - top, mix_colours(facade, (30, 20, 20), 0.22))
    for storey in range(1, storeys):
        y = HOUSE_BASE - ground - floor * storey + 12
        for column in range(int(breadth // 42)):
            _draw_window(backdrop, rng, x + 42 * column + 11, y, facade)
    _draw_shop(backdrop, rng, x, breadth, facade)


def _draw_roof(
    backdrop: Backdrop, rng: np.random.Generator, x: Number, breadth: Number, top: Number
) -> None:
    tiles = mix_colours((70, 82, 150), (95, 88, 84), float(rng.uniform(0, 1)))
    rise = float(rng.uniform(18, 30))
    backdrop.box(x + 0.2 * breadth, top - rise - 13, 12, 26, (95, 105, 140))
    slope = 12.0
    backdrop.polygon(
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
        backdrop.box(
            x - 4 + inset, y, breadth + 8 - 2 * inset, 1.2, mix_colours(tiles, (0, 0, 0), 0.25)
        )


def _draw_bricks(
    backdrop: Backdrop,
    rng: np.random.Generator,
    x: Number,
    top: Number,
    breadth: Number,
    facade: Colour,
) -> None:
    for _ in range(int(breadth * (HOUSE_BASE - top) / 260)):
        bx = x + rng.uniform(2, breadth - 12)
        by = top + 6 * round(float(rng.uniform(8, HOUSE_BASE - top - 10)) / 6)
        tone = (25, 25, 45) if rng.random() < 0.6 else (255, 255, 255)
        backdrop.box(bx, by, 8, 3.6, mix_colours(facade, tone, 0.14))


def _draw_window(
    backdrop: Backdrop, rng: np.random.Generator, x: Number, y: Number, facade: Colour
) -> None:
    glass = mix_colours((120, 96, 70), (190, 160, 120), float(rng.uniform(0, 1)))
    if rng.random() < 0.18:
        glass = (130, 205, 240)
    backdrop.box(x - 3, y - 3, 26, 38, mix_colours(facade, _WHITE, 0.75))
    backdrop.box(x, y, 20, 32, glass)
    backdrop.polygon(
        [(x, y + 20), (x + 14, y), (x + 20, y), (x, y + 28)], mix_colours(glass, _WHITE, 0.25)
    )
    if rng.random() < 0.5:
        curtain = mix_colours((200, 205, 225), _AWNINGS[int(rng.integers(4))], 0.3)
        backdrop.polygon([(x, y), (x + 8, y), (x + 3, y + 30), (x, y + 32)], curtain)
        backdrop.polygon([(x + 20, y), (x + 12, y), (x + 17, y + 30), (x + 20, y + 32)], curtain)
    backdrop.box(x + 9, y, 2, 32, _WHITE)
    backdrop.box(x, y + 14, 20, 2, _WHITE)
    backdrop.box(x - 5, y + 35, 30, 3.5, mix_colours(facade, (40, 30, 30), 0.25))
    if rng.random() < 0.35:
        backdrop.box(x - 3, y + 29, 26, 6, (60, 80, 130))
        for flower in range(7):
            colour = ((70, 70, 225), (90, 190, 250), (150, 90, 220))[int(rng.integers(3))]
            backdrop.ellipse(x + 4 * flower - 2, y + 28, 2.8, 2.6, (60, 130, 70))
            backdrop.ellipse(x + 4 * flower - 2, y + 27, 1.6, 1.5, colour)


def _draw_shop(
    backdrop: Backdrop, rng: np.random.Generator, x: Number, breadth: Number, facade: Colour
) -> None:
    accent = _AWNINGS[int(rng.integers(len(_AWNINGS)))]
    door = x + 12 + 42 * float(rng.integers(int(breadth // 42)))
    shop = rng.random() < 0.65
    for column in range(int(breadth // 42)):
        left = x + 42 * column + 4
        if abs(left + 8 - door) < 1:
            continue
        if shop:
            _draw_display(backdrop, rng, left)
        else:
            _draw_window(backdrop, rng, left + 7, HOUSE_BASE - 58, facade)
    backdrop.box(door - 2, HOUSE_BASE - 52, 22, 52, mix_colours(facade, _WHITE, 0.6))
    backdrop.box(door, HOUSE_BASE - 50, 18, 50, mix_colours(accent, (30, 30, 30), 0.35))
    backdrop.box(door + 3, HOUSE_BASE - 46, 12, 20, (150, 125, 95))
    backdrop.ellipse(door + 15, HOUSE_BASE - 22, 1.4, 1.4, (120, 220, 240))
    if shop:
        _draw_awning(backdrop, rng, x, breadth, accent)


def _draw_display(backdrop: Backdrop, rng: np.random.Generator, left: Number) -> None:
    backdrop.box(left - 1, HOUSE_BASE - 47, 36, 42, (70, 66, 62))
    backdrop.box(left + 1, HOUSE_BASE - 45, 32, 38, (150, 128, 100))
    for _ in range(5):
        item = tuple(int(v) for v in rng.integers(60, 235, 3))
        height = float(rng.uniform(6, 16))
        backdrop.box(
            left + rng.uniform(2, 26),
            HOUSE_BASE - 8 - height,
            6,
            height,
            (item[0], item[1], item[2]),
        )
    backdrop.polygon(
        [
            (left + 4, HOUSE_BASE - 8),
            (left + 18, HOUSE_BASE - 45),
            (left + 24, HOUSE_BASE - 45),
            (left + 10, HOUSE_BASE - 8),
        ],
        (185, 168, 145),
    )


def _draw_awning(
    backdrop: Backdrop, rng: np.random.Generator, x: Number, breadth: Number, accent: Colour
) -> None:
    backdrop.box(x + 3, HOUSE_BASE - 71, breadth - 6, 12, mix_colours(accent, (30, 25, 25), 0.35))
    letter_x = x + 0.25 * breadth
    while letter_x < x + 0.75 * breadth:
        wide = float(rng.uniform(3, 7))
        backdrop.box(letter_x, HOUSE_BASE - 68, wide, 6, (215, 235, 240))
        letter_x += wide + 2
    stripes = round((breadth - 6) / 9)
    step = (breadth - 6) / stripes
    for stripe in range(stripes):
        colour = accent if stripe % 2 else _WHITE
        left = x + 3 + stripe * step
        backdrop.box(left, HOUSE_BASE - 59, step, 11, colour)
        backdrop.ellipse(left + step / 2, HOUSE_BASE - 48, step / 2, 3, colour)
