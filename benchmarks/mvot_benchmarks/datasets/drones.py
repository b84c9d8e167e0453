"""Drone videos: VisDrone-MOT and UAVDT, with class labels and ignored regions.

Neither data set documents its pixel origin; boxes are read as 0-based.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float64, Int64

from mvot_benchmarks.datasets.frame_folders import sequence_name
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.datasets.tables import boxes_from_ltwh, read_table
from mvot_benchmarks.metrics.ground_truth import GroundTruthRows, IgnoredRegions, is_in_region
from mvot_plugin.errors import InputError

__all__ = ["find_uavdt_annotations", "read_uavdt", "read_visdrone"]

_BOX_COLUMNS = ("frame", "id", "left", "top", "width", "height")
_VISDRONE_COLUMNS = (*_BOX_COLUMNS, "flag", "category", "truncation", "occlusion")
_VISDRONE_EVALUATED = (1, 4, 5, 6, 9)
"""Categories that the MOT challenge evaluates: pedestrian, car, van, truck, bus."""
_VISDRONE_REGIONS = (0, 11)
"""Categories "ignored region" and "others", which the challenge's toolkit treats the same."""
_UAVDT_COLUMNS = (*_BOX_COLUMNS, "out-of-view", "occlusion", "category")
_FRAME_RATE = 30.0


def read_visdrone(path: Path) -> Sequence:
    """Read ``sequences/SEQ`` (or a video) with ``annotations/SEQ.txt``.

    VisDrone-MOT, Zhu et al. 2018. Pedestrians, cars, vans, trucks and buses of flag 1 are
    evaluated; objects of flag 0 or of other categories are ignored. Categories 0 and 11 are
    ignored regions. The frame rate is a nominal 30.
    """
    name = sequence_name(path)
    table = read_table(path.resolve().parents[1] / "annotations" / f"{name}.txt", _VISDRONE_COLUMNS)
    category = table[:, 7].astype(np.int64)
    is_region = np.isin(category, _VISDRONE_REGIONS)
    evaluated = (table[:, 6] == 1) & np.isin(category, _VISDRONE_EVALUATED)
    return _sequence(
        path, table[~is_region], table[is_region], category[~is_region], evaluated[~is_region]
    )


def read_uavdt(path: Path) -> Sequence:
    """Read ``UAV-benchmark-M/SEQ`` (or a video) with ``GT/SEQ_gt_whole.txt``.

    UAVDT, Du et al. 2018. All objects (cars, trucks, buses) are evaluated;
    ``SEQ_gt_ignore.txt`` holds the ignored regions. The frame rate is 30.
    """
    annotations = find_uavdt_annotations(path)
    if annotations is None:
        raise InputError(
            f"{path}: there is no GT/{sequence_name(path)}_gt_whole.txt beside or above it"
        )
    table = read_table(annotations, _UAVDT_COLUMNS)
    regions_path = annotations.with_name(f"{sequence_name(path)}_gt_ignore.txt")
    regions = read_table(regions_path, _UAVDT_COLUMNS)
    classes = table[:, 8].astype(np.int64)
    return _sequence(path, table, regions, classes, np.ones(len(table), np.bool_))


def find_uavdt_annotations(path: Path) -> Path | None:
    """Find a sequence's ``SEQ_gt_whole.txt``: in a folder ``GT``, or in that of the archive."""
    name = f"{sequence_name(path)}_gt_whole.txt"
    parents = path.resolve().parents[:2]
    folders = [up / sub / "GT" for up in parents for sub in (".", "UAV-benchmark-MOTD_v1.0")]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _sequence(
    path: Path,
    table: Float64[np.ndarray, "n columns"],
    regions: Float64[np.ndarray, "m columns"],
    classes: Int64[np.ndarray, " n"],
    evaluated: Bool[np.ndarray, " n"],
) -> Sequence:
    """Build a sequence from its tables; objects inside an ignored region are ignored too."""
    frame, region_frame = table[:, 0].astype(np.int64) - 1, regions[:, 0].astype(np.int64) - 1
    xyxy, region_xyxy = (boxes_from_ltwh(rows[:, 2:6], origin=0) for rows in (table, regions))
    ignored = ~evaluated
    for index in np.unique(region_frame):
        on_frame = frame == index
        ignored[on_frame] |= is_in_region(xyxy[on_frame], region_xyxy[region_frame == index])
    ground_truth = GroundTruthRows(
        frame=frame,
        id=table[:, 1].astype(np.int64),
        xyxy=xyxy,
        class_id=classes,
        ignored=ignored,
    )
    return Sequence(
        name=sequence_name(path),
        frames=path,
        frame_rate=_FRAME_RATE if path.is_dir() else None,
        ground_truth=ground_truth,
        regions=IgnoredRegions(frame=region_frame, xyxy=region_xyxy),
    )
