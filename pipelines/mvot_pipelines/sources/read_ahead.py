"""Decoding ahead of the tracker."""

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame

__all__ = ["read_ahead"]


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
