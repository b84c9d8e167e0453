"""All the training material, decoded once: clips, annotated photos, cut-outs, backgrounds."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from mvot_pipelines.training.clips import Clip, read_clip, render_clip
from mvot_pipelines.training.cutouts import Cast, casts_of_clip, casts_of_stills
from mvot_pipelines.training.pictures import Pictures
from mvot_pipelines.training.segments import casts_of_photos, casts_of_tiles
from mvot_pipelines.training.stills import Stills, read_photos, read_stills
from mvot_plugin.errors import InputError

__all__ = ["Library", "places"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Library:
    """What pairs are drawn from.

    ``streets`` are clips that were rendered, not filmed; ``casts`` are objects to paste, by what
    they were cut out of; ``backgrounds`` are pictures to paste them over.
    """

    clips: tuple[Clip, ...] = ()
    streets: tuple[Clip, ...] = ()
    stills: tuple[Stills, ...] = ()
    casts: dict[str, tuple[Cast, ...]] = field(default_factory=dict)
    backgrounds: tuple[Pictures, ...] = ()

    @classmethod
    def open(
        cls,
        roots: Sequence[Path],
        *,
        held_out: Collection[str] = (),
        cache: Path | None = None,
        streets: int = 6,
        progress: bool = True,
    ) -> "Library":
        """Read all that lies in ``roots`` or in the folders right below.

        A folder with ``seqinfo.ini`` is a clip (its ``mask/``, if any, gives cut-outs), one with
        ``instances.json`` holds annotated photos, one with mere photos backgrounds (what is in
        their middle is cut out); ``tiny*.tar.gz`` is Tiny ImageNet, which gives cut-outs. What is
        named in ``held_out`` is left out. ``cache`` is a folder that keeps what was decoded: the
        next call only maps it into memory; remove it when the material has changed.
        ``streets`` is how many scenes of our own are rendered in addition.

        Raises ``InputError`` if nothing is found or something cannot be read.
        """
        clips, stills, photos = [], [], []
        casts: dict[str, list[Cast]] = {"clips": [], "stills": [], "photos": [], "tiles": []}
        found = [p for root in roots for p in places(root) if p.name not in held_out]
        for place in tqdm(found, "reading", disable=not progress, leave=False):
            stem = None if cache is None else cache / place.name
            if place.suffix == ".gz":
                casts["tiles"] += casts_of_tiles(place, stem)
            elif (place / "seqinfo.ini").is_file():
                clips.append(read_clip(place, stem))
                casts["clips"] += casts_of_clip(place, clips[-1], stem)
            elif (place / "instances.json").is_file():
                stills.append(read_stills(place, stem))
                casts["stills"] += casts_of_stills(stills[-1])
            elif any(place.glob("*.jpg")):
                photos.append(read_photos(place, stem))
                casts["photos"] += casts_of_photos(photos[-1], stem)
        if not (clips or stills):
            raise InputError(f"no clips and no annotated photos in {', '.join(map(str, roots))}")
        return cls(
            clips=tuple(clips),
            streets=_rendered(streets, cache, progress),
            stills=tuple(stills),
            casts={origin: tuple(found) for origin, found in casts.items() if found},
            backgrounds=(*photos, *(each.photos for each in stills)),
        )


def _rendered(count: int, cache: Path | None, progress: bool) -> tuple[Clip, ...]:
    """So many streets of our own."""
    seeds = tqdm(range(count), "rendering", disable=not progress, leave=False)
    stems = (None if cache is None else cache / f"street-{seed}" for seed in seeds)
    return tuple(render_clip(seed, stem) for seed, stem in enumerate(stems))


def places(root: Path) -> Iterator[Path]:
    """A folder, the folders right below it, and the archives of Tiny ImageNet there, by name.

    Raises ``InputError`` if it is no folder.
    """
    if not root.is_dir():
        raise InputError(f"{root} is no folder; give folders of sequences or photos")
    yield root
    below = (path for path in root.iterdir() if path.is_dir() or path.match("tiny*.tar.gz"))
    yield from sorted(below)
