"""The images that a backbone is distilled on: photos, frames, and labelled tiles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
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
    videos: tuple[ImageStore, ...] = ()
    """The frames of each video."""
    tiles: LabelledTiles = field(default_factory=LabelledTiles)
    """Tiny ImageNet's photos, with their class names."""

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
    folder that keeps what was decoded, as for ``TrainingData.read``.

    Raises ``InputError`` if there are no images to train on, or something cannot be read.
    """
    photos: list[UInt8[np.ndarray, "_ _ 3"]] = []
    videos: list[ImageStore] = []
    held_out_videos: list[ImageStore] = []
    tiles, held_out_tiles = LabelledTiles(), LabelledTiles()
    paths = [path for root in roots for path in find_data(root)]
    for path in tqdm(paths, "reading", leave=False):
        stem, kind = None if cache is None else cache / path.name, identify_data(path)
        is_held_out = path.name in held_out
        if kind is DataKind.SEQUENCE:
            part = held_out_videos if is_held_out else videos
            part.append(read_annotated_video(path, stem).frames)
        elif is_held_out:
            continue
        elif kind is DataKind.TINY_IMAGENET:
            train, validation = read_tiny_imagenet(path)
            tiles, held_out_tiles = tiles + train, held_out_tiles + validation
        elif kind is DataKind.ANNOTATED_PHOTOS:
            photos += read_annotated_photos(path, stem).images
        elif kind is DataKind.PHOTOS:
            photos += read_photos(path, stem)
    held_out_photos = photos[hold_out_every - 1 :: hold_out_every]
    del photos[hold_out_every - 1 :: hold_out_every]
    if not (photos or videos):
        raise InputError(f"no photos and no sequences to train on in {', '.join(map(str, roots))}")
    return (
        DistillationImages(photos=tuple(photos), videos=tuple(videos), tiles=tiles),
        DistillationImages(
            photos=tuple(held_out_photos), videos=tuple(held_out_videos), tiles=held_out_tiles
        ),
    )
