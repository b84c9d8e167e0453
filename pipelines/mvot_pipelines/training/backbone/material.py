"""What a backbone is taught on: photos, frames, and labelled tiles; and what is held out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from mvot_pipelines.training.backbone.tiles import Tiles, read_tiles
from mvot_pipelines.training.clips import read_clip
from mvot_pipelines.training.library import places
from mvot_pipelines.training.pictures import Pictures
from mvot_pipelines.training.stills import read_photos, read_stills
from mvot_plugin.errors import InputError

__all__ = ["Material", "read_material"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """Pictures (BGR) to take crops from, and tiles; ``clips`` are the frames of a video each."""

    photos: tuple[UInt8[np.ndarray, "_ _ 3"], ...] = ()
    clips: tuple[Pictures, ...] = ()
    tiles: Tiles = field(default_factory=Tiles)

    @property
    def counts(self) -> dict[str, int]:
        """How much there is of each kind."""
        frames = sum(map(len, self.clips))
        return {"photos": len(self.photos), "frames": frames, "tiles": len(self.tiles.images)}


def read_material(
    roots: Sequence[Path],
    *,
    held_out: Collection[str],
    photos_apart: int,
    cache: Path | None = None,
) -> tuple[Material, Material]:
    """All that lies in ``roots`` or in the folders right below: what is learnt, what is held out.

    Held out are the sequences named, every ``photos_apart``-th photo, and Tiny ImageNet's own
    validation photos; photo folders that are named are left out. ``cache`` keeps what was decoded,
    as for ``Library.open``.

    Raises ``InputError`` if there are no pictures to learn, or something cannot be read.
    """
    photos: list[UInt8[np.ndarray, "_ _ 3"]] = []
    clips: list[Pictures] = []
    kept: list[Pictures] = []
    learnt, judged = Tiles(), Tiles()
    found = [place for root in roots for place in places(root)]
    for place in tqdm(found, "reading", leave=False):
        stem = None if cache is None else cache / place.name
        if (place / "seqinfo.ini").is_file():
            (kept if place.name in held_out else clips).append(read_clip(place, stem).frames)
        elif place.name in held_out:
            continue
        elif place.suffix == ".gz":
            train, val = read_tiles(place)
            learnt, judged = learnt + train, judged + val
        elif (place / "instances.json").is_file():
            photos += read_stills(place, stem).photos
        elif any(place.glob("*.jpg")):
            photos += read_photos(place, stem)
    apart = photos[photos_apart - 1 :: photos_apart]
    del photos[photos_apart - 1 :: photos_apart]
    if not (photos or clips):
        raise InputError(f"no photos and no sequences to learn in {', '.join(map(str, roots))}")
    return (
        Material(photos=tuple(photos), clips=tuple(clips), tiles=learnt),
        Material(photos=tuple(apart), clips=tuple(kept), tiles=judged),
    )
