"""Where a recording is cut into overlapping pieces.

A piece begins on a frame on which the unbroken run would detect, the first one from a key frame on,
so that nothing is decoded in vain and the detector sees the same frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float64, Int64

from mvot_pipelines.cluster.pieces.key_frames import FrameTable

__all__ = ["Frames", "Piece", "plan_pieces", "whole_recording"]

_SECONDS, _DETECTIONS = 5.0, 20
"""That two pieces share: by then, those that the later piece tracks are settled, however few frames
a second there are, and however seldom the detector runs."""


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a recording that is tracked at once; numbers of frames count from 0."""

    number: int
    """Its place among the pieces of the recording, from 0."""
    start: int
    """Its first frame."""
    stop: int | None
    """The first frame behind it; None is the end of the recording."""
    shared: int
    """The first frame behind those that it shares with the piece before."""
    next_start: int | None
    """The first frame of the piece behind it, which shares the frames from there on; None for the
    last one."""
    seconds: float | None
    """When its first frame is shown, to be looked for by it; None reads from the beginning."""

    def from_beginning(self) -> "Piece":
        """The same piece, found by reading the recording from its beginning."""
        return replace(self, seconds=None)


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The frames of a recording that are taken."""

    length: int
    """The expected number of frames of the recording."""
    rate: float
    """Frames per second, where there is no table."""
    table: FrameTable | None = None
    """When they are shown."""
    first: int = 0
    """The first that is taken."""
    stop: int | None = None
    """The first that is taken no more; None for the end."""
    stride: int = 1
    """Of so many frames one is taken."""
    every: int = 1
    """The detector runs on one of so many frames of the recording, and on the first."""

    def times(self) -> Float64[np.ndarray, " n"]:
        """When each frame of the recording is shown, in seconds."""
        if self.table is not None:
            return self.table.seconds
        return np.arange(self.length) / self.rate

    def keys(self) -> Int64[np.ndarray, " n"]:
        """The frames that need no other; all of them where that is not known."""
        if self.table is None:
            return np.arange(self.length)
        return np.flatnonzero(self.table.is_key)

    def align(self, index: int) -> int:
        """The first frame from ``index`` on that is taken, and on which the detector runs."""
        due = -(-index // self.every) * self.every
        return self.first + -(-(due - self.first) // self.stride) * self.stride


def whole_recording(first: int = 0) -> Piece:
    """A recording in one piece, from a frame on."""
    return Piece(number=0, start=first, stop=None, shared=first, next_start=None, seconds=None)


def plan_pieces(frames: Frames, piece: float, overlap: float | None) -> list[Piece]:
    """Cut a recording.

    Args:
        frames: Its frames.
        piece: About how many seconds a piece has without the overlap; all have nearly as many.
        overlap: Seconds that a piece shares with the next one; None is 5 seconds or 20 detections,
            whichever is longer, but no longer than the piece itself.

    Returns:
        The pieces in order, at least one.
    """
    times = frames.times()[frames.first : frames.stop]
    starts = [frames.first]
    count = 1 if len(times) < 2 else max(1, round((times[-1] - times[0]) / piece))
    for number in range(1, count):
        target = times[0] + (times[-1] - times[0]) * number / count
        start = frames.align(_choose_key(frames, target, piece / 4))
        if starts[-1] < start < frames.first + len(times):
            starts.append(start)
    return list(_build(frames, starts, overlap))


def _choose_key(frames: Frames, target: float, most: float) -> int:
    """The key frame nearest to a time; where none is within ``most`` seconds, the frame there."""
    times, keys = frames.times(), frames.keys()
    apart = np.abs(times[keys] - target)
    if len(keys) and apart.min() <= most:
        return int(keys[apart.argmin()])
    return int(np.searchsorted(times, target))


def _build(frames: Frames, starts: list[int], overlap: float | None) -> Iterator[Piece]:
    """The pieces that begin on ``starts``; each ends ``overlap`` seconds into the next one."""
    times, shared = frames.times(), frames.first
    for number, (start, following) in enumerate(pairwise([*starts, None])):
        assert start is not None
        stop = frames.stop
        if following is not None:
            seconds = _SECONDS if overlap is None else overlap
            end = int(np.searchsorted(times, times[following] + seconds))
            if overlap is None:
                longest = following + (following - start)
                end = min(max(end, following + _DETECTIONS * frames.every), longest)
            stop = end if stop is None else min(end, stop)
            stop = stop if stop < len(times) else frames.stop
        is_timed = frames.table is not None and number > 0
        yield Piece(
            number=number,
            start=start,
            stop=stop,
            shared=shared,
            next_start=following,
            seconds=float(times[start]) if is_timed else None,
        )
        shared = frames.length if stop is None else stop
