"""The images that a backbone is distilled on: photos, frames, and labelled tiles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from mvot_plugin.errors import InputError
from mvot_training.data.folders import DataKind, find_data, identify_data
from mvot_training.data.image_store import ImageStore
from mvot_training.data.photos import read_annotated_photos, read_photos
from mvot_training.data.sequences import read_annotated_video
from mvot_training.data.tiny_imagenet import LabelledTiles, read_tiny_imagenet

__all__ = ["DistillationImages", "read_distillation_images"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DistillationImages:
    """Images (BGR) to take crops from."""

    photos: tuple[UInt8[np.ndarray, "_ _ 3"], ...] = ()
    """Photos of any size."""
    videos: tuple[ImageStore, ...] = ()
    """The frames of each video."""
    tiles: LabelledTiles = field(default_factory=LabelledTiles)
    """Tiny ImageNet's photos, with their class names."""

    def __add__(self, other: "DistillationImages") -> "DistillationImages":
        return DistillationImages(
            photos=self.photos + other.photos,
            videos=self.videos + other.videos,
            tiles=self.tiles + other.tiles,
        )

    @property
    def counts(self) -> dict[str, int]:
        """The number of images of each kind."""
        frames = sum(map(len, self.videos))
        return {"photos": len(self.photos), "frames": frames, "tiles": len(self.tiles.images)}


def read_distillation_images(
    roots: Sequence[Path],
    *,
    held_out: Collection[str],
    hold_out_every: int,
    cache: Path | None = None,
) -> tuple[DistillationImages, DistillationImages]:
    """Read all images in ``roots`` and right below: those to train on, and those held out.

    Held out are the sequences named in ``held_out``, every ``hold_out_every``-th photo, and Tiny
    ImageNet's own validation photos; photo folders that are named are left out. ``cache`` is a
    folder for the decoded images, as for ``TrainingData.read``.

    Raises ``InputError`` if there are no images to train on, or something cannot be read.
    """
    training, validation = DistillationImages(), DistillationImages()
    paths = [path for root in roots for path in find_data(root)]
    for path in tqdm(paths, "reading", leave=False):
        stem = None if cache is None else cache / path.name
        parts = _read_path(path, stem, held_out=path.name in held_out)
        training, validation = training + parts[0], validation + parts[1]
    photos = list(training.photos)
    held_out_photos = photos[hold_out_every - 1 :: hold_out_every]
    del photos[hold_out_every - 1 :: hold_out_every]
    if not (photos or training.videos):
        raise InputError(f"no photos and no sequences to train on in {', '.join(map(str, roots))}")
    return (
        replace(training, photos=tuple(photos)),
        replace(validation, photos=tuple(held_out_photos)),
    )


def _read_path(
    path: Path, stem: Path | None, *, held_out: bool
) -> tuple[DistillationImages, DistillationImages]:
    """Read the images of a folder or archive: those to train on, and those held out."""
    kind, nothing = identify_data(path), DistillationImages()
    if kind is DataKind.SEQUENCE:
        video = DistillationImages(videos=(read_annotated_video(path, stem).frames,))
        return (nothing, video) if held_out else (video, nothing)
    if held_out:
        return nothing, nothing
    if kind is DataKind.TINY_IMAGENET:
        tiles, held_out_tiles = read_tiny_imagenet(path)
        return DistillationImages(tiles=tiles), DistillationImages(tiles=held_out_tiles)
    if kind is DataKind.ANNOTATED_PHOTOS:
        return DistillationImages(photos=tuple(read_annotated_photos(path, stem).images)), nothing
    if kind is DataKind.PHOTOS:
        return DistillationImages(photos=tuple(read_photos(path, stem))), nothing
    return nothing, nothing
