"""How frames are read: which of them, and ahead of the tracker."""

import math
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame

__all__ = ["count_selected", "index_at", "read_ahead", "select_frames"]

_TOLERANCE = 1e-6
"""Seconds by which a frame may be early."""


def read_ahead(
    frames: Iterable[Frame], *, timer: StageTimer | None = None, depth: int = 8
) -> Generator[Frame, None, None]:
    """Iterate the frames of a recording in a thread of its own.

    The thread ends with the generator, so close it before the recording.

    Args:
        frames: a recording; of a live source, old frames would be queued.
        timer: adds up the seconds of the stage "decode" in that thread.
        depth: the most frames that wait to be taken.

    Yields:
        The same frames in the same order.

    Raises:
        MvotError: what ``frames`` raises, after the frames before.
    """
    iterator, timer = iter(frames), timer or StageTimer()

    def read() -> Frame | None:
        with timer("decode"):
            return next(iterator, None)

    reader = ThreadPoolExecutor(1, "decode")
    try:
        waiting: deque[Future[Frame | None]] = deque(reader.submit(read) for _ in range(depth))
        while (frame := waiting.popleft().result()) is not None:
            waiting.append(reader.submit(read))
            yield frame
    finally:
        reader.shutdown(cancel_futures=True)


def select_frames(
    frames: Iterable[Frame], *, start: float | int = 0.0, stride: int = 1, count: int | None = None
) -> Generator[Frame, None, None]:
    """Leave out frames, which are decoded all the same.

    Args:
        frames: frames in order.
        start: seconds after the first frame at which the frames begin that are taken.
        stride: of so many of them one is taken; where some are missing, the next ones.
        count: the most that are taken; None is all.

    Yields:
        Those that are taken, with the numbers and times that they have.
    """
    first: float | None = None
    taken, due = 0, 0
    for frame in frames:
        first = frame.timestamp if first is None else first
        if frame.timestamp - first < start - _TOLERANCE or frame.index < due:
            continue
        yield frame
        taken, due = taken + 1, frame.index + stride
        if taken == count:
            return


def count_selected(
    length: int | None, rate: float, start: float | int, stride: int, count: int | None
) -> int | None:
    """How many of ``length`` frames, ``rate`` a second, ``select_frames`` takes, or None.

    It is an estimate where the frame rate varies.
    """
    if length is None:
        return count
    return len(range(length)[index_at(start, rate) :: stride][:count])


def index_at(seconds: float | int, rate: float) -> int:
    """The index of the first frame that is not before ``seconds``, at ``rate`` frames a second."""
    return math.ceil((seconds - _TOLERANCE) * rate)
