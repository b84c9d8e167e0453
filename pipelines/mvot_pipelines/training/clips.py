"""Videos with the boxes of their objects, filmed or rendered."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64

from mvot_pipelines.sources import open_source
from mvot_pipelines.training.augment import Item
from mvot_pipelines.training.pictures import Pictures, reduced
from mvot_plugin.motfile import read_mot
from mvot_plugin.ops.boxes import area, inside_fraction, intersection
from mvot_plugin.synthetic import Scene, street

__all__ = ["Clip", "read_clip", "render_clip"]

STREET_SIZE, STREET_FRAMES, STREET_RATE = (640, 480), 60, 8.0
CLEAR = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A video with its objects: one row per object and frame, ``frame`` from 0.

    ``visibility`` is about how much of the object is neither hidden nor outside the frame.
    """

    name: str
    frames: Pictures
    frame: Int64[np.ndarray, " n"]
    id: Int64[np.ndarray, " n"]
    xyxy: Float32[np.ndarray, "n 4"]
    visibility: Float32[np.ndarray, " n"]

    @cached_property
    def objects(self) -> tuple[Int64[np.ndarray, " rows"], ...]:
        """The rows in which each object is seen clearly, by frame; those of two rows or more."""
        order = np.lexsort((self.frame, self.id))
        order = order[self.visibility[order] >= CLEAR]
        cuts = np.flatnonzero(np.diff(self.id[order])) + 1
        return tuple(rows for rows in np.split(order, cuts) if len(rows) > 1)

    def item(self, row: int) -> Item:
        """The object of a row in its frame."""
        picture = self.frames[int(self.frame[row])]
        return Item(picture=picture, box=self.xyxy[row].astype(np.float64))

    def box_of(self, identity: int, frame: int) -> Float32[np.ndarray, "n 4"]:
        """Where an object is in a frame: one box, or none."""
        return np.asarray(self.xyxy[(self.id == identity) & (self.frame == frame)])


def read_clip(folder: Path, stem: Path | None) -> Clip:
    """A sequence folder with its ground truth; its frames are kept at ``stem``."""
    with open_source(folder) as source:
        frames = Pictures.kept(stem, lambda: (reduced(frame.image) for frame in source))
        factor = frames[0].shape[1] / source.size[0]
    rows = read_mot(folder / "gt" / "gt.txt")
    sane = (rows.xyxy[:, 2:] - rows.xyxy[:, :2] >= 4).all(1) & np.isfinite(rows.xyxy).all(1)
    use = sane & (rows.score > 0) & (rows.frame < len(frames))
    frame, xyxy = rows.frame[use], rows.xyxy[use] * np.float32(factor)
    height, width = frames[0].shape[:2]
    return Clip(
        name=folder.name,
        frames=frames,
        frame=frame,
        id=rows.id[use],
        xyxy=xyxy,
        visibility=np.minimum(rows.visibility[use], _seen(frame, xyxy, (width, height))),
    )


def _seen(frame: np.ndarray, xyxy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How much of each box is inside the image and not behind the one box that hides most.

    Of two boxes, the one that ends lower in the image is taken to be in front.
    """
    seen = inside_fraction(xyxy, size).astype(np.float32)
    for number in np.unique(frame):
        here = np.flatnonzero(frame == number)
        boxes = xyxy[here]
        front = boxes[None, :, 3] > boxes[:, None, 3]
        hidden = (intersection(boxes, boxes) * front).max(1) / area(boxes)
        seen[here] = np.minimum(seen[here], 1 - hidden)
    return seen


def render_clip(seed: int, stem: Path | None) -> Clip:
    """A scene of our own, with the truth of its objects."""
    size, rate = STREET_SIZE, STREET_RATE
    scene = street(seed, size=size, frames=STREET_FRAMES, frame_rate=rate, walkers=12)
    table = None if stem is None else stem.with_name(f"{stem.name}.truth.npy")
    frames = Pictures.kept(stem, lambda: (frame.image for frame in scene))
    if table is not None and table.is_file():
        rows = np.load(table)
    else:
        rows = _truth_table(scene)
        if table is not None:
            np.save(table, rows)
    return Clip(
        name=f"street-{seed}",
        frames=frames,
        frame=rows[:, 0].astype(np.int64),
        id=rows[:, 1].astype(np.int64),
        xyxy=rows[:, 2:6].astype(np.float32),
        visibility=rows[:, 6].astype(np.float32),
    )


def _truth_table(scene: Scene) -> Float64[np.ndarray, "n 7"]:
    """Frame, id, box and visibility of all objects of a scene."""
    truths = [scene.truth(index) for index in range(len(scene))]
    parts = [
        np.column_stack([np.full(len(truth), index), truth.id, truth.xyxy, truth.visibility])
        for index, truth in enumerate(truths)
    ]
    return np.concatenate(parts).astype(np.float64)
