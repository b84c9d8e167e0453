"""Sequences of the MOTChallenge: MOT15, MOT16, MOT17 and MOT20."""

from pathlib import Path

from mvot_benchmarks.datasets.masks import mask_truth, numbered_masks
from mvot_benchmarks.datasets.places import frames_in
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.truth import DISTRACTORS, Regions, TruthRows, mot_truth
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import read_mot

__all__ = ["motchallenge"]

_NON_MOTORISED = 6


def motchallenge(folder: Path) -> Sequence:
    """``gt/gt.txt``, and ``img1/`` or the video that ``seqinfo.ini`` names, or the only one.

    Public detections are in ``det/det.txt``. Without ground truth, ``mask/000001.png`` and so on
    may stand in. Pedestrians of flag 1 count; distractors are ignored, in MOT20 also vehicles
    without a motor, as in TrackEval.
    """
    described = (folder / "seqinfo.ini").is_file()
    detections = folder / "det" / "det.txt"
    return Sequence(
        name=folder.resolve().name,
        frames=folder if described else frames_in(folder, "img1"),
        frame_rate=None,
        truth=_truth(folder),
        regions=Regions.none(),
        detections=detections if detections.is_file() else None,
    )


def _truth(folder: Path) -> TruthRows:
    path, masks = folder / "gt" / "gt.txt", folder / "mask"
    if not path.exists() and masks.is_dir():
        return mask_truth(numbered_masks(masks))
    if not path.exists():
        raise InputError(f"{path}: no such file; measuring needs sequences with ground truth")
    newest = folder.resolve().name.startswith("MOT20")
    return mot_truth(read_mot(path), (*DISTRACTORS, _NON_MOTORISED) if newest else DISTRACTORS)
