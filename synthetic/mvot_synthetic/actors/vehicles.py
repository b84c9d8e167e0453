"""Drawing of cars, vans and bicycles: in side view, with turning wheels."""

from dataclasses import dataclass

import numpy as np

from mvot_synthetic.actors.drawable import Drawable, Pose
from mvot_synthetic.canvas import (
    Canvas,
    Colour,
    Pattern,
    Sprite,
    mix_colours,
    round_corners,
    value_noise,
)

__all__ = ["Bicycle", "Bodywork", "Vehicle"]

_GLASS: Colour = (120, 98, 74)
_TYRE: Colour = (42, 38, 38)
_RIM: Colour = (190, 186, 182)
_SPOKES = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Bodywork:
    """The shape of a vehicle that heads right, in metres; outlines before rounding."""

    lower: tuple[tuple[float, float], ...]
    upper: tuple[tuple[float, float], ...]
    windows: tuple[tuple[tuple[float, float], ...], ...]
    doors: tuple[float, ...]
    axles: tuple[float, float]
    half_length: float
    height: float
    belt: float


HATCHBACK = Bodywork(
    lower=(
        (-2.0, 0.24),
        (-2.1, 0.55),
        (-2.02, 0.98),
        (0.9, 0.98),
        (1.75, 0.86),
        (2.12, 0.66),
        (2.12, 0.24),
    ),
    upper=((-2.05, 0.9), (-1.75, 1.42), (-1.3, 1.5), (0.15, 1.5), (0.6, 1.36), (1.3, 0.9)),
    windows=(
        ((-1.78, 0.98), (-1.58, 1.36), (-0.62, 1.4), (-0.62, 0.98)),
        ((-0.5, 0.98), (-0.5, 1.4), (0.16, 1.4), (0.48, 1.28), (0.92, 0.98)),
    ),
    doors=(-0.56, 0.85),
    axles=(-1.3, 1.32),
    half_length=2.2,
    height=1.5,
    belt=0.93,
)
SALOON = Bodywork(
    lower=(
        (-2.25, 0.24),
        (-2.32, 0.6),
        (-2.25, 0.95),
        (-1.6, 1.0),
        (0.95, 0.97),
        (1.95, 0.86),
        (2.3, 0.62),
        (2.3, 0.24),
    ),
    upper=((-1.9, 0.9), (-1.2, 1.4), (-0.85, 1.46), (0.25, 1.46), (0.62, 1.36), (1.35, 0.9)),
    windows=(
        ((-1.5, 0.99), (-1.0, 1.35), (-0.5, 1.37), (-0.5, 0.99)),
        ((-0.39, 0.99), (-0.39, 1.37), (0.25, 1.37), (0.5, 1.29), (0.95, 0.98)),
    ),
    doors=(-0.45, 0.9),
    axles=(-1.42, 1.45),
    half_length=2.4,
    height=1.46,
    belt=0.95,
)
VAN = Bodywork(
    lower=(
        (-2.4, 0.26),
        (-2.46, 0.6),
        (-2.46, 1.1),
        (1.5, 1.1),
        (2.3, 0.98),
        (2.5, 0.7),
        (2.5, 0.26),
    ),
    upper=(
        (-2.46, 0.4),
        (-2.46, 2.05),
        (-2.2, 2.2),
        (1.0, 2.2),
        (1.45, 2.0),
        (2.25, 0.95),
        (2.3, 0.4),
    ),
    windows=(((0.62, 1.12), (0.62, 1.85), (1.18, 1.85), (1.38, 1.7), (1.78, 1.1)),),
    doors=(-0.7, 0.5, 1.6),
    axles=(-1.5, 1.55),
    half_length=2.6,
    height=2.2,
    belt=0.95,
)
BODIES = {"hatchback": HATCHBACK, "saloon": SALOON, "van": VAN, "taxi": SALOON}


class Vehicle(Drawable):
    """A ``"hatchback"``, ``"saloon"``, ``"taxi"`` or ``"van"``."""

    class_id = 2
    symmetry = _SPOKES

    def __init__(self, kind: str, paint: Colour, accent: Colour, *, seed: int) -> None:
        self._kind, self._paint, self._accent = kind, paint, accent
        self._body = BODIES[kind]
        rng = np.random.default_rng(seed)
        self._grain = value_noise(rng, 400, 720, (5, 16, 70))

    def draw(self, pose: Pose) -> Sprite:
        """Draw the vehicle with its wheels turned."""
        body = self._body
        canvas = Canvas(half_width=2.75, height=2.55)
        shadow = (body.half_length + 0.08, 0.2)
        canvas.ellipse((0.0, 0.02), shadow, (20, 12, 12), 0.42)
        for x in body.axles:
            canvas.ellipse((x + 0.03, 0.42), (0.31, 0.31), (28, 25, 25))
        self._draw_body(canvas)
        self._draw_windows(canvas)
        self._draw_details(canvas)
        for x in body.axles:
            _draw_wheel(canvas, (x, 0.33), pose.turn)
        sprite = canvas.build_sprite(self._grain)
        return sprite.mirror() if np.cos(pose.yaw) < 0 else sprite

    def _draw_body(self, canvas: Canvas) -> None:
        body, paint = self._body, self._paint
        roof = mix_colours(paint, (255, 255, 255), 0.35)
        for rise in (0.16, 0.12, 0.08, 0.04):
            for outline in (body.lower, body.upper):
                canvas.polygon(round_corners(np.add(outline, (0.0, rise))), roof)
        canvas.polygon(round_corners(body.upper), paint)
        lower = round_corners(body.lower)
        canvas.polygon(lower, paint)
        shade, shine = (
            mix_colours(paint, (30, 15, 15), 0.3),
            mix_colours(paint, (255, 255, 255), 0.22),
        )
        canvas.fill_pattern(lower, shade, lambda x, y: np.asarray(y < 0.5))
        canvas.fill_pattern(
            lower, shine, lambda x, y: np.asarray(np.abs(y - body.belt + 0.06) < 0.03)
        )
        canvas.fill_pattern(lower, (50, 45, 45), lambda x, y: np.asarray(y < 0.33))

    def _draw_windows(self, canvas: Canvas) -> None:
        for pane in self._body.windows:
            outline = round_corners(pane, times=2)
            canvas.polygon(outline, _GLASS)
            x0, x1 = np.min(pane, 0)[0], np.max(pane, 0)[0]
            for at in (0.28, 0.52):
                shine = mix_colours(_GLASS, (255, 250, 240), 0.4)
                canvas.fill_pattern(outline, shine, _build_streak(x0 + at * (x1 - x0)))
        x, y = np.mean(self._body.windows[-1], 0)
        canvas.ellipse((x - 0.12, y - 0.02), (0.1, 0.13), (60, 60, 75))
        canvas.ellipse((x - 0.14, y - 0.22), (0.2, 0.09), (60, 50, 50))

    def _draw_details(self, canvas: Canvas) -> None:
        body, seam = self._body, mix_colours(self._paint, (20, 10, 10), 0.45)
        for x in body.doors:
            canvas.line([(x, 0.4), (x, body.belt)], 0.02, seam)
            canvas.line([(x - 0.32, body.belt - 0.13), (x - 0.16, body.belt - 0.13)], 0.035, seam)
        front = body.half_length - 0.14
        canvas.ellipse((front - 0.1, 0.68), (0.13, 0.08), (205, 245, 255))
        canvas.ellipse((-front + 0.05, 0.78), (0.06, 0.13), (50, 40, 205))
        canvas.line([(front - 0.3, 0.4), (front, 0.4)], 0.08, (60, 55, 55))
        mirror = (max(x for x, _ in body.windows[-1]) - 0.12, body.belt + 0.08)
        canvas.ellipse(mirror, (0.09, 0.07), seam)
        if self._kind == "taxi":
            self._draw_taxi_signs(canvas)
        if self._kind == "van":
            self._draw_livery(canvas)

    def _draw_taxi_signs(self, canvas: Canvas) -> None:
        for step in range(26):
            x, y = -1.55 + 0.1 * step, 0.68 + 0.07 * (step % 2)
            canvas.polygon([(x, y), (x + 0.1, y), (x + 0.1, y + 0.07), (x, y + 0.07)], (35, 32, 32))
        canvas.polygon(
            round_corners([(-0.5, 1.6), (-0.5, 1.8), (0.1, 1.8), (0.1, 1.6)], 1), (90, 225, 250)
        )
        canvas.line([(-0.36, 1.7), (-0.04, 1.7)], 0.05, (40, 40, 40))

    def _draw_livery(self, canvas: Canvas) -> None:
        accent = self._accent
        canvas.ellipse((-1.55, 1.55), (0.34, 0.34), accent)
        canvas.ellipse((-1.55, 1.55), (0.2, 0.2), mix_colours(accent, (255, 255, 255), 0.75))
        for row, length in enumerate((1.25, 0.95, 0.6)):
            y = 1.75 - 0.19 * row
            canvas.line([(-1.05, y), (-1.05 + length, y)], 0.09, accent)
        canvas.line([(-2.3, 0.98), (0.4, 0.98)], 0.09, accent)


class Bicycle(Drawable):
    """A bicycle without its rider, who is a ``Walker``."""

    class_id = 1

    def __init__(self, paint: Colour, *, seed: int) -> None:
        self._paint = paint
        self._grain = value_noise(np.random.default_rng(seed), 240, 320, (5, 16))

    def draw(self, pose: Pose) -> Sprite:
        """Draw the bicycle with its pedals and wheels turned."""
        canvas = Canvas(half_width=1.1, height=1.3)
        canvas.ellipse((0.0, 0.0), (0.9, 0.1), (20, 12, 12), 0.38)
        rear, front, crank = (-0.52, 0.34), (0.55, 0.34), (0.02, 0.3)
        for hub in (rear, front):
            _draw_bicycle_wheel(canvas, hub, 2.5 * pose.turn)
        seat, head = (-0.18, 0.86), (0.36, 0.84)
        for tube in ([rear, crank, seat, rear], [crank, head, seat], [front, (0.34, 0.98)]):
            canvas.line(tube, 0.05, self._paint)
        canvas.line([(-0.2, 0.86), (-0.22, 0.95)], 0.04, (70, 65, 65))
        canvas.line([(-0.34, 0.96), (-0.06, 0.96)], 0.07, (40, 50, 80))
        canvas.line([(0.34, 0.98), (0.3, 1.04), (0.46, 1.06)], 0.045, (60, 55, 55))
        canvas.line([(-0.55, 0.72), (-0.2, 0.72)], 0.04, (70, 65, 65))
        angle = -2 * np.pi * pose.turn
        pedal = 0.17 * np.array([np.cos(angle), np.sin(angle)])
        canvas.line([crank - pedal, crank + pedal], 0.035, (90, 85, 85))
        canvas.ellipse(crank, (0.09, 0.09), (110, 105, 105))
        sprite = canvas.build_sprite(self._grain)
        return sprite.mirror() if np.cos(pose.yaw) < 0 else sprite


def _build_streak(at: float) -> Pattern:
    """The reflection of the sky on a pane: a slanting band around x = ``at``."""
    return lambda x, y: np.asarray(np.abs(x - at - (y - 1.2) * 0.5) < 0.06)


def _draw_wheel(canvas: Canvas, hub: tuple[float, float], turn: float) -> None:
    canvas.ellipse(hub, (0.33, 0.33), _TYRE)
    canvas.ellipse(hub, (0.225, 0.225), mix_colours(_RIM, _TYRE, 0.55))
    for spoke in range(_SPOKES):
        angle = 2 * np.pi * (spoke / _SPOKES - turn)
        tip = np.add(hub, 0.2 * np.array([np.cos(angle), np.sin(angle)]))
        canvas.line(np.array([hub, tip]), 0.06, _RIM)
    canvas.ellipse(hub, (0.07, 0.07), (225, 222, 220))


def _draw_bicycle_wheel(canvas: Canvas, hub: tuple[float, float], turn: float) -> None:
    for spoke in range(8):
        angle = 2 * np.pi * (spoke / 8 - turn)
        tip = np.add(hub, 0.32 * np.array([np.cos(angle), np.sin(angle)]))
        canvas.line(np.array([hub, tip]), 0.01, (150, 148, 146))
    rim = np.linspace(0, 2 * np.pi, 33)
    circle = np.add(hub, 0.32 * np.stack([np.cos(rim), np.sin(rim)], 1))
    canvas.line(circle, 0.045, _TYRE)
