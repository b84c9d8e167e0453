"""The ground truth of sequences as tracks, and the windows of these."""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.errors import InputError
from mvot_plugin.motfile import ground_truth_path
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.types import CXCYWH
from mvot_training.data.folders import find_data
from mvot_training.data.ground_truth import read_objects
from mvot_training.inertia.windows import Windows, cut_windows

__all__ = ["GroundTruthTracks", "cut_filmed_windows", "read_ground_truth_tracks"]


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundTruthTracks:
    """The ground truth of a sequence: a row for each object, by its ``id``, and frame from 0."""

    folder: Path
    frame: Int64[np.ndarray, " n"]
    id: Int64[np.ndarray, " n"]
    boxes: Float32[CXCYWH, " n"]

    @cached_property
    def digest(self) -> bytes:
        """A hash of all columns."""
        columns = (self.frame, self.id, self.boxes)
        return hashlib.sha256(b"".join(each.tobytes() for each in columns)).digest()

    @cached_property
    def rows(self) -> dict[tuple[int, int], int]:
        """The row of each object and frame."""
        keys = zip(self.id.tolist(), self.frame.tolist(), strict=True)
        return {key: row for row, key in enumerate(keys)}

    def boxes_from(self, identity: int, frame: int, stride: int) -> Float32[CXCYWH, " t"]:
        """The boxes of an object in this frame and every ``stride``-th after it, up to a gap."""
        rows = []
        while (row := self.rows.get((identity, frame))) is not None:
            rows.append(row)
            frame += stride
        return self.boxes[np.array(rows, np.int64)]

    def segments(self, stride: int) -> Iterator[Float32[CXCYWH, " t"]]:
        """The objects' boxes in every ``stride``-th frame without gaps, from each possible start.

        A start is a frame whose predecessor at this stride lacks the object.
        """
        for identity, frame in self.rows:
            if (identity, frame - stride) not in self.rows:
                yield self.boxes_from(identity, frame, stride)


def read_ground_truth_tracks(
    roots: Sequence[Path], *, held_out: Collection[str], frames: int | None = None
) -> tuple[list[GroundTruthTracks], list[GroundTruthTracks]]:
    """Read the ground truth to train on, and that of the sequences named in ``held_out``.

    Sequences are ``roots`` and the folders right below them that have ``gt/gt.txt``; ``frames`` is
    how many of each are read, None for all. Raises ``InputError`` for what cannot be read, and if
    there is nothing to train on or nothing to hold out.
    """
    folders = dict.fromkeys(path for root in roots for path in find_data(root))
    sequences = [path for path in folders if ground_truth_path(path).is_file()]
    names = ", ".join(map(str, roots))
    if not sequences:
        raise InputError(f"no sequence with gt/gt.txt in {names}; inertia is trained on sequences")
    tracks = [_read_tracks(path, frames) for path in sequences]
    trained = [each for each in tracks if each.folder.name not in held_out]
    validated = [each for each in tracks if each.folder.name in held_out]
    if not validated:
        missing = ", ".join(held_out) or "no sequence"
        raise InputError(
            f"held_out names {missing}, and none of them is in {names}; "
            "name sequences of --data to validate on, in --config"
        )
    if not trained:
        raise InputError(f"all sequences in {names} are held out; none is left to train on")
    return trained, validated


def _read_tracks(folder: Path, frames: int | None) -> GroundTruthTracks:
    rows = read_objects(folder, frames=frames)
    boxes = xyxy_to_cxcywh(rows.xyxy)
    return GroundTruthTracks(folder=folder, frame=rows.frame, id=rows.id, boxes=boxes)


def cut_filmed_windows(
    sequences: Collection[GroundTruthTracks], strides: Sequence[int], *, known: int, ahead: int
) -> Windows:
    """Cut all windows of the ground truth at these strides."""
    segments = (
        segment
        for sequence in sequences
        for stride in sorted(set(strides))
        for segment in sequence.segments(stride)
    )
    parts = (cut_windows(boxes, boxes, known=known, ahead=ahead) for boxes in segments)
    return Windows.cat([Windows.empty(known, ahead), *parts])
