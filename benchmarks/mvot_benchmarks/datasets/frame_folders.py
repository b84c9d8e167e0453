"""Location of a sequence's frames: a folder of images, or a video in its place."""

from pathlib import Path

from mvot_pipelines.sources.files import is_image, list_images
from mvot_plugin.errors import InputError

__all__ = ["count_images", "find_frames", "sequence_name"]

_VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"})


def find_frames(folder: Path, images: str) -> Path:
    """Find the frames of a sequence: the subfolder ``images``, else the only video in ``folder``.

    Raises ``InputError`` if there are neither, or several videos.
    """
    image_folder = folder / images
    if image_folder.is_dir() and any(is_image(path) for path in image_folder.iterdir()):
        return image_folder
    videos = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in _VIDEO_SUFFIXES]
    if len(videos) != 1:
        count = f"{len(videos)} videos" if videos else "no video"
        raise InputError(
            f"{image_folder} holds no images and {folder} {count}: put the frames into the former, "
            "or one video of them into the latter"
        )
    return videos[0]


def count_images(frames: Path) -> int | None:
    """The number of images in a folder; None for a video."""
    return len(list_images(frames)) if frames.is_dir() else None


def sequence_name(path: Path) -> str:
    """The name of a sequence: that of its folder, or of its video without the suffix."""
    return path.resolve().stem if path.is_file() else path.resolve().name
