"""Drawing of people: a skeleton with a gait, each part the convex hull of a few spheres.

The skeleton is three-dimensional, ``(forward, left, up)`` in metres; it is rotated by the heading
and seen from slightly above.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mvot_synthetic.actors.drawable import Drawable, Pose
from mvot_synthetic.canvas import Canvas, Colour, Pattern, Sprite, mix_colours, value_noise

__all__ = ["Outfit", "Walker"]

_TILT = 0.22
"""Metres down in the image per metre toward the camera, which looks down from above."""
_THIGH, _SHIN, _ANKLE = 0.43, 0.42, 0.07
_SKELETON_HEIGHT = 1.75


@dataclass(frozen=True, kw_only=True, slots=True)
class Outfit:
    """Clothes and build of a person; ``height`` in metres, ``girth`` as a factor."""

    skin: Colour
    hair: Colour
    top: Colour
    bottom: Colour
    shoes: Colour
    accent: Colour
    pattern: str = "plain"
    """Of the top, in the accent colour: "plain", "stripes", "checks", "dots" or "band"."""
    garment: str = "trousers"
    """Of the legs: "trousers", "skirt", "coat" or "shorts"."""
    bag: str = "none"
    """"none", "backpack" or "tote"."""
    long_hair: bool = False
    short_sleeves: bool = False
    hat: bool = False
    height: float = 1.75
    girth: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _Part:
    """Spheres ``(forward, left, up, radius)`` of one colour; ``nearer`` moves it to the front."""

    spheres: Float[np.ndarray, "n 4"]
    colour: Colour
    nearer: float = 0.0
    has_pattern: bool = False


def _build_part(colour: Colour, *spheres: tuple[float, ...], nearer: float = 0.0) -> _Part:
    return _Part(spheres=np.asarray(spheres, float), colour=colour, nearer=nearer)


def _pose_walking_leg(turn: float, swing: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knee, ankle and toe from the hip, in the (forward, up) plane, at a phase of the gait."""
    thigh = 0.38 * swing * np.cos(2 * np.pi * turn)
    flexion = swing * (0.12 + 0.85 * max(0.0, np.sin(2 * np.pi * (turn - 0.42))))
    shin = thigh - flexion
    knee = _THIGH * np.array([np.sin(thigh), -np.cos(thigh)])
    ankle = knee + _SHIN * np.array([np.sin(shin), -np.cos(shin)])
    pitch = 0.5 * shin if shin < 0 else shin
    toe = ankle + 0.17 * np.array([np.cos(pitch), np.sin(pitch)]) + np.array([0.0, -0.035])
    return knee, ankle, toe


def _pose_pedalling_leg(turn: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same for a cyclist: the ankle is on the pedal, the knee follows from the bone lengths."""
    angle = -2 * np.pi * turn
    ankle = np.array([0.28, -0.67]) + 0.17 * np.array([np.cos(angle), np.sin(angle)])
    reach = float(np.hypot(*ankle))
    along, bones = ankle / reach, (_THIGH**2 - _SHIN**2 + reach**2) / (2 * reach)
    bend = np.sqrt(max(_THIGH**2 - bones**2, 0.0))
    knee = along * bones + bend * np.array([-along[1], along[0]])
    return knee, ankle, ankle + np.array([0.16, -0.03])


class Walker(Drawable):
    """A person who walks, or rides a bicycle if ``riding``."""

    class_id = 0

    def __init__(self, outfit: Outfit, *, seed: int, riding: bool = False) -> None:
        self.outfit = outfit
        self._riding = riding
        rng = np.random.default_rng(seed)
        self._grain = value_noise(rng, 320, 288, (4, 9, 30))

    def draw(self, pose: Pose) -> Sprite:
        """Draw the person in one pose."""
        canvas = Canvas(half_width=1.05, height=2.1)
        if not self._riding:
            canvas.ellipse((0.05, -0.02), (0.42, 0.13), (25, 15, 15), 0.36)
        parts = self._build_parts(pose)
        toward = np.sin(pose.yaw), np.cos(pose.yaw)
        for part in sorted(parts, key=lambda p: float(_nearness(p, *toward)) + p.nearer):
            self._draw_part(canvas, part, pose)
        return canvas.build_sprite(self._grain)

    def _draw_part(self, canvas: Canvas, part: _Part, pose: Pose) -> None:
        forward, left, up, radius = part.spheres.T
        scale = self.outfit.height / _SKELETON_HEIGHT
        x = forward * np.cos(pose.yaw) - left * np.sin(pose.yaw)
        nearness = forward * np.sin(pose.yaw) + left * np.cos(pose.yaw)
        y = up - _TILT * nearness
        outline = canvas.blob(np.stack([x, y, radius], 1) * scale, part.colour)
        if part.has_pattern:
            pattern = _build_pattern(self.outfit.pattern, base=float(y.mean()) * scale)
            canvas.fill_pattern(outline, self.outfit.accent, pattern)

    def _build_parts(self, pose: Pose) -> list[_Part]:
        hip = 0.97 if self._riding else self._hip_height(pose)
        lean = 0.30 if self._riding else 0.02 * pose.swing
        parts = [*self._torso(hip, lean), *self._head(hip, lean)]
        for side in (-1, 1):
            turn = pose.turn + (0.5 if side > 0 else 0.0)
            parts += self._leg(turn, side, hip, pose.swing)
            parts += self._arm(turn, side, hip, lean, pose.swing)
        if self.outfit.bag == "backpack":
            back = -0.2
            pack = [(back, y, hip + z, 0.1) for y in (-0.08, 0.08) for z in (0.16, 0.42)]
            parts.append(_build_part(self.outfit.accent, *pack))
        return parts

    def _hip_height(self, pose: Pose) -> float:
        legs = [_pose_walking_leg(pose.turn + half, pose.swing) for half in (0.0, 0.5)]
        return _ANKLE - min(float(min(ankle[1], toe[1] + 0.035)) for _, ankle, toe in legs)

    def _leg(self, turn: float, side: int, hip: float, swing: float) -> list[_Part]:
        outfit, wide = self.outfit, 0.095 * self.outfit.girth
        bones = _pose_pedalling_leg(turn) if self._riding else _pose_walking_leg(turn, swing)
        knee, ankle, toe = (bone + np.array([0.0, hip]) for bone in bones)
        has_bare_legs = outfit.garment in ("skirt", "shorts")
        thick = outfit.girth
        below = -0.4 if outfit.garment in ("skirt", "coat") and not self._riding else -0.13
        joint = (knee[0], side * wide * 0.9, knee[1], 0.068 * thick)
        shin = (ankle[0], side * wide * 0.85, ankle[1], 0.046 * thick)
        thigh = (0.0, side * wide, hip, 0.1 * thick)
        heel = (ankle[0] - 0.03, side * wide, ankle[1] - 0.01, 0.055)
        tip = (toe[0] - 0.03, side * wide, toe[1], 0.036)
        return [
            _build_part(outfit.skin if has_bare_legs else outfit.bottom, joint, shin, nearer=below),
            _build_part(
                outfit.skin if outfit.garment == "skirt" else outfit.bottom,
                thigh,
                joint,
                nearer=below + 0.01,
            ),
            _build_part(outfit.shoes, heel, tip, nearer=below + 0.005),
        ]

    def _arm(self, turn: float, side: int, hip: float, lean: float, swing: float) -> list[_Part]:
        outfit, wide = self.outfit, 0.2 * self.outfit.girth
        upper = 1.0 if self._riding else -0.5 * swing * np.cos(2 * np.pi * turn) + lean
        lower = 1.15 if self._riding else upper + 0.22 + 0.35 * swing
        shoulder = np.array([0.5 * np.sin(lean), hip + 0.47 * np.cos(lean)])
        elbow = shoulder + 0.29 * np.array([np.sin(upper), -np.cos(upper)])
        wrist = elbow + 0.25 * np.array([np.sin(lower), -np.cos(lower)])
        at_elbow = (elbow[0], side * (wide + 0.035), elbow[1], 0.048)
        at_wrist = (wrist[0], side * (wide + 0.02), wrist[1], 0.036)
        sleeve = outfit.skin if outfit.short_sleeves else outfit.top
        parts = [
            _build_part(outfit.top, (shoulder[0], side * wide, shoulder[1], 0.07), at_elbow),
            _build_part(sleeve, at_elbow, at_wrist, nearer=0.005),
            _build_part(
                outfit.skin, (*(wrist[:1] + 0.02), side * (wide + 0.02), wrist[1] - 0.04, 0.043)
            ),
        ]
        if outfit.bag == "tote" and side > 0:
            x, y, z = wrist[0], side * (wide + 0.05), wrist[1]
            body = [(x + dx, y, z + dz, 0.03) for dx in (-0.13, 0.13) for dz in (-0.42, -0.16)]
            parts.append(_build_part(outfit.accent, *body, nearer=0.02))
            parts.append(
                _build_part(outfit.accent, (x, y, z - 0.02, 0.012), (x - 0.1, y, z - 0.15, 0.012))
            )
            parts.append(
                _build_part(outfit.accent, (x, y, z - 0.02, 0.012), (x + 0.1, y, z - 0.15, 0.012))
            )
        return parts

    def _torso(self, hip: float, lean: float) -> list[_Part]:
        outfit, wide = self.outfit, self.outfit.girth
        forward, up = np.sin(lean), np.cos(lean)
        rows = [(0.02, 0.075, 0.122), (0.24, 0.08, 0.122), (0.43, 0.135, 0.1)]
        if outfit.garment == "coat" and not self._riding:
            rows.insert(0, (-0.38, 0.1, 0.15))
        spheres = [
            (at * forward, side * wide * half, hip + at * up, wide * radius)
            for at, half, radius in rows
            for side in (-1, 1)
        ]
        trunk = _Part(spheres=np.asarray(spheres), colour=outfit.top, nearer=0.02, has_pattern=True)
        neck = (0.5 * forward, 0.0, hip + 0.5 * up, 0.055)
        collar = (0.6 * forward, 0.0, hip + 0.58 * up, 0.052)
        parts = [trunk, _build_part(outfit.skin, neck, collar, nearer=0.0)]
        if outfit.garment == "skirt":
            hem = [(x, y, hip - 0.4, 0.05) for x in (-0.12, 0.12) for y in (-0.14, 0.14)]
            belt = [(0.0, y, hip + 0.04, 0.1 * wide) for y in (-0.08, 0.08)]
            parts.append(_build_part(outfit.bottom, *hem, *belt, nearer=0.015))
        return parts

    def _head(self, hip: float, lean: float) -> list[_Part]:
        outfit = self.outfit
        x, z = 0.68 * np.sin(lean) + 0.02, hip + 0.53 * np.cos(lean) + 0.16
        face = [(x + 0.028, 0.0, z - 0.015, 0.098), (x + 0.04, 0.0, z - 0.07, 0.066)]
        hair = [(x - 0.022, 0.0, z + 0.022, 0.118)]
        eyes = [
            _build_part((35, 30, 30), (x + 0.102, y, z, 0.010), nearer=0.06) for y in (-0.04, 0.04)
        ]
        parts = [
            _build_part(outfit.hair, *hair, nearer=0.05),
            _build_part(outfit.skin, *face, nearer=0.075),
        ]
        parts += eyes
        if outfit.long_hair:
            parts.append(
                _build_part(outfit.hair, *hair, (x - 0.08, 0.0, z - 0.24, 0.08), nearer=-0.03)
            )
        if outfit.hat:
            crown = [(x - 0.01, y, z + 0.07, 0.1) for y in (-0.01, 0.01)]
            brim = [(x + 0.13, y, z + 0.045, 0.025) for y in (-0.05, 0.05)]
            parts.append(_build_part(outfit.accent, *crown, nearer=0.1))
            parts.append(
                _build_part(mix_colours(outfit.accent, (0, 0, 0), 0.25), *brim, nearer=0.1)
            )
        return parts


def _nearness(part: _Part, forward: float, left: float) -> np.floating:
    return np.mean(part.spheres[:, 0] * forward + part.spheres[:, 1] * left)


def _build_pattern(kind: str, base: float) -> Pattern:
    """A predicate of the points with the accent colour; ``base`` is the height of the pattern."""
    if kind == "stripes":
        return lambda x, y: np.asarray(((y - base) / 0.1) % 1 < 0.45)
    if kind == "checks":
        return lambda x, y: np.asarray(((x / 0.13) % 1 < 0.5) ^ (((y - base) / 0.13) % 1 < 0.5))
    if kind == "dots":
        return lambda x, y: np.asarray(
            np.hypot((x / 0.11) % 1 - 0.5, ((y - base) / 0.11) % 1 - 0.5) < 0.27
        )
    if kind == "band":
        return lambda x, y: np.asarray(np.abs(y - base - 0.02) < 0.07)
    return lambda x, y: np.zeros(x.shape, bool)
