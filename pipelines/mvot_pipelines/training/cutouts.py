"""Objects cut out of their pictures, ready to be pasted: premultiplied BGRA."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from mvot_pipelines.training.augment import Item
from mvot_pipelines.training.clips import Clip
from mvot_pipelines.training.pictures import Pictures
from mvot_pipelines.training.stills import Stills
from mvot_plugin.errors import InputError

__all__ = ["Cast", "casts_of_clip", "casts_of_stills", "cut", "single_casts"]

LONGEST_CUTOUT = 256
SMALLEST_CUTOUT = 20
SOLID = 128


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cast:
    """One object: ``count`` of the ``cutouts``, from ``first`` on, show it.

    ``category`` tells kinds of object apart within one origin, and ``place`` the clip or photo
    that it was cut out of.
    """

    cutouts: Pictures
    first: int
    place: str
    count: int = 1
    category: int = -1

    def item(self, number: int) -> Item:
        """One of its pictures, with its outline."""
        return whole(self.cutouts[self.first + number])


def whole(cutout: UInt8[np.ndarray, "_ _ 4"]) -> Item:
    """A cut-out with the hull and the box of its solid pixels."""
    solid = (cutout[..., 3] >= SOLID).astype(np.uint8)
    parts, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    pixels = cv2.convexHull(np.concatenate(parts))[:, 0].astype(np.float64)
    pixel = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    corners = (pixels[:, None] + pixel).reshape(-1, 2)
    box = np.concatenate([corners.min(0), corners.max(0)])
    return Item(picture=cutout, box=box, outline=corners)


def cut(
    image: UInt8[np.ndarray, "h w 3"], mask: UInt8[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "_ _ 4"] | None:
    """What lies under a mask (0 or 255), with soft edges; None where that is next to nothing."""
    x, y, width, height = cv2.boundingRect(mask)
    if max(width, height) < SMALLEST_CUTOUT or min(width, height) < SMALLEST_CUTOUT / 4:
        return None
    x0, y0 = max(0, x - 2), max(0, y - 2)
    window = np.s_[y0 : y + height + 2, x0 : x + width + 2]
    alpha = cv2.blur(mask[window], (3, 3))
    colour = cv2.multiply(image[window], cv2.merge([alpha] * 3), scale=1 / 255)
    cutout = cv2.merge([*cv2.split(colour), alpha])
    factor = LONGEST_CUTOUT / max(cutout.shape[:2])
    if factor < 1:
        cutout = cv2.resize(cutout, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    solid = np.count_nonzero(cutout[..., 3] >= SOLID)
    return np.asarray(cutout) if solid >= SMALLEST_CUTOUT**2 / 4 else None


def casts_of_clip(folder: Path, clip: Clip, stem: Path | None) -> list[Cast]:
    """The one object of a clip with a mask for each frame, if there are masks."""
    masks = sorted((folder / "mask").glob("*.png"))
    if not masks:
        return []
    cutouts = Pictures.kept(
        None if stem is None else stem.with_name(f"{stem.name}.cutouts"),
        lambda: _under_masks(clip.frames, masks),
    )
    return (
        [Cast(cutouts=cutouts, first=0, count=len(cutouts), place=clip.name)]
        if len(cutouts)
        else []
    )


def _under_masks(frames: Pictures, masks: list[Path]) -> Iterator[np.ndarray]:
    for frame, path in zip(frames, masks, strict=False):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise InputError(f"{path} cannot be read")
        size = frame.shape[1], frame.shape[0]
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        cutout = cut(frame, np.where(mask > 0, 255, 0).astype(np.uint8))
        if cutout is not None:
            yield cutout


def casts_of_stills(stills: Stills) -> list[Cast]:
    """Every object of annotated photos."""
    made: list[np.ndarray] = []
    kinds: list[tuple[int, str]] = []
    for row, parts in enumerate(stills.polygons):
        photo = stills.photos[int(stills.photo[row])]
        mask = np.zeros(photo.shape[:2], np.uint8)
        shapes = [np.round(16 * (part - 0.5)).astype(np.int32) for part in parts]
        cv2.fillPoly(mask, shapes, 255, cv2.LINE_8, 4)
        if (cutout := cut(photo, mask)) is not None:
            made.append(cutout)
            kinds.append((int(stills.category[row]), stills.place(row)))
    return single_casts(Pictures.of(made), kinds)


def single_casts(cutouts: Pictures, kinds: Sequence[tuple[int, str]]) -> list[Cast]:
    """Each cut-out as an object of its own, of a category and from a place."""
    return [
        Cast(cutouts=cutouts, first=number, category=category, place=place)
        for number, (category, place) in enumerate(kinds)
    ]
