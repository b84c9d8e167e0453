"""Files and folders as sources: what kind they are, images, and descriptions of sequences."""

from mvot_pipelines.sources.files.images import (
    UnreadableImageError,
    is_image,
    list_images,
    read_image,
)
from mvot_pipelines.sources.files.kinds import check_file, check_name, plain_name

__all__ = [
    "UnreadableImageError",
    "check_file",
    "check_name",
    "is_image",
    "list_images",
    "plain_name",
    "read_image",
]
