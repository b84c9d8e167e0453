"""Pictures of our own: a cut-out over a background, look-alikes beside it, things before it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8

from mvot_pipelines.training.augment import Item, View, bent
from mvot_pipelines.training.draw import Draw, picked, some_cast
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.pasting import Layer, blend, hidden_share, layer, relit
from mvot_plugin.ops.warping import warped

__all__ = ["Ground", "grounds", "pasted"]

SAME_GROUND, LOOKALIKE, OCCLUDER = 0.5, 0.3, 0.3
MOST_HIDDEN = 0.6
BLURRED = 0.15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Ground:
    """A picture to paste over, and the affine map of its points to those of an image."""

    picture: UInt8[np.ndarray, "_ _ 3"]
    matrix: Float64[np.ndarray, "2 3"]


def grounds(
    library: Library, rng: np.random.Generator, views: tuple[View, View]
) -> tuple[Ground, Ground]:
    """What is behind the objects: the same place, from where a camera has moved to, or another."""
    after = _ground(library, rng, views[1].size)
    if rng.random() >= SAME_GROUND:
        return _ground(library, rng, views[0].size), after
    ratio = float(np.sqrt(np.prod(_extent(views[0].box)) / np.prod(_extent(views[1].box))))
    linear = after.matrix[:, :2] * ratio * np.exp(rng.uniform(-0.1, 0.1))
    place = np.linalg.solve(after.matrix[:, :2], _centre(views[1].box) - after.matrix[:, 2])
    moved = _centre(views[0].box) + rng.uniform(-0.2, 0.2, 2) * views[0].size
    matrix = np.hstack([linear, (moved - linear @ place)[:, None]])
    return Ground(picture=after.picture, matrix=matrix), after


def _extent(box: np.ndarray) -> np.ndarray:
    return np.asarray(box[2:] - box[:2])


def _centre(box: np.ndarray) -> np.ndarray:
    return np.asarray((box[:2] + box[2:]) / 2)


def _ground(library: Library, rng: np.random.Generator, size: int) -> Ground:
    sources = [*library.backgrounds, *(clip.frames for clip in library.clips)]
    known = len(library.backgrounds)
    if known and (known == len(sources) or rng.random() < 0.7):
        sources = sources[:known]
    else:
        sources = sources[known:]
    pictures = picked(rng, sources)
    picture = pictures[int(rng.integers(len(pictures)))]
    extent = np.array([picture.shape[1], picture.shape[0]], np.float64)
    zoom = max(size / extent.min(), float(rng.uniform(0.4, 1.4)))
    room = np.maximum(extent - size / zoom, 0) / 2
    linear = zoom * bent(rng, angle=3.0, shear=0.0, flip=bool(rng.random() < 0.5))
    at = extent / 2 + rng.uniform(-1, 1, 2) * room
    return Ground(picture=picture, matrix=np.hstack([linear, (size / 2 - linear @ at)[:, None]]))


def pasted(
    library: Library,
    rng: np.random.Generator,
    ground: Ground,
    view: View,
    item: Item,
    draw: Draw,
    *,
    clutter: float,
) -> UInt8[np.ndarray, "_ _ 3"]:
    """The image of a view of a cut-out; ``clutter`` scales how often others are near it."""
    image = warped(ground.picture, ground.matrix, (view.size, view.size))
    if rng.random() < clutter * LOOKALIKE and (other := _lookalike(library, rng, view, draw)):
        blend(image, relit(rng, other, blur=0.0))
    main = layer(item, view.matrix, view.size, draw.texture)
    if main is None:
        return image
    blend(image, relit(rng, main, blur=BLURRED))
    if rng.random() < clutter * OCCLUDER:
        thing = some_cast(library, rng)
        reach = _extent(view.box) * rng.uniform(0.2, 0.6, 2) * rng.choice([-1, 1], 2)
        stuck = _placed(rng, thing.item(0), view, reach, float(rng.uniform(0.4, 1.1)), None)
        if stuck is not None and hidden_share(main, stuck) <= MOST_HIDDEN:
            blend(image, relit(rng, stuck, blur=0.0))
    return image


def _lookalike(library: Library, rng: np.random.Generator, view: View, draw: Draw) -> Layer | None:
    """The same cut-out again, or one of its category, beside the object."""
    cast = draw.cast or some_cast(library, rng)
    if rng.random() < 0.7:
        kin = [c for found in library.casts.values() if cast in found for c in found]
        kin = [c for c in kin if c.category == cast.category and c is not cast]
        cast = picked(rng, kin) if kin else some_cast(library, rng)
    item = cast.item(int(rng.integers(cast.count)))
    away = rng.uniform(0.8, 1.6) * float(rng.choice([-1, 1]))
    reach = _extent(view.box) * (away, rng.uniform(-0.4, 0.4))
    if rng.random() < 0.2:
        reach = _extent(view.box) * (rng.uniform(-0.4, 0.4), away)
    return _placed(rng, item, view, reach, float(np.exp(rng.uniform(-0.3, 0.2))), draw.texture)


def _placed(
    rng: np.random.Generator,
    item: Item,
    view: View,
    reach: Float64[np.ndarray, " 2"],
    scale: float,
    texture: np.ndarray | None,
) -> Layer | None:
    """A cut-out as large as the view's object times ``scale``, ``reach`` away from its centre."""
    ratio = np.sqrt(np.prod(_extent(view.box)) / np.prod(_extent(item.box)))
    linear = scale * ratio * bent(rng, angle=8.0, shear=0.05, flip=bool(rng.random() < 0.5))
    moved = _centre(view.box) + reach - linear @ _centre(item.box)
    return layer(item, np.hstack([linear, moved[:, None]]), view.size, texture)
