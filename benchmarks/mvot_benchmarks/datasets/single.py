"""Folders with one object: OTB, LaSOT and GOT-10k."""

from pathlib import Path

import numpy as np

from mvot_benchmarks.datasets.places import frames_in, image_count
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.datasets.tables import boxes_of, read_flags, read_table
from mvot_benchmarks.truth import Regions, TruthRows, visible
from mvot_plugin.errors import InputError

__all__ = ["got10k", "lasot", "otb"]

_BOX = ("left", "top", "width", "height")
_OTB_RATE = _LASOT_RATE = 30.0
_GOT10K_RATE = 10.0
_FIRST_FRAME = {"David": 299}
"""Of OTB's sequences that are annotated from later on: the frame of the first row, from 0."""


def otb(folder: Path) -> Sequence:
    """``groundtruth_rect.txt`` and ``img/0001.jpg`` on (OTB, Wu et al. 2013), nominal 30 fps.

    Boxes are 1-based. Files ``groundtruth_rect.1.txt``, ``.2.txt`` are one object each.
    """
    paths = sorted(folder.glob("groundtruth_rect*.txt"))
    return _sequence(
        folder,
        frames_in(folder, "img"),
        [_boxes(path) for path in paths],
        rate=_OTB_RATE,
        first=_FIRST_FRAME.get(folder.name, 0),
    )


def lasot(folder: Path) -> Sequence:
    """``groundtruth.txt``, 1-based, and ``img/00000001.jpg`` on (LaSOT, Fan et al. 2019).

    On frames with a 1 in ``full_occlusion.txt`` or ``out_of_view.txt`` there is no object. The
    frame rate is a nominal 30.
    """
    boxes = _boxes(folder / "groundtruth.txt")
    for name in ("full_occlusion.txt", "out_of_view.txt"):
        boxes[read_flags(folder / name, len(boxes))] = np.nan
    return _sequence(folder, frames_in(folder, "img"), [boxes], rate=_LASOT_RATE)


def got10k(folder: Path) -> Sequence:
    """``groundtruth.txt``, 1-based, and ``00000001.jpg`` on beside it (GOT-10k, Huang et al. 2019).

    On frames with a 1 in ``absence.label`` there is no object. Its frames are 10 a second.
    """
    boxes = _boxes(folder / "groundtruth.txt")
    boxes[read_flags(folder / "absence.label", len(boxes))] = np.nan
    return _sequence(folder, frames_in(folder, "."), [boxes], rate=_GOT10K_RATE)


def _boxes(path: Path) -> np.ndarray:
    """A box for each frame; not finite or without area where there is no object."""
    return boxes_of(read_table(path, _BOX), origin=1)


def _sequence(
    folder: Path, frames: Path, objects: list[np.ndarray], *, rate: float, first: int = 0
) -> Sequence:
    """The sequence of objects that have a row of boxes each, from the frame ``first`` on."""
    count, rows = image_count(frames), first + max(map(len, objects))
    if count is not None and count < rows:
        raise InputError(
            f"{frames} holds {count} images and {folder.name} is annotated on {rows} frames: "
            "copy it here again with all of them"
        )
    xyxy = np.concatenate(objects)
    frame = first + np.concatenate([np.arange(len(boxes)) for boxes in objects])
    number = np.repeat(np.arange(1, len(objects) + 1), [len(boxes) for boxes in objects])
    there = visible(xyxy)
    truth = TruthRows(
        frame=frame[there],
        id=number[there],
        xyxy=xyxy[there],
        class_id=np.full(there.sum(), -1),
        ignored=np.zeros(there.sum(), np.bool_),
    )
    return Sequence(
        name=folder.resolve().name,
        frames=frames,
        frame_rate=None if count is None else rate,
        truth=truth,
        regions=Regions.none(),
    )
