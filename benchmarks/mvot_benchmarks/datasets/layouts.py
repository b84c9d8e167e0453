"""Which data set a folder or video belongs to, by what lies in it and around it."""

from collections.abc import Callable
from pathlib import Path

from mvot_benchmarks.datasets.drones import uavdt, uavdt_annotations, visdrone
from mvot_benchmarks.datasets.masks import davis
from mvot_benchmarks.datasets.motchallenge import motchallenge
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.datasets.single import got10k, lasot, otb
from mvot_plugin.errors import InputError

__all__ = ["open_sequence"]


def open_sequence(path: str | Path) -> Sequence:
    """A sequence of any of the data sets, with its ground truth read.

    ``path`` is the folder of the sequence; for VisDrone, UAVDT and DAVIS that of its frames (or a
    video in its place), whose annotations lie where their data set has them:

    - MOT15, 16, 17, 20: ``seqinfo.ini``, ``gt/`` or ``img1/`` in it.
    - OTB: ``groundtruth_rect.txt`` and ``img/``.
    - LaSOT and GOT-10k: ``groundtruth.txt``, with ``absence.label`` for GOT-10k.
    - DAVIS: ``JPEGImages/480p/SEQ`` with ``Annotations/480p/SEQ``.
    - VisDrone: ``sequences/SEQ`` with ``annotations/SEQ.txt``.
    - UAVDT: ``UAV-benchmark-M/SEQ`` with ``GT/SEQ_gt_whole.txt``.

    Raises ``InputError`` for a path that is none of these, a file that is missing, and a row that
    is not what its data set prescribes.
    """
    place = Path(path)
    if not place.exists():
        raise InputError(f"{place}: no such file or folder; check the spelling")
    return _reader(place)(place)


def _reader(place: Path) -> Callable[[Path], Sequence]:
    """The function that reads the layout."""
    parent = place.resolve().parent
    if place.is_dir():
        if any(place.glob("groundtruth_rect*.txt")):
            return otb
        if (place / "groundtruth.txt").is_file():
            return lasot if _like_lasot(place) else got10k
    if uavdt_annotations(place) is not None or parent.name == "UAV-benchmark-M":
        return uavdt
    if any((place / name).exists() for name in ("seqinfo.ini", "gt", "img1")):
        return motchallenge
    if parent.parent.name == "JPEGImages":
        return davis
    if parent.name == "sequences":
        return visdrone
    raise InputError(
        f"{place} is no sequence of a known layout: MOTChallenge (gt/gt.txt), VisDrone, UAVDT, "
        "OTB, LaSOT, GOT-10k or DAVIS; README.md says which files are looked for"
    )


def _like_lasot(folder: Path) -> bool:
    return (folder / "full_occlusion.txt").exists() or (folder / "img").is_dir()
