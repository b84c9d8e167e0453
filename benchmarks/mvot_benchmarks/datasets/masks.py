"""Ground truth from segmentation masks: the bounding boxes of the objects."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from mvot_benchmarks.datasets.frame_folders import sequence_name
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.metrics.ground_truth import GroundTruthRows, IgnoredRegions
from mvot_pipelines.sources.files import list_images
from mvot_plugin.errors import InputError

__all__ = ["boxes_from_masks", "find_davis_masks", "list_numbered_masks", "read_davis"]

_FRAME_RATE = 24.0
_VOID = 255


def read_davis(path: Path) -> Sequence:
    """Read ``JPEGImages/480p/SEQ`` (or a video) with ``Annotations/480p/SEQ/*.png``, at 24 fps.

    DAVIS, Perazzi et al. 2016, Pont-Tuset et al. 2017. A mask belongs to the image of the same
    name; in a video, to the frame of that number, counted from 0.
    """
    masks = _list_masks(find_davis_masks(path))
    if path.is_dir():
        index_by_name = {image.stem: index for index, image in enumerate(list_images(path))}
        for mask in masks:
            if mask.stem not in index_by_name:
                raise InputError(f"{mask} has no image of its name in {path}: copy the image there")
        by_frame = {index_by_name[mask.stem]: mask for mask in masks}
    else:
        by_frame = _index_by_frame(masks, first=0)
    return Sequence(
        name=sequence_name(path),
        frames=path,
        frame_rate=_FRAME_RATE if path.is_dir() else None,
        ground_truth=boxes_from_masks(by_frame),
        regions=IgnoredRegions.empty(),
    )


def find_davis_masks(path: Path) -> Path:
    """The folder of the masks of a sequence in ``JPEGImages/RESOLUTION``."""
    resolution = path.resolve().parent
    return resolution.parents[1] / "Annotations" / resolution.name / sequence_name(path)


def list_numbered_masks(folder: Path) -> dict[int, Path]:
    """The masks ``000001.png``, ``000002.png``, ... of a folder, by frame index from 0."""
    return _index_by_frame(_list_masks(folder), first=1)


def _index_by_frame(masks: list[Path], *, first: int) -> dict[int, Path]:
    for mask in masks:
        if not (mask.stem.isdecimal() and int(mask.stem) >= first):
            raise InputError(f"{mask}: the name must be the number of a frame, from {first} on")
    return {int(mask.stem) - first: mask for mask in masks}


def _list_masks(folder: Path) -> list[Path]:
    masks = sorted(folder.glob("*.png"))
    if not masks:
        raise InputError(f"{folder} holds no masks: it needs a .png for each annotated frame")
    return masks


def boxes_from_masks(masks: Mapping[int, Path]) -> GroundTruthRows:
    """Read masks, by frame index, and enclose each object in a half-open bounding box.

    In a palette image each index but 0 is an object, and 255 is void; in other images all pixels
    that are not black are one object. Raises ``InputError`` for a mask that cannot be read, and
    ``UsageError`` without Pillow.
    """
    rows = [
        (frame, *row) for frame, path in masks.items() for row in _enclosing_boxes(_read_mask(path))
    ]
    table = np.array(rows, np.int64).reshape(-1, 6)
    return GroundTruthRows(
        frame=table[:, 0],
        id=table[:, 1],
        xyxy=table[:, 2:].astype(np.float32),
        class_id=np.full(len(table), -1),
        ignored=np.zeros(len(table), np.bool_),
    )


def _read_mask(path: Path) -> Shaped[np.ndarray, "height width"]:
    """The id of the object that each pixel belongs to, 0 for none."""
    # OpenCV would convert palette indices to colours; ultralytics patches Image.open to install
    # packages on demand, so the PNG reader is called directly
    reader = import_extra("PIL.PngImagePlugin", "masks").PngImageFile
    try:
        with reader(path) as image:
            if image.mode == "P":
                indices = np.asarray(image)
                return np.where(indices == _VOID, 0, indices)
            return np.asarray(image.convert("L")) > 0
    except (OSError, SyntaxError):  # Pillow raises SyntaxError for a file that is not a PNG
        raise InputError(f"{path} cannot be read as a mask; replace or remove it") from None


def _enclosing_boxes(
    mask: Shaped[np.ndarray, "height width"],
) -> list[tuple[int, int, int, int, int]]:
    """Object id, left, top, right and bottom of each object."""
    boxes = []
    for number in np.unique(mask[mask > 0]):
        pixels = mask == number
        columns, rows = np.flatnonzero(pixels.any(0)), np.flatnonzero(pixels.any(1))
        left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        boxes.append((int(number), int(left), int(top), int(right), int(bottom)))
    return boxes
