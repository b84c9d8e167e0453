"""Videos with the ground truth of their objects, filmed or rendered."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt8

from mvot_pipelines.sources import open_source
from mvot_plugin.errors import InputError
from mvot_plugin.ops.boxes import area, inside_fraction, intersection
from mvot_plugin.types import XYXY
from mvot_synthetic import Scene, street
from mvot_training.data.ground_truth import read_ignored, read_objects
from mvot_training.data.image_store import ImageStore, limit_size
from mvot_training.pairs.augmentation import ObjectImage

__all__ = [
    "AnnotatedVideo",
    "find_masks",
    "read_annotated_video",
    "read_clip",
    "read_masks",
    "render_annotated_video",
]

STREET_SIZE, STREET_FRAMES, STREET_FRAME_RATE = (640, 480), 60, 8.0
"""Rendered videos: width and height in pixels, frames, and frames per second."""
MIN_VISIBILITY = 0.5
"""The visible share of an object from which on pairs are sampled from it."""
MAX_HIDDEN_VISIBILITY = 0.15
"""The visible share of an object up to which it counts as hidden."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AnnotatedVideo:
    """A video and its ground truth, one row per object and frame; ``frame`` counts from 0."""

    name: str
    frames: ImageStore
    frame: Int64[np.ndarray, " n"]
    id: Int64[np.ndarray, " n"]
    xyxy: Float32[XYXY, " n"]
    visibility: Float32[np.ndarray, " n"]
    """About the share of the object that is neither hidden nor outside the frame."""
    masks: ImageStore | None = None
    """The masks of the first frames, 255 where the video's one object is, else 0."""
    ignored: Mapping[int, Float32[XYXY, " _"]] = field(default_factory=dict)
    """Boxes that are annotated, but to be ignored, by frame."""

    @cached_property
    def object_rows(self) -> tuple[Int64[np.ndarray, " rows"], ...]:
        """The rows of each object that is visible in two or more, by frame."""
        order = np.lexsort((self.frame, self.id))
        order = order[self.visibility[order] >= MIN_VISIBILITY]
        cuts = np.flatnonzero(np.diff(self.id[order])) + 1
        return tuple(rows for rows in np.split(order, cuts) if len(rows) > 1)

    def hidden_rows(self, identity: int) -> Int64[np.ndarray, " rows"]:
        """The rows of an object in which hardly anything of it is seen."""
        return np.flatnonzero((self.id == identity) & (self.visibility <= MAX_HIDDEN_VISIBILITY))

    def object_image(self, row: int) -> ObjectImage:
        """The object of a row in its frame."""
        frame = int(self.frame[row])
        masks = self.masks if self.masks is not None and frame < len(self.masks) else None
        return ObjectImage(
            image=self.frames[frame],
            box=self.xyxy[row].astype(np.float64),
            mask=None if masks is None else masks[frame],
        )

    def annotated_boxes(self, frame: int) -> Float32[XYXY, " n"]:
        """All boxes that are annotated in a frame, also those that are to be ignored."""
        boxes = np.asarray(self.xyxy[self.frame == frame])
        ignored = self.ignored.get(frame)
        return boxes if ignored is None else np.concatenate([boxes, ignored])

    def find_box(self, identity: int, frame: int) -> Float32[XYXY, " n"]:
        """The box of an object in a frame: one, or none."""
        return np.asarray(self.xyxy[(self.id == identity) & (self.frame == frame)])


def read_annotated_video(folder: Path, stem: Path | None) -> AnnotatedVideo:
    """Read a sequence folder with its ground truth; the frames are cached at ``stem``.

    If it has one object and ``mask/``, the masks are read, too, and cached next to the frames.
    """
    with open_source(folder) as source:
        frames = ImageStore.load_or_create(
            stem, lambda: (limit_size(frame.image) for frame in source)
        )
        factor = frames[0].shape[1] / source.size[0]
    rows = read_objects(folder, frames=len(frames))
    xyxy = rows.xyxy * np.float32(factor)
    ignored = read_ignored(folder)
    height, width = frames[0].shape[:2]
    visibility = _estimate_visibility(rows.frame, xyxy, (width, height))
    return AnnotatedVideo(
        name=folder.name,
        frames=frames,
        frame=rows.frame,
        id=rows.id,
        xyxy=xyxy,
        visibility=np.minimum(rows.visibility, visibility),
        ignored={
            int(number): ignored.xyxy[ignored.frame == number] * np.float32(factor)
            for number in np.unique(ignored.frame)
        },
        masks=_store_masks(folder, frames, stem) if len(set(rows.id.tolist())) == 1 else None,
    )


def find_masks(folder: Path) -> list[Path]:
    """The masks of a sequence folder in ``mask/``, one for each of its first frames; or none."""
    return sorted((folder / "mask").glob("*.png"))


def read_masks(paths: Sequence[Path], frames: ImageStore) -> Iterator[UInt8[np.ndarray, "_ _ 1"]]:
    """Read masks at the size of their frames: 255 where a pixel is not 0, else 0.

    Raises ``InputError`` if one cannot be read.
    """
    for frame, path in zip(frames, paths, strict=False):
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise InputError(f"{path} cannot be read")
        size = frame.shape[1], frame.shape[0]
        mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        yield np.where(mask > 0, 255, 0).astype(np.uint8)[..., None]


def _store_masks(folder: Path, frames: ImageStore, stem: Path | None) -> ImageStore | None:
    if not (paths := find_masks(folder)):
        return None
    return ImageStore.load_or_create(
        None if stem is None else stem.with_name(f"{stem.name}.masks"),
        lambda: read_masks(paths, frames),
    )


def read_clip(path: Path, stem: Path | None) -> ImageStore:
    """Read the frames of a video file without annotations; they are cached at ``stem``."""

    def decode() -> Iterator[np.ndarray]:
        with open_source(path) as source:
            yield from (limit_size(frame.image) for frame in source)

    return ImageStore.load_or_create(stem, decode)


def _estimate_visibility(frame: np.ndarray, xyxy: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The share of each box that is inside the image and not behind the box that hides most of it.

    Of two boxes, the one that ends lower in the image is taken to be in front.
    """
    visible = inside_fraction(xyxy, size).astype(np.float32)
    for number in np.unique(frame):
        on_frame = np.flatnonzero(frame == number)
        boxes = xyxy[on_frame]
        front = boxes[None, :, 3] > boxes[:, None, 3]
        hidden = (intersection(boxes, boxes) * front).max(1) / area(boxes)
        visible[on_frame] = np.minimum(visible[on_frame], 1 - hidden)
    return visible


def render_annotated_video(seed: int, stem: Path | None) -> AnnotatedVideo:
    """Render a synthetic street scene; its frames and ground truth are cached at ``stem``."""
    size, frame_rate = STREET_SIZE, STREET_FRAME_RATE
    scene = street(seed, size=size, frames=STREET_FRAMES, frame_rate=frame_rate, walkers=12)
    path = None if stem is None else stem.with_name(f"{stem.name}.truth.npy")
    frames = ImageStore.load_or_create(stem, lambda: (frame.image for frame in scene))
    if path is not None and path.is_file():
        rows = np.load(path)
    else:
        rows = _tabulate_ground_truth(scene)
        if path is not None:
            np.save(path, rows)
    return AnnotatedVideo(
        name=f"street-{seed}",
        frames=frames,
        frame=rows[:, 0].astype(np.int64),
        id=rows[:, 1].astype(np.int64),
        xyxy=rows[:, 2:6].astype(np.float32),
        visibility=rows[:, 6].astype(np.float32),
    )


def _tabulate_ground_truth(scene: Scene) -> Float64[np.ndarray, "n 7"]:
    """A table of frame, id, box and visibility of all objects of a scene."""
    parts = []
    for index in range(len(scene)):
        rows = scene.ground_truth(index)
        frame = np.full(len(rows), index)
        parts.append(np.column_stack([frame, rows.id, rows.xyxy, rows.visibility]))
    return np.concatenate(parts).astype(np.float64)
