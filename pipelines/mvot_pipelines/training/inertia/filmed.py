"""Trajectories of filmed objects: the ground truth of sequences."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from mvot_pipelines.training.inertia.windows import Windows, cut
from mvot_plugin.errors import InputError
from mvot_plugin.motfile import read_mot
from mvot_plugin.ops.boxes import xyxy_to_cxcywh

__all__ = ["Truth", "filmed_windows", "read_truths"]

SMALLEST = 4
"""Pixels of a side below which a box says little about how its object moves."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """The true boxes of a sequence, (cx, cy, w, h), a row for each object and ``frame`` from 0."""

    folder: Path
    frame: Int64[np.ndarray, " n"]
    id: Int64[np.ndarray, " n"]
    boxes: Float32[np.ndarray, "n 4"]

    @cached_property
    def digest(self) -> bytes:
        """What tells this truth from others."""
        columns = (self.frame, self.id, self.boxes)
        return hashlib.sha256(b"".join(each.tobytes() for each in columns)).digest()

    @cached_property
    def rows(self) -> dict[tuple[int, int], int]:
        """The row of an object, by its id, in a frame."""
        keys = zip(self.id.tolist(), self.frame.tolist(), strict=True)
        return {key: row for row, key in enumerate(keys)}

    def onwards(self, identity: int, frame: int, stride: int) -> Float32[np.ndarray, "t 4"]:
        """The boxes of an object on this frame and every ``stride``-th after it, to a gap."""
        rows = []
        while (row := self.rows.get((identity, frame))) is not None:
            rows.append(row)
            frame += stride
        return self.boxes[np.array(rows, np.int64)]

    def runs(self, stride: int) -> Iterator[Float32[np.ndarray, "t 4"]]:
        """The objects' boxes on every ``stride``-th frame, from each frame that none precedes."""
        for identity, frame in self.rows:
            if (identity, frame - stride) not in self.rows:
                yield self.onwards(identity, frame, stride)


def read_truths(
    roots: Sequence[Path], *, held_out: Collection[str], frames: int | None = None
) -> tuple[list[Truth], list[Truth]]:
    """The ground truths to learn from, and those of the sequences named in ``held_out``.

    Sequences are ``roots`` and the folders right below them that have ``gt/gt.txt``; ``frames`` is
    how many of each are read, None for all. Raises ``InputError`` for what cannot be read, and if
    nothing is left to learn from or to hold out.
    """
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root} is no folder; give folders of sequences")
    places = dict.fromkeys(path for root in roots for path in (root, *sorted(root.iterdir())))
    found = [path for path in places if (path / "gt" / "gt.txt").is_file()]
    within = ", ".join(map(str, roots))
    if not found:
        raise InputError(f"no sequence with gt/gt.txt in {within}; inertia learns from sequences")
    truths = [_truth(path, frames) for path in found]
    learnt = [truth for truth in truths if truth.folder.name not in held_out]
    held = [truth for truth in truths if truth.folder.name in held_out]
    if not held:
        names = ", ".join(held_out) or "no sequence"
        raise InputError(
            f"held_out names {names}, and none of them is in {within}; "
            "name sequences of --data to decide on, in --config"
        )
    if not learnt:
        raise InputError(f"all sequences in {within} are held out; none is left to learn from")
    return learnt, held


def _truth(folder: Path, frames: int | None) -> Truth:
    """The ground truth of a sequence, without what is to be ignored or has hardly a size."""
    rows = read_mot(folder / "gt" / "gt.txt")
    sane = (rows.xyxy[:, 2:] - rows.xyxy[:, :2] >= SMALLEST).all(1) & np.isfinite(rows.xyxy).all(1)
    use = sane & (rows.score > 0)
    if frames is not None:
        use &= rows.frame < frames
    boxes = xyxy_to_cxcywh(rows.xyxy[use])
    return Truth(folder=folder, frame=rows.frame[use], id=rows.id[use], boxes=boxes)


def filmed_windows(
    truths: Collection[Truth], strides: Sequence[int], *, known: int, ahead: int
) -> Windows:
    """All windows of the true trajectories at these strides."""
    runs = (run for truth in truths for n in sorted(set(strides)) for run in truth.runs(n))
    parts = (cut(boxes, boxes, known=known, ahead=ahead) for boxes in runs)
    return Windows.cat([Windows.empty(known, ahead), *parts])
