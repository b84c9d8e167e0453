"""The tracker's own boxes of objects with ground truth: inertia's input when it is in use."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64
from tqdm import tqdm

from mvot_pipelines.sources import open_source
from mvot_plugin.engines.siammotion import SiamMotionEngine, SiamMotionTargets
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, inside_fraction, iou, xyxy_to_cxcywh
from mvot_plugin.rows import Rows
from mvot_plugin.types import CXCYWH, XYXY, Frame
from mvot_training.inertia.trajectories import GroundTruthTracks
from mvot_training.inertia.windows import Windows, cut_windows

__all__ = ["TrackerBoxes", "cut_tracked_windows", "load_or_track", "track_sequence"]

MIN_IOU = 0.5
"""A track ends where its IoU with the ground truth is this or less."""
MIN_INSIDE = 0.5
"""A track begins where this share of the object's box is inside the frame, or more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrackerBoxes(Rows):
    """Boxes of tracks that start from the ground truth: a row for each track and frame."""

    track: Int64[np.ndarray, " n"]
    """Number of the track."""
    stride: Int64[np.ndarray, " n"]
    """The track has a box on every ``stride``-th frame."""
    id: Int64[np.ndarray, " n"]
    """The object, by its id in the ground truth."""
    frame: Int64[np.ndarray, " n"]
    boxes: Float32[CXCYWH, " n"]

    @classmethod
    def empty(cls) -> "TrackerBoxes":
        """No tracks."""
        numbers, boxes = np.zeros(0, np.int64), np.zeros((0, 4), np.float32)
        return cls(track=numbers, stride=numbers, id=numbers, frame=numbers, boxes=boxes)

    def split(self) -> Iterator["TrackerBoxes"]:
        """One track after the other, each in the order of its frames."""
        order = np.lexsort((self.frame, self.track))
        for rows in np.split(order, np.flatnonzero(np.diff(self.track[order])) + 1):
            if len(rows):
                yield self[rows]


def track_sequence(
    engine: SiamMotionEngine,
    frames: Iterable[Frame],
    ground_truth: GroundTruthTracks,
    strides: Sequence[int],
) -> TrackerBoxes:
    """Track a sequence's objects from ground truth, as if only every n-th frame existed.

    This is done for each n in ``strides``, from each of the first n frames. A track that has lost
    its object ends, and the object is enrolled again at once.
    """
    numbers = count()
    trackers = [
        (stride, phase, _SequenceTracker(engine, ground_truth, stride, numbers))
        for stride in sorted(set(strides))
        for phase in range(stride)
    ]
    parts = [TrackerBoxes.empty()]
    for frame in frames:
        for stride, phase, tracker in trackers:
            if frame.index % stride == phase:
                parts.append(tracker.step(frame))
    return TrackerBoxes.cat(parts)


class _SequenceTracker:
    """Tracks the objects of a sequence in every ``stride``-th frame."""

    def __init__(
        self,
        engine: SiamMotionEngine,
        ground_truth: GroundTruthTracks,
        stride: int,
        numbers: Iterator[int],
    ) -> None:
        self.engine, self.ground_truth = engine, ground_truth
        self.stride, self.numbers = stride, numbers
        self.targets: SiamMotionTargets | None = None
        self.tracks = TrackerBoxes.empty()

    def step(self, frame: Frame) -> TrackerBoxes:
        """The rows of this frame: of the tracks that continue, and of those that begin."""
        observation = self.engine.observe(frame)
        if self.targets is not None:
            self.targets, motion = self.engine.track(observation, self.targets)
            self._drop_lost(frame.index, motion.boxes)
        new = self._start_tracks(frame)
        if len(new):
            enrolled = self.engine.enroll(observation, cxcywh_to_xyxy(new.boxes))
            old = [] if self.targets is None else [self.targets]
            self.targets = SiamMotionTargets.cat([*old, enrolled])
            self.tracks = TrackerBoxes.cat([self.tracks, new])
        return self.tracks

    def _drop_lost(self, frame: int, boxes: Float32[XYXY, " n"]) -> None:
        """Keep only the targets whose ``boxes`` are on their objects."""
        assert self.targets is not None
        frames = np.full(len(boxes), frame)
        tracks = replace(self.tracks, frame=frames, boxes=xyxy_to_cxcywh(boxes))
        on_target = _is_on_target(tracks, self.ground_truth)
        self.targets, self.tracks = self.targets[on_target], tracks[on_target]

    def _start_tracks(self, frame: Frame) -> TrackerBoxes:
        """The first rows of the objects that are in the frame and not tracked."""
        ground_truth = self.ground_truth
        rows = np.flatnonzero(
            (ground_truth.frame == frame.index) & ~np.isin(ground_truth.id, self.tracks.id)
        )
        boxes = cxcywh_to_xyxy(ground_truth.boxes[rows])
        rows = rows[inside_fraction(boxes, frame.size) >= MIN_INSIDE]
        return TrackerBoxes(
            track=np.array([next(self.numbers) for _ in rows], np.int64),
            stride=np.full(len(rows), self.stride),
            id=ground_truth.id[rows],
            frame=ground_truth.frame[rows],
            boxes=ground_truth.boxes[rows],
        )


def _is_on_target(tracks: TrackerBoxes, ground_truth: GroundTruthTracks) -> Bool[np.ndarray, " n"]:
    """Which rows overlap the ground truth of their object; none where that has no box."""
    keys = zip(tracks.id.tolist(), tracks.frame.tolist(), strict=True)
    rows = np.array([ground_truth.rows.get(key, -1) for key in keys], np.int64)
    known = np.flatnonzero(rows >= 0)
    boxes, true = tracks.boxes[known], ground_truth.boxes[rows[known]]
    on_target = np.zeros(len(rows), np.bool_)
    on_target[known] = np.diag(iou(cxcywh_to_xyxy(boxes), cxcywh_to_xyxy(true))) > MIN_IOU
    return on_target


def load_or_track(
    engine: SiamMotionEngine,
    sequences: Collection[GroundTruthTracks],
    strides: Sequence[int],
    folder: Path,
    origin: str,
) -> list[TrackerBoxes]:
    """Run ``track_sequence`` on each sequence, or load what an earlier call saved in ``folder``.

    ``origin`` identifies the tracker; for another tracker, other ground truth or other strides all
    sequences are tracked again. Raises ``InputError`` for frames that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loaded = []
    for sequence in tqdm(sequences, "tracking", leave=False):
        key = hashlib.sha256(f"{origin} {sorted(set(strides))}".encode() + sequence.digest)
        path = folder / f"{sequence.folder.name}-{key.hexdigest()[:12]}.npz"
        if not path.is_file():
            with open_source(sequence.folder) as source:
                frames = islice(source, int(sequence.frame.max(initial=-1)) + 1)
                _save(path, track_sequence(engine, frames, sequence, strides))
        with np.load(path) as columns:
            loaded.append(TrackerBoxes(**columns))
    return loaded


def _save(path: Path, tracks: TrackerBoxes) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.savez(file, **vars(tracks))
    unfinished.replace(path)


def cut_tracked_windows(
    pairs: Iterable[tuple[TrackerBoxes, GroundTruthTracks]], *, known: int, ahead: int
) -> Windows:
    """Cut all windows of the tracks, with the ground truth of their objects."""
    parts = [Windows.empty(known, ahead)]
    for tracks, ground_truth in pairs:
        for track in tracks.split():
            start = int(track.id[0]), int(track.frame[0]), int(track.stride[0])
            true = ground_truth.boxes_from(*start)
            parts.append(cut_windows(track.boxes, true, known=known, ahead=ahead))
    return Windows.cat(parts)
