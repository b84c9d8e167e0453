"""Writing behind the tracker."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.base import Sink
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame, Tracks

__all__ = ["BackgroundSink"]


class BackgroundSink(Sink):
    """Writes to another sink in a thread of its own, in order.

    What the other sink raises is raised by a later ``write`` or by ``close``, and nothing is
    written after it. ``close`` writes what is left, and closes the other sink.

    Args:
        sink: the sink to write to; it is used in the thread alone.
        timer: adds up the seconds of the stage "write" in that thread.
        depth: the most frames that wait to be written; few, to stay in the processor's cache.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mvot_pipelines.sinks import BackgroundSink, JsonLinesSink
        >>> from mvot_plugin import Tracks
        >>> from mvot_plugin.types import as_frame
        >>> frame = as_frame(np.zeros((240, 320, 3), np.uint8))
        >>> with BackgroundSink(JsonLinesSink("tracks.jsonl")) as sink:
        ...     sink.write(frame, Tracks.empty())
        >>> print(Path("tracks.jsonl").read_text(), end="")
        {"frame": 0, "timestamp": null, "tracks": 0}
    """

    def __init__(self, sink: Sink, *, timer: StageTimer | None = None, depth: int = 2) -> None:
        self._sink, self._depth = sink, depth
        self._timer = timer or StageTimer()
        self._thread = ThreadPoolExecutor(1, "write")
        self._waiting: deque[Future[None]] = deque()
        self._failed = self._closed = False

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Hand over a frame with its tracks; waits while as many as ``depth`` are not written."""
        while self._waiting and (self._waiting[0].done() or len(self._waiting) >= self._depth):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._write, frame, tracks, counts))

    def _write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count]) -> None:
        """Write a frame, unless one before it failed."""
        if self._failed:
            return
        self._failed = True
        with self._timer("write"):
            self._sink.write(frame, tracks, counts)
        self._failed = False

    @property
    def notes(self) -> list[str]:
        """What the other sink has to say."""
        return self._sink.notes

    def close(self) -> None:
        """Write what is left and finish the output; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        with self._thread as thread:
            self._waiting.append(thread.submit(self._sink.close))
        while self._waiting:
            self._waiting.popleft().result()
