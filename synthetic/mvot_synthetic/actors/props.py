"""Drawing of static objects: trees, street lamps, advertising columns."""

import numpy as np

from mvot_synthetic.actors.drawable import Drawable, Pose
from mvot_synthetic.canvas import Canvas, Colour, Sprite, mix_colours, round_corners, value_noise

__all__ = ["Column", "Lamp", "Tree"]

_IRON: Colour = (72, 66, 54)


class Tree(Drawable):
    """A street tree, its trunk ``girth`` metres thick."""

    def __init__(self, *, seed: int, leaves: Colour = (70, 150, 95), girth: float = 0.34) -> None:
        self._seed, self._leaves, self._girth = seed, leaves, girth

    def draw(self, pose: Pose) -> Sprite:
        """Draw the tree."""
        rng = np.random.default_rng(self._seed)
        canvas = Canvas(half_width=2.3, height=6.4)
        canvas.ellipse((0.2, 0.0), (1.1, 0.22), (20, 15, 15), 0.35)
        wide = self._girth / 2
        canvas.ellipse((0.0, 0.0), (0.55, 0.14), (50, 70, 95))
        bark = (62, 84, 112)
        trunk = np.array([(-0.05, 0.02, wide * 1.3), (0.03, 1.3, wide), (0.0, 3.4, wide * 0.85)])
        outline = canvas.blob(trunk, bark)
        canvas.fill_pattern(
            outline,
            mix_colours(bark, (20, 25, 35), 0.4),
            lambda x, y: np.asarray(np.sin(38 * x + 3 * np.sin(4 * y)) > 0.55),
        )
        for side in (-1, 1):
            canvas.blob(np.array([(0.0, 2.7, 0.1), (0.7 * side, 3.6, 0.06)]), bark)
        self._draw_crown(canvas, rng)
        return canvas.build_sprite(value_noise(rng, 960, 640, (6, 14, 50)))

    def _draw_crown(self, canvas: Canvas, rng: np.random.Generator) -> None:
        leaves = self._leaves
        for x, y in ((-0.7, 3.85), (0.7, 3.85), (0.0, 4.4)):
            canvas.ellipse((x, y), (0.75, 0.62), mix_colours(leaves, (60, 60, 20), 0.45))
        for depth, count in ((0.0, 10), (0.5, 12), (1.0, 12)):
            tint = mix_colours(
                mix_colours(leaves, (60, 60, 20), 0.45),
                mix_colours(leaves, (120, 230, 220), 0.3),
                depth,
            )
            for _ in range(count):
                angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.0)
                x = 1.35 * reach * np.cos(angle) - 0.18 * depth
                y = 4.5 + 1.05 * reach * np.sin(angle) + 0.22 * depth
                radius = rng.uniform(0.3, 0.6) * (1.15 - 0.5 * depth)
                canvas.ellipse((x, y), (radius, 0.85 * radius), tint)


class Lamp(Drawable):
    """A cast-iron street lamp."""

    def draw(self, pose: Pose) -> Sprite:
        """Draw the lamp."""
        canvas = Canvas(half_width=0.6, height=4.6)
        canvas.ellipse((0.06, 0.0), (0.4, 0.1), (20, 15, 15), 0.35)
        canvas.blob(np.array([(0.0, 0.06, 0.17), (0.0, 0.5, 0.1)]), _IRON)
        canvas.blob(np.array([(0.0, 0.4, 0.07), (0.0, 3.7, 0.05)]), _IRON)
        canvas.blob(np.array([(-0.3, 3.45, 0.035), (0.3, 3.45, 0.035)]), _IRON)
        canvas.polygon([(-0.14, 3.75), (0.14, 3.75), (0.24, 4.2), (-0.24, 4.2)], (185, 235, 250))
        canvas.polygon([(-0.04, 3.75), (0.06, 3.75), (0.1, 4.2), (-0.06, 4.2)], (225, 250, 255))
        canvas.polygon([(-0.3, 4.2), (0.3, 4.2), (0.08, 4.42), (-0.08, 4.42)], _IRON)
        canvas.ellipse((0.0, 4.47), (0.05, 0.07), _IRON)
        return canvas.build_sprite(np.zeros((640, 160), np.float32))


class Column(Drawable):
    """An advertising column with posters all round."""

    def __init__(self, *, seed: int) -> None:
        self._seed = seed

    def draw(self, pose: Pose) -> Sprite:
        """Draw the column."""
        rng = np.random.default_rng(self._seed)
        canvas = Canvas(half_width=1.15, height=3.5)
        canvas.ellipse((0.12, 0.0), (0.92, 0.24), (20, 15, 15), 0.38)
        green = (78, 96, 60)
        canvas.ellipse((0.0, 0.06), (0.76, 0.16), green)
        canvas.polygon([(-0.76, 0.06), (0.76, 0.06), (0.7, 0.5), (-0.7, 0.5)], green)
        canvas.polygon([(-0.66, 0.4), (0.66, 0.4), (0.66, 2.65), (-0.66, 2.65)], (205, 220, 226))
        self._draw_posters(canvas, rng)
        canvas.polygon([(-0.76, 2.6), (0.76, 2.6), (0.76, 2.78), (-0.76, 2.78)], green)
        dome = [(-0.68, 2.78), (-0.6, 3.1), (-0.2, 3.3), (0.2, 3.3), (0.6, 3.1), (0.68, 2.78)]
        canvas.polygon(round_corners(dome), green)
        canvas.polygon(
            [(-0.76, 2.62), (0.76, 2.62), (0.76, 2.8), (-0.76, 2.8)],
            mix_colours(green, (0, 0, 0), 0.2),
        )
        canvas.ellipse((0.0, 3.36), (0.06, 0.09), (70, 190, 225))
        shade = np.abs(np.linspace(-1.3, 1.1, 296, dtype=np.float32)) ** 2
        grain = value_noise(rng, 512, 296, (6, 20)) * np.float32(0.5) - np.float32(2.5) * shade
        return canvas.build_sprite(grain)

    def _draw_posters(self, canvas: Canvas, rng: np.random.Generator) -> None:
        papers = [(60, 70, 200), (190, 150, 60), (80, 190, 235), (150, 100, 160), (120, 160, 70)]
        edges = np.sin(np.array([-1.5, -0.75, 0.1, 0.85, 1.5])) * 0.66
        for row, (low, high) in enumerate(((0.5, 1.5), (1.55, 2.55))):
            for k in range(4):
                x0, x1 = edges[k] + 0.02, edges[k + 1] - 0.02
                paper = papers[(2 * row + k + int(rng.integers(5))) % 5]
                canvas.polygon([(x0, low), (x1, low), (x1, high), (x0, high)], paper)
                centre, wide = (x0 + x1) / 2, (x1 - x0) / 2
                light = mix_colours(paper, (255, 255, 255), 0.7)
                canvas.ellipse((centre, low + 0.62), (0.62 * wide, 0.22), light)
                for line in range(2):
                    y = low + 0.12 + 0.12 * line
                    canvas.line([(x0 + 0.2 * wide, y), (x1 - 0.3 * wide, y)], 0.05, light)
