"""Sequences of the MOTChallenge: MOT15, MOT16, MOT17 and MOT20."""

from pathlib import Path

from mvot_benchmarks.datasets.frame_folders import find_frames
from mvot_benchmarks.datasets.masks import boxes_from_masks, list_numbered_masks
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.metrics.ground_truth import (
    DISTRACTORS,
    GroundTruthRows,
    IgnoredRegions,
    apply_motchallenge_rules,
)
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import ground_truth_path, read_ground_truth

__all__ = ["read_motchallenge"]

_NON_MOTORISED_VEHICLE = 6


def read_motchallenge(folder: Path) -> Sequence:
    """Read ``gt/gt.txt``, with the frames in ``img1/`` or in a video.

    The video is the one that ``seqinfo.ini`` names, or the only one in the folder. Public
    detections are in ``det/det.txt``; other text files in ``det/``, and in folders whose names
    begin so, are those of other detectors. Without ``gt/gt.txt``, masks ``mask/000001.png`` and
    so on are the ground truth. Pedestrians of flag 1 are evaluated; distractors are ignored, in
    MOT20 non-motorised vehicles too, as in TrackEval.
    """
    has_seqinfo = (folder / "seqinfo.ini").is_file()
    detections = folder / "det" / "det.txt"
    found = sorted(path for path in folder.glob("det*/**/*.txt") if path.is_file())
    return Sequence(
        name=folder.resolve().name,
        frames=folder if has_seqinfo else find_frames(folder, "img1"),
        frame_rate=None,
        ground_truth=_read_ground_truth(folder),
        regions=IgnoredRegions.empty(),
        detections=detections if detections in found else None,
        other_detections=tuple(path for path in found if path != detections),
    )


def _read_ground_truth(folder: Path) -> GroundTruthRows:
    path, masks = ground_truth_path(folder), folder / "mask"
    if not path.exists() and masks.is_dir():
        return boxes_from_masks(list_numbered_masks(masks))
    if not path.exists():
        raise InputError(f"{path}: no such file; a benchmark needs sequences with ground truth")
    is_mot20 = folder.resolve().name.startswith("MOT20")
    distractors = (*DISTRACTORS, _NON_MOTORISED_VEHICLE) if is_mot20 else DISTRACTORS
    return apply_motchallenge_rules(read_ground_truth(folder), distractors)
