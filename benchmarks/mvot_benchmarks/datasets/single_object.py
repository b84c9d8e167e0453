"""Single-object data sets: OTB, LaSOT and GOT-10k."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32

from mvot_benchmarks.datasets.frame_folders import count_images, find_frames
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.datasets.tables import boxes_from_ltwh, read_flags, read_table
from mvot_benchmarks.metrics.ground_truth import GroundTruthRows, IgnoredRegions, is_visible
from mvot_plugin.errors import InputError
from mvot_plugin.types import XYXY

__all__ = ["read_got10k", "read_lasot", "read_otb"]

_BOX_COLUMNS = ("left", "top", "width", "height")
_OTB_FRAME_RATE = _LASOT_FRAME_RATE = 30.0
_GOT10K_FRAME_RATE = 10.0
_OTB_FIRST_FRAME = {"David": 299}
"""The frame index of the first annotation, for OTB sequences where it is not 0."""


def read_otb(folder: Path) -> Sequence:
    """Read ``groundtruth_rect.txt`` and ``img/0001.jpg`` on (OTB, Wu et al. 2013).

    Boxes are 1-based. Files ``groundtruth_rect.1.txt``, ``.2.txt`` are one object each. The frame
    rate is a nominal 30.
    """
    paths = sorted(folder.glob("groundtruth_rect*.txt"))
    return _sequence(
        folder,
        find_frames(folder, "img"),
        [_read_boxes(path) for path in paths],
        frame_rate=_OTB_FRAME_RATE,
        first=_OTB_FIRST_FRAME.get(folder.name, 0),
    )


def read_lasot(folder: Path) -> Sequence:
    """Read ``groundtruth.txt``, 1-based, and ``img/00000001.jpg`` on (LaSOT, Fan et al. 2019).

    On frames with a 1 in ``full_occlusion.txt`` or ``out_of_view.txt`` there is no object. The
    frame rate is a nominal 30.
    """
    boxes = _read_boxes(folder / "groundtruth.txt")
    for name in ("full_occlusion.txt", "out_of_view.txt"):
        boxes[read_flags(folder / name, len(boxes))] = np.nan
    return _sequence(folder, find_frames(folder, "img"), [boxes], frame_rate=_LASOT_FRAME_RATE)


def read_got10k(folder: Path) -> Sequence:
    """Read ``groundtruth.txt``, 1-based, and ``00000001.jpg`` on (GOT-10k, Huang et al. 2019).

    On frames with a 1 in ``absence.label`` there is no object. The frame rate is 10.
    """
    boxes = _read_boxes(folder / "groundtruth.txt")
    boxes[read_flags(folder / "absence.label", len(boxes))] = np.nan
    return _sequence(folder, find_frames(folder, "."), [boxes], frame_rate=_GOT10K_FRAME_RATE)


def _read_boxes(path: Path) -> Float32[XYXY, " n"]:
    """A box for each frame; not finite or without area where there is no object."""
    return boxes_from_ltwh(read_table(path, _BOX_COLUMNS), origin=1)


def _sequence(
    folder: Path,
    frames: Path,
    objects: list[Float32[XYXY, " _"]],
    *,
    frame_rate: float,
    first: int = 0,
) -> Sequence:
    """Build a sequence from the boxes of each object, one per frame from frame ``first`` on."""
    image_count, annotated = count_images(frames), first + max(map(len, objects))
    if image_count is not None and image_count < annotated:
        raise InputError(
            f"{frames} holds {image_count} images and {folder.name} is annotated on {annotated} "
            "frames: copy the missing images there"
        )
    xyxy = np.concatenate(objects)
    frame = first + np.concatenate([np.arange(len(boxes)) for boxes in objects])
    ids = np.repeat(np.arange(1, len(objects) + 1), [len(boxes) for boxes in objects])
    visible = is_visible(xyxy)
    ground_truth = GroundTruthRows(
        frame=frame[visible],
        id=ids[visible],
        xyxy=xyxy[visible],
        class_id=np.full(visible.sum(), -1),
        ignored=np.zeros(visible.sum(), np.bool_),
    )
    return Sequence(
        name=folder.resolve().name,
        frames=frames,
        frame_rate=None if image_count is None else frame_rate,
        ground_truth=ground_truth,
        regions=IgnoredRegions.empty(),
    )
