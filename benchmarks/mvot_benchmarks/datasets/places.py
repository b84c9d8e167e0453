"""Where the frames of a sequence are: a folder of images, or a video in its place."""

from pathlib import Path

from mvot_pipelines.capture import is_image, list_images
from mvot_plugin.errors import InputError

__all__ = ["frames_in", "image_count", "name_of"]

_VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})


def frames_in(folder: Path, images: str) -> Path:
    """The folder ``images`` in a folder, or without one the only video beside the annotations.

    Raises ``InputError`` if there are neither, or several videos.
    """
    where = folder / images
    if where.is_dir() and any(is_image(path) for path in where.iterdir()):
        return where
    videos = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _VIDEOS]
    if len(videos) != 1:
        found = f"{len(videos)} videos" if videos else "no video"
        raise InputError(
            f"{where} holds no images and {folder} {found}: put the frames into the one, or one "
            "video of them into the other"
        )
    return videos[0]


def image_count(frames: Path) -> int | None:
    """How many images a folder holds; None for a video."""
    return len(list_images(frames)) if frames.is_dir() else None


def name_of(place: Path) -> str:
    """A sequence's name by its folder or video."""
    return place.resolve().stem if place.is_file() else place.resolve().name
