"""A scene that renders itself: frames, and exactly what is on them."""

import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32, Int64, UInt8, UInt16

from mvot_plugin.rows import Rows
from mvot_plugin.synthetic.canvas import PIXELS_PER_METRE, SOLID, Sprite
from mvot_plugin.synthetic.figures import Figure, Pose
from mvot_plugin.synthetic.motion import Camera, Path, metres_to_units
from mvot_plugin.synthetic.painting import Placed, paint, zoomed
from mvot_plugin.types import Frame

__all__ = ["Actor", "Prop", "Scene", "Truth"]

_LEVELS = (8, 4, 2, 1)
_REACH = 3.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Truth(Rows):
    """What is on one frame: one row per object of which anything lies inside the image.

    ``id`` counts from 1 and stands for one object through the whole scene. ``xyxy`` is the box
    of the whole figure, as if nothing hid it, and may reach beyond the image. ``visibility`` is
    the share of the figure's own pixels that the image shows: 0 behind something, else up to 1.
    """

    id: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]
    class_id: Int64[np.ndarray, " n"]
    visibility: Float32[np.ndarray, " n"]

    def __post_init__(self) -> None:
        Rows.__post_init__(self)
        self._coerce(id=np.int64, xyxy=np.float32, class_id=np.int64, visibility=np.float32)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Actor:
    """Something that moves and has an identity.

    ``stride`` is the metres per turn of its limbs or wheels; ``nearer`` puts it in front of what
    stands on the same ground.
    """

    id: int
    figure: Figure
    path: Path
    stride: float
    nearer: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Prop:
    """Something that stands still and only hides what is behind it."""

    figure: Figure
    x: float
    y: float


class Scene:
    """A rendered video with exact ground truth; frames come in any order, each time the same.

    It is a source of frames too: a context manager, an iterable of ``Frame``, with ``name``,
    ``frame_rate``, ``size`` (width, height) and ``length``. Build one with ``street``.
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
        self._sprites: dict[tuple[Figure, Pose, int], Sprite] = {}
        self._truths: dict[int, Truth] = {}

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Frame]:
        return (self.frame(index) for index in range(self.length))

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing to release; the scene stays usable."""

    def frame(self, index: int) -> Frame:
        """The frame at ``index``, counted from 0; raises ``IndexError`` beyond the scene."""
        image, _ = self._render(self._checked(index))
        return Frame(image=image, index=index, timestamp=index / self.frame_rate)

    def truth(self, index: int) -> Truth:
        """What is on the frame at ``index``; raises ``IndexError`` beyond the scene."""
        index = self._checked(index)
        if index not in self._truths:
            self._render(index)
        return self._truths[index]

    def id_map(self, index: int) -> UInt16[np.ndarray, "height width"]:
        """The id of the object that each pixel of a frame shows, 0 where it shows none."""
        return self._render(self._checked(index))[1]

    def only(self, ids: Collection[int]) -> "Scene":
        """The same scene with these objects alone, and nothing that could hide them."""
        return Scene(
            name=self.name,
            size=self.size,
            frame_rate=self.frame_rate,
            panorama=self._panorama,
            camera=self._camera,
            actors=[actor for actor in self.actors if actor.id in ids],
            props=[],
        )

    def _checked(self, index: int) -> int:
        index = operator.index(index)
        if not 0 <= index < self.length:
            raise IndexError(f"frame {index} of a scene of {self.length} frames")
        return index

    def _render(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        width, height = self.size
        shift = np.array([self._camera.x[index], self._camera.y[index]]) * self._unit
        view = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        image = cv2.warpAffine(
            self._panorama, view, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        ids = np.zeros((height, width), np.uint16)
        placed = list(self._placements(index, shift))
        inside = {p.id: paint(p, image, ids) for p in sorted(placed, key=lambda p: p.depth)}
        shown = [p for p in placed if p.id and inside[p.id]]
        self._truths.setdefault(index, _truth(shown, ids))
        return image, ids

    def _placements(self, index: int, shift: np.ndarray) -> Iterator[Placed]:
        """Whatever may be in view on a frame that starts at ``shift`` in the panorama."""
        for prop in self._props:
            ground = np.multiply((prop.x, prop.y), self._unit) - shift
            if self._in_reach(ground, prop.y):
                yield self._placed(prop.figure, Pose(), ground, prop.y)
        for actor in self.actors:
            path, figure = actor.path, actor.figure
            x, y = float(path.x[index]), float(path.y[index])
            ground = np.multiply((x, y), self._unit) - shift
            if self._in_reach(ground, y):
                turn = float(path.metres[index]) / actor.stride
                yaw, swing = float(path.yaw[index]), float(path.swing[index])
                pose = Pose.nearest(turn, yaw, swing, figure.symmetry)
                yield self._placed(figure, pose, ground, y, actor.id, actor.nearer)

    def _in_reach(self, ground: np.ndarray, depth: float) -> bool:
        reach = _REACH * metres_to_units(depth) * self._unit
        return bool(-reach < ground[0] < self.size[0] + reach)

    def _placed(
        self,
        figure: Figure,
        pose: Pose,
        ground: np.ndarray,
        depth: float,
        identity: int = 0,
        nearer: float = 0.0,
    ) -> Placed:
        """A figure standing on ``ground``, in pixels of the image; a prop only as far as seen."""
        scale = metres_to_units(depth) * self._unit
        sprite = self._sprite(figure, pose, scale)
        zoom = scale / sprite.scale
        origin = ground - np.multiply(sprite.anchor, zoom)
        height, width = sprite.pixels.shape[:2]
        corner = np.floor(origin).astype(int) - 1
        far = np.ceil(origin + np.multiply((width, height), zoom)).astype(int) + 1
        if not identity:
            corner, far = np.clip(corner, 0, self.size), np.clip(far, 0, self.size)
        return Placed(
            id=identity,
            class_id=figure.class_id,
            depth=depth + nearer,
            patch=zoomed(sprite.pixels, zoom, corner - origin, far - corner),
            left=int(corner[0]),
            top=int(corner[1]),
            xyxy=np.multiply(sprite.extent, zoom) + np.concatenate([origin, origin]),
        )

    def _sprite(self, figure: Figure, pose: Pose, scale: float) -> Sprite:
        """The figure in a pose, drawn at least as large as it is needed, or as large as it goes."""
        level = next((n for n in _LEVELS if 0.95 * n * scale <= PIXELS_PER_METRE), 1)
        key = (figure, pose, level)
        if key not in self._sprites:
            whole = figure.draw(pose)
            self._sprites[key] = whole.reduced(level) if level > 1 else whole
        return self._sprites[key]


def _truth(shown: list[Placed], ids: np.ndarray) -> Truth:
    visibility = []
    for placed in shown:
        own = int(np.count_nonzero(placed.patch[..., 3] >= SOLID))
        top, left = max(placed.top, 0), max(placed.left, 0)
        bottom, right = placed.top + len(placed.patch), placed.left + placed.patch.shape[1]
        seen = int(np.count_nonzero(ids[top:bottom, left:right] == placed.id))
        visibility.append(seen / own)
    return Truth(
        id=np.array([p.id for p in shown], np.int64),
        xyxy=np.array([p.xyxy for p in shown], np.float32).reshape(-1, 4),
        class_id=np.array([p.class_id for p in shown], np.int64),
        visibility=np.array(visibility, np.float32),
    )
