"""Detection ahead of the tracker, in recordings."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

from mvot_pipelines.detection.daemon import DaemonThread
from mvot_plugin.detectors import as_detections
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame

__all__ = ["DetectAhead"]

_CLOSING_SECONDS = 2.0


class DetectAhead:
    """A detector that runs in a thread of its own, one frame after another, as soon as it can.

    A context manager, and a detector itself: its answer on a frame is the other detector's, which
    it waits for, and it raises what that one raised.

        with DetectAhead(detector, detect_every=5) as ahead:
            pipeline = MotPipeline(ahead, "lk-flow", 5)
            for frame in read_ahead(ahead.watch(source)):
                tracks = pipeline.step(frame)

    Args:
        detector: any callable that takes a ``Frame``.
        detect_every: k, where it is known that detections are asked for on every k-th frame.
        timer: adds up the seconds of the stage "detect" in that thread.

    Attributes:
        names: the other detector's class names by number; None where it has none.
    """

    def __init__(
        self,
        detector: Callable[[Frame], Any],
        detect_every: int,
        timer: StageTimer | None = None,
    ) -> None:
        self._detector, self._every = detector, detect_every
        self.names = find_class_names(detector)
        self._timer = timer or StageTimer()
        self._thread = DaemonThread("detect-ahead")
        self._answers: dict[int, Future[Any]] = {}
        self._next = 0

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the same frames, and begin to detect on those that are due, as by ``EveryK``."""
        for frame in frames:
            if frame.index >= self._next:
                self._next = (frame.index // self._every + 1) * self._every
                self._answers[frame.index] = self._submit(frame)
            yield frame

    def __call__(self, frame: Frame) -> Any:
        """The detector's answer on a frame, which is given once."""
        answer = self._answers.pop(frame.index, None) or self._submit(frame)
        return answer.result()

    def _submit(self, frame: Frame) -> "Future[Any]":
        return self._thread.submit(self._detect, frame)

    def _detect(self, frame: Frame) -> Any:
        with self._timer.activate(), self._timer("detect"):
            return as_detections(self._detector(frame))

    def close(self) -> None:
        """End the thread after its call, or leave it behind where that does not return soon."""
        self._thread.close(_CLOSING_SECONDS)

    def __enter__(self) -> "DetectAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
