"""Videos of drones: VisDrone-MOT and UAVDT, with classes and regions that nobody annotated.

Both say no more of their pixels than ``left`` and ``top``; they are taken to count from 0.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from mvot_benchmarks.datasets.places import name_of
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.datasets.tables import boxes_of, read_table
from mvot_benchmarks.truth import Regions, TruthRows, inside
from mvot_plugin.errors import InputError

__all__ = ["uavdt", "uavdt_annotations", "visdrone"]

_BOX = ("frame", "id", "left", "top", "width", "height")
_VISDRONE = (*_BOX, "flag", "category", "truncation", "occlusion")
_VISDRONE_COUNTED = (1, 4, 5, 6, 9)
"""Pedestrian, car, van, truck, bus: what the MOT challenge evaluates."""
_VISDRONE_REGIONS = (0, 11)
"""Ignored region, others: the challenge's toolkit treats them alike."""
_UAVDT = (*_BOX, "out-of-view", "occlusion", "category")
_RATE = 30.0


def visdrone(place: Path) -> Sequence:
    """``sequences/SEQ`` (or a video) with ``annotations/SEQ.txt`` (VisDrone-MOT, Zhu et al. 2018).

    Of flag 1, pedestrians, cars, vans, trucks and buses count; objects of flag 0 or of other
    categories are ignored. Categories 0 and 11 are ignored regions. Nominal 30 fps.
    """
    name = name_of(place)
    table = read_table(place.resolve().parents[1] / "annotations" / f"{name}.txt", _VISDRONE)
    category = table[:, 7].astype(np.int64)
    region = np.isin(category, _VISDRONE_REGIONS)
    counted = (table[:, 6] == 1) & np.isin(category, _VISDRONE_COUNTED)
    return _sequence(place, table[~region], table[region], category[~region], counted[~region])


def uavdt(place: Path) -> Sequence:
    """``UAV-benchmark-M/SEQ`` (or a video) with ``GT/SEQ_gt_whole.txt`` (UAVDT, Du et al. 2018).

    Cars, trucks and buses all count; ``SEQ_gt_ignore.txt`` has the ignored regions. 30 fps.
    """
    annotations = uavdt_annotations(place)
    if annotations is None:
        raise InputError(
            f"{place}: there is no GT/{name_of(place)}_gt_whole.txt beside or above it"
        )
    table = read_table(annotations, _UAVDT)
    regions = read_table(annotations.with_name(f"{name_of(place)}_gt_ignore.txt"), _UAVDT)
    classes = table[:, 8].astype(np.int64)
    return _sequence(place, table, regions, classes, np.ones(len(table), np.bool_))


def uavdt_annotations(place: Path) -> Path | None:
    """The ``SEQ_gt_whole.txt`` of a sequence: in a folder ``GT``, or that of the archive."""
    name = f"{name_of(place)}_gt_whole.txt"
    above = place.resolve().parents[:2]
    folders = [up / sub / "GT" for up in above for sub in (".", "UAV-benchmark-MOTD_v1.0")]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _sequence(
    place: Path,
    table: Float64[np.ndarray, "n columns"],
    regions: Float64[np.ndarray, "m columns"],
    classes: Int64[np.ndarray, " n"],
    counted: Bool[np.ndarray, " n"],
) -> Sequence:
    """A sequence by its objects and regions; objects inside a region are ignored like it."""
    frame, region_frame = table[:, 0].astype(np.int64) - 1, regions[:, 0].astype(np.int64) - 1
    xyxy, region_xyxy = (boxes_of(rows[:, 2:6], origin=0) for rows in (table, regions))
    ignored = ~counted
    for number in np.unique(region_frame):
        here = frame == number
        ignored[here] |= inside(xyxy[here], region_xyxy[region_frame == number])
    truth = TruthRows(
        frame=frame,
        id=table[:, 1].astype(np.int64),
        xyxy=xyxy,
        class_id=classes,
        ignored=ignored,
    )
    return Sequence(
        name=name_of(place),
        frames=place,
        frame_rate=_RATE if place.is_dir() else None,
        truth=truth,
        regions=Regions(frame=region_frame, xyxy=region_xyxy),
    )
