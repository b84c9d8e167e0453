"""Rendered scenes: frames with exact ground truth."""

import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import UInt8, UInt16

from mvot_plugin.types import Frame
from mvot_synthetic.actors.drawable import Drawable, Pose
from mvot_synthetic.canvas import PIXELS_PER_METRE, Sprite
from mvot_synthetic.ground_truth import SceneGroundTruth, measure_ground_truth
from mvot_synthetic.motion import Camera, Route, metres_to_units
from mvot_synthetic.rendering import PlacedSprite, paint_sprite, zoom_window

__all__ = ["Actor", "Prop", "Scene", "SceneGroundTruth"]

_LEVELS = (8, 4, 2, 1)
"""Factors by which a sprite is reduced."""
_REACH_METRES = 3.0
"""No sprite reaches further to either side of its ground point."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Actor:
    """A moving object with an identity."""

    id: int
    drawable: Drawable
    route: Route
    stride: float
    """Metres per cycle of its limbs or wheels."""
    nearer: float = 0.0
    """Added to the depth, in units: drawn in front of others on the same ground."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prop:
    """A static object without ground truth, which occludes what is behind it."""

    drawable: Drawable
    x: float
    y: float


class Scene:
    """A rendered video with exact ground truth; each frame is deterministic, in any order.

    It serves as a source of frames: a context manager and an iterable of ``Frame`` with ``name``,
    ``frame_rate``, ``size`` and ``length``, its number of frames. ``street`` builds one.

    Args:
        name: a short name.
        size: (width, height) of the image in pixels.
        frame_rate: frames per second.
        panorama: the background, BGR uint8, of which the camera shows a part.
        camera: where the camera looks on each frame.
        actors: the objects with an identity.
        props: the objects without.

    Examples:
        >>> from mvot_synthetic import street
        >>> scene = street(seed=2, size=(320, 240), frames=3)
        >>> [frame.timestamp for frame in scene]
        [0.0, 0.04, 0.08]
        >>> scene.frame(2).image.shape, scene.id_map(2).shape
        ((240, 320, 3), (240, 320))
    """

    def __init__(
        self,
        *,
        name: str,
        size: tuple[int, int],
        frame_rate: float,
        panorama: UInt8[np.ndarray, "height width 3"],
        camera: Camera,
        actors: Sequence[Actor],
        props: Sequence[Prop],
    ) -> None:
        self.name, self.size, self.frame_rate = name, size, frame_rate
        self.length = len(camera.x)
        self.actors = tuple(actors)
        self._props = tuple(props)
        self._panorama, self._camera = panorama, camera
        self._unit = size[1] / 480
        self._sprites: dict[tuple[Drawable, Pose, int], Sprite] = {}
        self._ground_truths: dict[int, SceneGroundTruth] = {}

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Frame]:
        return (self.frame(index) for index in range(self.length))

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing: a scene holds no resources and stays usable."""

    def frame(self, index: int) -> Frame:
        """Render a frame.

        Args:
            index: its number, from 0.

        Returns:
            The frame, with the timestamp index / ``frame_rate``.

        Raises:
            IndexError: beyond the scene.
        """
        image, _ = self._render(self._check_index(index))
        return Frame(image=image, index=index, timestamp=index / self.frame_rate)

    def ground_truth(self, index: int) -> SceneGroundTruth:
        """The ground truth of a frame.

        Args:
            index: its number, from 0.

        Returns:
            A row for each object with pixels inside the image.

        Raises:
            IndexError: beyond the scene.
        """
        index = self._check_index(index)
        if index not in self._ground_truths:
            self._render(index)
        return self._ground_truths[index]

    def id_map(self, index: int) -> UInt16[np.ndarray, "height width"]:
        """The id of the object that each pixel of a frame shows.

        Args:
            index: its number, from 0.

        Returns:
            (height, width); 0 for background and props.
        """
        return self._render(self._check_index(index))[1]

    def select(self, ids: Collection[int]) -> "Scene":
        """The same scene with some objects only, and without props.

        Args:
            ids: those of the objects.

        Returns:
            The scene.
        """
        return Scene(
            name=self.name,
            size=self.size,
            frame_rate=self.frame_rate,
            panorama=self._panorama,
            camera=self._camera,
            actors=[actor for actor in self.actors if actor.id in ids],
            props=[],
        )

    def _check_index(self, index: int) -> int:
        index = operator.index(index)
        if not 0 <= index < self.length:
            raise IndexError(f"frame {index} of a scene of {self.length} frames")
        return index

    def _render(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The image and the id map of a frame; keeps its ground truth."""
        width, height = self.size
        shift = np.array([self._camera.x[index], self._camera.y[index]]) * self._unit
        view = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        image = cv2.warpAffine(
            self._panorama, view, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        ids = np.zeros((height, width), np.uint16)
        sprites = list(self._placements(index, shift))
        inside = {p.id: paint_sprite(p, image, ids) for p in sorted(sprites, key=lambda p: p.depth)}
        visible = [p for p in sprites if p.id and inside[p.id]]
        self._ground_truths.setdefault(index, measure_ground_truth(visible, ids))
        return image, ids

    def _placements(self, index: int, shift: np.ndarray) -> Iterator[PlacedSprite]:
        """Sprites that may be in view on a frame whose upper left corner is at ``shift``."""
        for prop in self._props:
            ground = np.multiply((prop.x, prop.y), self._unit) - shift
            if self._is_near_view(ground, prop.y):
                yield self._place(prop.drawable, Pose(), ground, prop.y)
        for actor in self.actors:
            route, drawable = actor.route, actor.drawable
            x, y = float(route.x[index]), float(route.y[index])
            ground = np.multiply((x, y), self._unit) - shift
            if self._is_near_view(ground, y):
                cycles = float(route.metres[index]) / actor.stride
                yaw, swing = float(route.yaw[index]), float(route.swing[index])
                pose = Pose.nearest(cycles, yaw, swing, drawable.symmetry)
                yield self._place(drawable, pose, ground, y, actor.id, actor.nearer)

    def _is_near_view(self, ground: np.ndarray, depth: float) -> bool:
        reach = _REACH_METRES * metres_to_units(depth) * self._unit
        return bool(-reach < ground[0] < self.size[0] + reach)

    def _place(
        self,
        drawable: Drawable,
        pose: Pose,
        ground: np.ndarray,
        depth: float,
        identity: int = 0,
        nearer: float = 0.0,
    ) -> PlacedSprite:
        """The sprite of an object that stands on ``ground``, in image pixels; props are cropped."""
        scale = metres_to_units(depth) * self._unit
        sprite = self._draw_sprite(drawable, pose, scale)
        zoom = scale / sprite.scale
        origin = ground - np.multiply(sprite.anchor, zoom)
        height, width = sprite.pixels.shape[:2]
        corner = np.floor(origin).astype(int) - 1
        far = np.ceil(origin + np.multiply((width, height), zoom)).astype(int) + 1
        if not identity:
            corner, far = np.clip(corner, 0, self.size), np.clip(far, 0, self.size)
        return PlacedSprite(
            id=identity,
            class_id=drawable.class_id,
            depth=depth + nearer,
            patch=zoom_window(sprite.pixels, zoom, corner - origin, far - corner),
            left=int(corner[0]),
            top=int(corner[1]),
            xyxy=np.multiply(sprite.extent, zoom) + np.concatenate([origin, origin]),
        )

    def _draw_sprite(self, drawable: Drawable, pose: Pose, scale: float) -> Sprite:
        """A sprite at ``scale`` pixels per metre or more, as far as the drawn resolution allows."""
        level = next((n for n in _LEVELS if 0.95 * n * scale <= PIXELS_PER_METRE), 1)
        key = (drawable, pose, level)
        if key not in self._sprites:
            sprite = drawable.draw(pose)
            self._sprites[key] = sprite.downscale(level) if level > 1 else sprite
        return self._sprites[key]
