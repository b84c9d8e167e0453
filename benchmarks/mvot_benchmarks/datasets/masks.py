"""Objects given as masks: the boxes that enclose them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from mvot_benchmarks.datasets.places import name_of
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.truth import Regions, TruthRows
from mvot_pipelines.capture import list_images
from mvot_plugin.errors import InputError

__all__ = ["davis", "davis_annotations", "mask_truth", "numbered_masks"]

_RATE = 24.0
_VOID = 255


def davis(place: Path) -> Sequence:
    """``JPEGImages/480p/SEQ`` (or a video) with ``Annotations/480p/SEQ/*.png``, at 24 fps.

    A mask belongs to the image of its name, in a video to the frame of its number from 0 (DAVIS,
    Perazzi et al. 2016, Pont-Tuset et al. 2017).
    """
    folder = davis_annotations(place)
    masks = _listed(folder)
    if place.is_dir():
        number = {path.stem: index for index, path in enumerate(list_images(place))}
        for mask in masks:
            if mask.stem not in number:
                raise InputError(f"{mask} has no image of its name in {place}: copy it there")
        frames = {number[mask.stem]: mask for mask in masks}
    else:
        frames = _numbered(masks, first=0)
    return Sequence(
        name=name_of(place),
        frames=place,
        frame_rate=_RATE if place.is_dir() else None,
        truth=mask_truth(frames),
        regions=Regions.none(),
    )


def davis_annotations(place: Path) -> Path:
    """Where the masks of a sequence in ``JPEGImages/RESOLUTION`` are."""
    resolution = place.resolve().parent
    return resolution.parents[1] / "Annotations" / resolution.name / name_of(place)


def numbered_masks(folder: Path) -> dict[int, Path]:
    """The masks ``000001.png`` on in a folder, by frame from 0."""
    return _numbered(_listed(folder), first=1)


def _numbered(masks: list[Path], *, first: int) -> dict[int, Path]:
    for mask in masks:
        if not (mask.stem.isdecimal() and int(mask.stem) >= first):
            raise InputError(f"{mask}: the name must be the number of a frame, from {first} on")
    return {int(mask.stem) - first: mask for mask in masks}


def _listed(folder: Path) -> list[Path]:
    masks = sorted(folder.glob("*.png"))
    if not masks:
        raise InputError(f"{folder} holds no masks: it needs a .png for each annotated frame")
    return masks


def mask_truth(masks: Mapping[int, Path]) -> TruthRows:
    """The boxes that enclose the masks of the given frames, half-open.

    In a palette image each index but 0 is an object, and 255 is void; in others, all that is not
    black is one object. Raises ``InputError`` for a mask that cannot be read.
    """
    rows = [(frame, *row) for frame, path in masks.items() for row in _enclosed(_indices(path))]
    table = np.array(rows, np.int64).reshape(-1, 6)
    return TruthRows(
        frame=table[:, 0],
        id=table[:, 1],
        xyxy=table[:, 2:].astype(np.float32),
        class_id=np.full(len(table), -1),
        ignored=np.zeros(len(table), np.bool_),
    )


def _indices(path: Path) -> Shaped[np.ndarray, "height width"]:
    """The object that each pixel belongs to, 0 for none."""
    # OpenCV would turn a palette's indices into colours; Image.open is not used since ultralytics
    # replaces it by one that goes shopping for packages
    from PIL.PngImagePlugin import PngImageFile

    try:
        with PngImageFile(path) as image:
            if image.mode == "P":
                indices = np.asarray(image)
                return np.where(indices == _VOID, 0, indices)
            return np.asarray(image.convert("L")) > 0
    except (OSError, SyntaxError):  # the latter is what Pillow raises for what is no PNG
        raise InputError(f"{path} cannot be read as a mask; replace or remove it") from None


def _enclosed(indices: Shaped[np.ndarray, "height width"]) -> list[tuple[int, int, int, int, int]]:
    """Object, left, top, right and bottom of each object."""
    found = []
    for number in np.unique(indices[indices > 0]):
        here = indices == number
        columns, rows = np.flatnonzero(here.any(0)), np.flatnonzero(here.any(1))
        left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        found.append((int(number), int(left), int(top), int(right), int(bottom)))
    return found
