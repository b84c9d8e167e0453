"""Folders with training data: how they are found, and what kind of data each holds."""

from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path

from mvot_plugin.errors import InputError

__all__ = ["DataKind", "find_data", "identify_data"]


class DataKind(Enum):
    """What a folder, or an archive, holds."""

    SEQUENCE = auto()
    """``seqinfo.ini``, frames, and ground truth in ``gt/gt.txt`` (MOTChallenge)."""
    ANNOTATED_PHOTOS = auto()
    """``instances.json`` and ``images/`` (COCO)."""
    PHOTOS = auto()
    """``*.jpg`` without annotations."""
    TINY_IMAGENET = auto()
    """The archive of Tiny ImageNet, ``tiny*.tar.gz``."""
    CLIP = auto()
    """A video file without annotations, ``*.mp4``."""


def find_data(root: Path) -> Iterator[Path]:
    """A folder, the folders right below it, and the archives and clips there, by name.

    Raises ``InputError`` if it is not a folder.
    """
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; give folders of sequences or photos")
    yield root
    files = ("tiny*.tar.gz", "*.mp4")
    is_clips = not (root / "seqinfo.ini").is_file()
    below = (
        path
        for path in root.iterdir()
        if path.is_dir() or (is_clips and any(map(path.match, files)))
    )
    yield from sorted(below)


def identify_data(path: Path) -> DataKind | None:
    """The kind of data in a folder or archive; None if it holds none."""
    if path.suffix == ".gz":
        return DataKind.TINY_IMAGENET
    if path.suffix == ".mp4":
        return DataKind.CLIP
    if (path / "seqinfo.ini").is_file():
        return DataKind.SEQUENCE
    if (path / "instances.json").is_file():
        return DataKind.ANNOTATED_PHOTOS
    return DataKind.PHOTOS if any(path.glob("*.jpg")) else None
