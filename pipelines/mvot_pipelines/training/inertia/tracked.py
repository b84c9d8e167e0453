"""What the tracker itself makes of filmed objects: the boxes that inertia is given in use."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64
from tqdm import tqdm

from mvot_pipelines.sources import open_source
from mvot_pipelines.training.inertia.filmed import Truth
from mvot_pipelines.training.inertia.windows import Windows, cut
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.engines.siammotion_targets import SiamMotionObservation, SiamMotionTargets
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, inside_fraction, iou, xyxy_to_cxcywh
from mvot_plugin.rows import Rows
from mvot_plugin.types import Frame

__all__ = ["Tracks", "follow", "kept_tracks", "tracked_windows"]

FOUND, INSIDE = 0.5, 0.5
"""A track ends at an IoU of this or less with the truth; one begins with so much in the frame."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracks(Rows):
    """Boxes (cx, cy, w, h) as the tracker gave them: a row for each track and frame.

    A ``track`` sees every ``stride``-th frame, and begins with the true box of the object ``id``.
    """

    track: Int64[np.ndarray, " n"]
    stride: Int64[np.ndarray, " n"]
    id: Int64[np.ndarray, " n"]
    frame: Int64[np.ndarray, " n"]
    boxes: Float32[np.ndarray, "n 4"]

    @classmethod
    def empty(cls) -> "Tracks":
        """No tracks."""
        none, boxes = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
        return cls(track=none, stride=none, id=none, frame=none, boxes=boxes)

    def each(self) -> Iterator["Tracks"]:
        """One track after the other, each in the order of its frames."""
        order = np.lexsort((self.frame, self.track))
        for rows in np.split(order, np.flatnonzero(np.diff(self.track[order])) + 1):
            if len(rows):
                yield self[rows]


def follow(
    engine: SiamMotionEngine, frames: Iterable[Frame], truth: Truth, strides: Sequence[int]
) -> Tracks:
    """Follow a sequence's objects from their true boxes, as if only every n-th frame existed.

    That for each n in ``strides`` and from each of the first n frames. A track that has lost its
    object ends, and the object is enrolled anew at once.
    """
    numbers = count()
    followers = [
        (stride, phase, _Follower(engine, truth, stride, numbers))
        for stride in sorted(set(strides))
        for phase in range(stride)
    ]
    parts = [Tracks.empty()]
    for frame in frames:
        observation = engine.observe(frame)
        for stride, phase, follower in followers:
            if frame.index % stride == phase:
                parts.append(follower.step(observation, frame))
    return Tracks.cat(parts)


class _Follower:
    """The objects of a sequence, followed on the frames that it is shown."""

    def __init__(
        self, engine: SiamMotionEngine, truth: Truth, stride: int, numbers: Iterator[int]
    ) -> None:
        self.engine, self.truth, self.stride, self.numbers = engine, truth, stride, numbers
        self.targets: SiamMotionTargets | None = None
        self.tracks = Tracks.empty()

    def step(self, observation: SiamMotionObservation, frame: Frame) -> Tracks:
        """The tracks' rows of this frame: those that go on, and those that begin."""
        if self.targets is not None:
            self.targets, motion = self.engine.track(observation, self.targets)
            self._keep(frame.index, motion.boxes)
        new = self._new(frame)
        if len(new):
            enrolled = self.engine.enroll(observation, cxcywh_to_xyxy(new.boxes))
            old = [] if self.targets is None else [self.targets]
            self.targets = SiamMotionTargets.cat([*old, enrolled])
            self.tracks = Tracks.cat([self.tracks, new])
        return self.tracks

    def _keep(self, frame: int, boxes: Float32[np.ndarray, "n 4"]) -> None:
        """Go on with the targets whose ``boxes`` are on their objects."""
        assert self.targets is not None
        now = np.full(len(boxes), frame)
        tracks = replace(self.tracks, frame=now, boxes=xyxy_to_cxcywh(boxes))
        on = _on_truth(tracks, self.truth)
        self.targets, self.tracks = self.targets[on], tracks[on]

    def _new(self, frame: Frame) -> Tracks:
        """The objects that are in the frame and not followed."""
        truth = self.truth
        rows = np.flatnonzero((truth.frame == frame.index) & ~np.isin(truth.id, self.tracks.id))
        rows = rows[inside_fraction(cxcywh_to_xyxy(truth.boxes[rows]), frame.size) >= INSIDE]
        return Tracks(
            track=np.array([next(self.numbers) for _ in rows], np.int64),
            stride=np.full(len(rows), self.stride),
            id=truth.id[rows],
            frame=truth.frame[rows],
            boxes=truth.boxes[rows],
        )


def _on_truth(tracks: Tracks, truth: Truth) -> Bool[np.ndarray, " n"]:
    """Which rows overlap the truth of their object, as far as it is there."""
    keys = zip(tracks.id.tolist(), tracks.frame.tolist(), strict=True)
    rows = np.array([truth.rows.get(key, -1) for key in keys], np.int64)
    known = np.flatnonzero(rows >= 0)
    ours, theirs = tracks.boxes[known], truth.boxes[rows[known]]
    on = np.zeros(len(rows), np.bool_)
    on[known] = np.diag(iou(cxcywh_to_xyxy(ours), cxcywh_to_xyxy(theirs))) > FOUND
    return on


def kept_tracks(
    engine: SiamMotionEngine,
    truths: Collection[Truth],
    strides: Sequence[int],
    folder: Path,
    origin: str,
) -> list[Tracks]:
    """``follow`` on each sequence; what an earlier call has left in ``folder`` is read back.

    ``origin`` tells this tracker from others: for another one, for other truth or strides all is
    tracked anew. Raises ``InputError`` for frames that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for truth in tqdm(truths, "tracking", leave=False):
        key = hashlib.sha256(f"{origin} {sorted(set(strides))}".encode() + truth.digest)
        path = folder / f"{truth.folder.name}-{key.hexdigest()[:12]}.npz"
        if not path.is_file():
            with open_source(truth.folder) as source:
                frames = islice(source, int(truth.frame.max(initial=-1)) + 1)
                _save(path, follow(engine, frames, truth, strides))
        with np.load(path) as columns:
            found.append(Tracks(**columns))
    return found


def _save(path: Path, tracks: Tracks) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **vars(tracks))
    unfinished.replace(path)


def tracked_windows(pairs: Iterable[tuple[Tracks, Truth]], *, known: int, ahead: int) -> Windows:
    """All windows of the tracks, each with the truth of its object on the same frames and on."""
    parts = [Windows.empty(known, ahead)]
    for tracks, truth in pairs:
        for track in tracks.each():
            true = truth.onwards(int(track.id[0]), int(track.frame[0]), int(track.stride[0]))
            parts.append(cut(track.boxes, true, known=known, ahead=ahead))
    return Windows.cat(parts)
