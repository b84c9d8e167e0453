"""Random clothes."""

import numpy as np

from mvot_synthetic.actors.people import Outfit
from mvot_synthetic.canvas import Colour

__all__ = ["BRIGHT", "choose_colour", "sample_outfit"]

_SKIN: tuple[Colour, ...] = (
    (165, 195, 235),
    (140, 175, 222),
    (110, 150, 205),
    (75, 105, 155),
    (50, 72, 112),
)
_HAIR: tuple[Colour, ...] = (
    (30, 45, 70),
    (22, 22, 26),
    (60, 120, 190),
    (188, 190, 192),
    (35, 60, 120),
    (90, 190, 225),
)
_CLOTHES: tuple[Colour, ...] = (
    (60, 60, 200),
    (160, 145, 55),
    (70, 170, 235),
    (190, 120, 60),
    (150, 80, 140),
    (90, 150, 80),
    (215, 215, 220),
    (80, 80, 85),
    (120, 105, 215),
    (110, 190, 170),
)
_TROUSERS: tuple[Colour, ...] = (
    (110, 70, 40),
    (62, 58, 55),
    (90, 120, 150),
    (140, 110, 80),
    (45, 45, 70),
    (70, 90, 75),
)
_PATTERNS = ("stripes", "plain", "checks", "dots", "band")
_GARMENTS = ("trousers", "trousers", "skirt", "coat", "shorts")
_BAGS = ("none", "backpack", "tote", "none")
BRIGHT = _CLOTHES[:6]


def choose_colour(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """Choose one of the colours at random."""
    return colours[int(rng.integers(len(colours)))]


def sample_outfit(rng: np.random.Generator, number: int) -> Outfit:
    """Sample an outfit of random colours; the pattern goes by ``number``, in turn."""
    garment = _GARMENTS[int(rng.integers(len(_GARMENTS)))]
    top, accent = rng.permutation(len(_CLOTHES))[:2]
    return Outfit(
        skin=choose_colour(rng, _SKIN),
        hair=choose_colour(rng, _HAIR),
        top=_CLOTHES[top],
        bottom=choose_colour(rng, _TROUSERS),
        shoes=choose_colour(rng, ((40, 40, 45), (60, 75, 105), (232, 234, 236), (50, 45, 120))),
        accent=_CLOTHES[accent],
        pattern=_PATTERNS[number % len(_PATTERNS)],
        garment=garment,
        bag=_BAGS[int(rng.integers(len(_BAGS)))],
        long_hair=garment == "skirt" or bool(rng.uniform() < 0.3),
        short_sleeves=garment == "shorts" or bool(rng.uniform() < 0.3),
        hat=bool(rng.uniform() < 0.2),
        height=float(rng.uniform(1.58, 1.88)),
        girth=float(rng.uniform(0.92, 1.16)),
    )
