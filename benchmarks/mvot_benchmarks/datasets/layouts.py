"""Detection of the data set that a folder or video belongs to, by the files in and around it."""

from collections.abc import Callable
from pathlib import Path

from mvot_benchmarks.datasets.drones import find_uavdt_annotations, read_uavdt, read_visdrone
from mvot_benchmarks.datasets.masks import read_davis
from mvot_benchmarks.datasets.motchallenge import read_motchallenge
from mvot_benchmarks.datasets.sequence import Sequence
from mvot_benchmarks.datasets.single_object import read_got10k, read_lasot, read_otb
from mvot_plugin.errors import InputError

__all__ = ["open_sequence"]


def open_sequence(path: str | Path) -> Sequence:
    """Open a sequence of any supported data set and read its ground truth.

    The annotations are where the data set puts them:

    - MOT15, 16, 17, 20: ``seqinfo.ini``, ``gt/`` or ``img1/`` in it.
    - OTB: ``groundtruth_rect.txt`` and ``img/``.
    - LaSOT and GOT-10k: ``groundtruth.txt``, with ``absence.label`` for GOT-10k.
    - DAVIS: ``JPEGImages/480p/SEQ`` with ``Annotations/480p/SEQ``.
    - VisDrone: ``sequences/SEQ`` with ``annotations/SEQ.txt``.
    - UAVDT: ``UAV-benchmark-M/SEQ`` with ``GT/SEQ_gt_whole.txt``.

    Args:
        path: the sequence's folder; for VisDrone, UAVDT and DAVIS the folder of its frames (or a
            video in its place).

    Returns:
        The sequence; its frames are opened by ``Sequence.open``.

    Raises:
        InputError: for a path of another layout, a missing file, and a row that is not in the data
            set's format.

    Examples:
        >>> from pathlib import Path
        >>> import cv2
        >>> from mvot_benchmarks.datasets import open_sequence
        >>> from mvot_synthetic import street
        >>> Path("SEQ-02/img").mkdir(parents=True)
        >>> _ = Path("SEQ-02/groundtruth_rect.txt").write_text("10,20,40,60")  # OTB
        >>> image = street(size=(320, 240), frames=1).frame(0).image
        >>> _ = cv2.imwrite("SEQ-02/img/0001.png", image)
        >>> open_sequence("SEQ-02").name
        'SEQ-02'
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; check the spelling")
    return _find_reader(path)(path)


def _find_reader(path: Path) -> Callable[[Path], Sequence]:
    """The function that reads the layout."""
    parent = path.resolve().parent
    if path.is_dir():
        if any(path.glob("groundtruth_rect*.txt")):
            return read_otb
        if (path / "groundtruth.txt").is_file():
            return read_lasot if _is_lasot(path) else read_got10k
    if find_uavdt_annotations(path) is not None or parent.name == "UAV-benchmark-M":
        return read_uavdt
    if any((path / name).exists() for name in ("seqinfo.ini", "gt", "img1")):
        return read_motchallenge
    if parent.parent.name == "JPEGImages":
        return read_davis
    if parent.name == "sequences":
        return read_visdrone
    raise InputError(
        f"{path} is no sequence of a known layout: MOTChallenge (gt/gt.txt), VisDrone, UAVDT, "
        "OTB, LaSOT, GOT-10k or DAVIS; docs/benchmarks/index.md lists the files of each"
    )


def _is_lasot(folder: Path) -> bool:
    return (folder / "full_occlusion.txt").exists() or (folder / "img").is_dir()
