"""All the training data, decoded once: videos, annotated photos, cut-outs, backgrounds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from mvot_plugin.errors import InputError
from mvot_training.data.cutouts import CutoutObject, cut_out_photos, cut_out_video
from mvot_training.data.folders import DataKind, find_data, identify_data
from mvot_training.data.image_store import ImageStore
from mvot_training.data.photos import AnnotatedPhotos, read_annotated_photos, read_photos
from mvot_training.data.segmentation import segment_photos, segment_tiny_imagenet
from mvot_training.data.sequences import (
    AnnotatedVideo,
    read_annotated_video,
    read_clip,
    render_annotated_video,
)

__all__ = ["TrainingData"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What pairs are sampled from."""

    videos: tuple[AnnotatedVideo, ...] = ()
    synthetic: tuple[AnnotatedVideo, ...] = ()
    """Rendered videos of synthetic street scenes."""
    photos: tuple[AnnotatedPhotos, ...] = ()
    cutouts: dict[str, tuple[CutoutObject, ...]] = field(default_factory=dict)
    """Objects to paste, by the kind of data that they were cut out of."""
    backgrounds: tuple[ImageStore, ...] = ()
    """Photos to paste objects over."""
    clips: tuple[ImageStore, ...] = ()
    """The frames of videos without annotations."""

    @classmethod
    def read(
        cls,
        roots: Sequence[Path],
        *,
        held_out: Collection[str] = (),
        cache: Path | None = None,
        synthetic_scenes: int = 6,
        progress: bool = True,
    ) -> "TrainingData":
        """Read all data in ``roots`` and in the folders right below them.

        A sequence folder gives a video, and masks and cut-outs if it has ``mask/``; annotated
        photos give cut-outs and backgrounds; other photos give backgrounds, and cut-outs of the
        objects in their middle; Tiny ImageNet gives cut-outs; a video file gives its frames.

        Args:
            roots: Folders of sequences and photos.
            held_out: Names of the folders that are left out.
            cache: A folder for the decoded images, which the next call only maps into memory.
                Remove it when the data has changed.
            synthetic_scenes: How many street scenes are rendered in addition.
            progress: Whether progress bars are shown.

        Raises:
            InputError: There is no data, or something cannot be read.
        """
        reader = _Reader()
        paths = [p for root in roots for p in find_data(root) if p.name not in held_out]
        for path in tqdm(paths, "reading", disable=not progress, leave=False):
            reader.read(path, None if cache is None else cache / path.name)
        if not (reader.videos or reader.annotated):
            names = ", ".join(map(str, roots))
            raise InputError(f"no sequences and no annotated photos in {names}")
        return cls(
            videos=tuple(reader.videos),
            synthetic=_render_scenes(synthetic_scenes, cache, progress),
            photos=tuple(reader.annotated),
            cutouts={kind: tuple(objects) for kind, objects in reader.cutouts.items() if objects},
            backgrounds=(*reader.photos, *(each.images for each in reader.annotated)),
            clips=tuple(reader.clips),
        )


def _empty_cutouts() -> dict[str, list[CutoutObject]]:
    return {kind: [] for kind in ("videos", "annotated photos", "photos", "Tiny ImageNet")}


@dataclass(kw_only=True, eq=False)
class _Reader:
    """Reads one folder after another; the fields are what has been read so far."""

    videos: list[AnnotatedVideo] = field(default_factory=list)
    annotated: list[AnnotatedPhotos] = field(default_factory=list)
    photos: list[ImageStore] = field(default_factory=list)
    cutouts: dict[str, list[CutoutObject]] = field(default_factory=_empty_cutouts)
    clips: list[ImageStore] = field(default_factory=list)

    def read(self, path: Path, stem: Path | None) -> None:
        """Read a folder or archive and add its images and cut-outs, cached at ``stem``."""
        match identify_data(path):
            case DataKind.TINY_IMAGENET:
                self.cutouts["Tiny ImageNet"] += segment_tiny_imagenet(path, stem)
            case DataKind.SEQUENCE:
                self.videos.append(read_annotated_video(path, stem))
                self.cutouts["videos"] += cut_out_video(path, self.videos[-1], stem)
            case DataKind.ANNOTATED_PHOTOS:
                self.annotated.append(read_annotated_photos(path, stem))
                self.cutouts["annotated photos"] += cut_out_photos(self.annotated[-1])
            case DataKind.PHOTOS:
                self.photos.append(read_photos(path, stem))
                self.cutouts["photos"] += segment_photos(self.photos[-1], stem)
            case DataKind.CLIP:
                self.clips.append(read_clip(path, stem))


def _render_scenes(count: int, cache: Path | None, progress: bool) -> tuple[AnnotatedVideo, ...]:
    seeds = tqdm(range(count), "rendering", disable=not progress, leave=False)
    stems = (None if cache is None else cache / f"street-{seed}" for seed in seeds)
    return tuple(render_annotated_video(seed, stem) for seed, stem in enumerate(stems))
