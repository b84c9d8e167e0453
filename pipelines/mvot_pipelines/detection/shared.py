"""One detector for several streams."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from mvot_pipelines.detection.stage import detect
from mvot_plugin.detectors import Detector, as_detections
from mvot_plugin.detectors.base import SupportsBatches
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.timing import stage
from mvot_plugin.types import Detections, Frame

__all__ = ["SharedDetector", "Turn"]

Found: TypeAlias = "Detections | BaseException"
"""What a detector found on a frame, or what it raised."""

_CLOSING_SECONDS = 2.0


@dataclass(kw_only=True, eq=False)
class Turn:
    """A frame that waits for the detector, or that it is at work on, or has looked at."""

    frame: Frame
    """The frame; another one may take its place until the turn has begun."""
    due: float
    """When it was asked for, in seconds on the detector's clock."""
    finish: Callable[[Frame, Found, float], Any]
    """Makes the answer of the frame, what was found on it, and the seconds that this took."""
    begun: float | None = None
    """When the detector began."""
    answer: "Future[Any]" = field(default_factory=Future)
    """What ``finish`` returned or raised."""


class SharedDetector:
    """A detector that several threads may call at once, which wait for their turns.

    The frame that has been due for longest comes first. Where the detector takes batches, frames
    of one size that are due are detected together.

    Args:
        detector: any callable that takes a ``Frame``.
        workers: calls that run side by side; more than one is for detectors that several threads
            may call at once.
        batch: frames of one call, at most; more than one is for detectors that take batches.
        patience: seconds for which a call waits for its batch to be full, while other streams may
            ask yet.
        clock: returns seconds.

    Attributes:
        names: the detector's class names by number; None where it has none.
        streams: how many streams share it (``join``).
    """

    def __init__(
        self,
        detector: Detector,
        *,
        workers: int = 1,
        batch: int = 1,
        patience: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._detector, self._batch, self._patience = detector, batch, patience
        self.names = find_class_names(detector)
        self.streams, self._askers, self._clock = 0, 0, clock
        self._changed = threading.Condition()
        self._waiting: list[Turn] = []
        self._running: dict[int, float] = {}
        self._is_closed = False
        self._threads = [
            threading.Thread(target=self._serve, args=(number,), name="detector", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def __call__(self, frame: Frame, /) -> Detections:
        """Detect on a frame, after the frames that are due before it; raises what it raised."""
        with stage("wait"):
            found: Found = self.submit(frame, _return_found).answer.result()
        if isinstance(found, BaseException):
            raise found
        return found

    @contextmanager
    def join(self) -> Iterator[None]:
        """Count a stream as one that shares the detector, within a ``with``."""
        with self._changed:
            self.streams += 1
        self.expect(1)
        try:
            yield
        finally:
            with self._changed:
                self.streams -= 1
            self.expect(-1)

    def expect(self, change: int) -> None:
        """So many callers more, or less, may ask yet, so that a batch waits for them."""
        with self._changed:
            self._askers += change
            self._changed.notify_all()

    def submit(self, frame: Frame, finish: Callable[[Frame, Found, float], Any]) -> Turn:
        """Ask for detections on a frame; ``finish`` is called in a thread of the detector."""
        turn = Turn(frame=frame, due=self._clock(), finish=finish)
        with self._changed:
            if self._is_closed:
                turn.answer.set_exception(RuntimeError("the detector is closed"))
                return turn
            self._waiting.append(turn)
            self._changed.notify_all()
        return turn

    def replace(self, turn: Turn, frame: Frame) -> bool:
        """Let a turn be for another frame; returns false where it has begun already."""
        with self._changed:
            if turn.begun is None:
                turn.frame = frame
            return turn.begun is None

    def withdraw(self, turn: Turn) -> None:
        """Take a turn back; one that has begun is left alone."""
        with self._changed, suppress(ValueError):
            self._waiting.remove(turn)

    def seconds_stuck(self, turn: Turn | None = None) -> float:
        """How long a call has lasted that the turn waits for; without one, the shortest of all.

        It is 0 where the turn's answer is there, or a thread is free.
        """
        with self._changed:
            now = self._clock()
            if turn is not None and turn.answer.done():
                return 0.0
            if turn is not None and turn.begun is not None:
                return now - turn.begun
            if len(self._running) < len(self._threads):
                return 0.0
            return now - max(self._running.values())

    def stop(self) -> None:
        """Break off the calls that run, where the detector can do that (it has ``stop``)."""
        stop = getattr(self._detector, "stop", None)
        if stop is not None:
            stop()

    def close(self) -> None:
        """End the threads after their calls, or leave them behind where these do not return."""
        with self._changed:
            self._is_closed = True
            left, self._waiting = self._waiting, []
            self._changed.notify_all()
        for turn in left:
            turn.answer.set_exception(RuntimeError("the detector is closed"))
        self.stop()
        end = time.monotonic() + _CLOSING_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def __enter__(self) -> "SharedDetector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, number: int) -> None:
        """Take turns until the detector is closed."""
        while turns := self._take(number):
            start = self._clock()
            found = self._detect([turn.frame for turn in turns])
            seconds = (self._clock() - start) / len(turns)
            for turn, one in zip(turns, found, strict=True):
                _answer(turn, one, seconds)
            with self._changed:
                del self._running[number]

    def _take(self, number: int) -> list[Turn]:
        """The turns of the next call, waited for; none where the detector is closed."""
        turns: list[Turn] = []
        with self._changed:
            while not (turns or self._is_closed):
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if self._batch > 1 and self._patience > 0:
                    self._changed.wait_for(self._is_full, self._patience)
                turns = self._choose()
            for turn in turns:
                self._waiting.remove(turn)
                turn.begun = self._running[number] = self._clock()
        return turns

    def _is_full(self) -> bool:
        """Whether no more frames are to be expected for a batch."""
        return self._is_closed or len(self._waiting) >= min(self._batch, self._askers)

    def _choose(self) -> list[Turn]:
        """The turns that have been due for longest, with frames of one size."""
        ordered = sorted(self._waiting, key=lambda turn: turn.due)
        fitting = [turn for turn in ordered if turn.frame.size == ordered[0].frame.size]
        return fitting[: self._batch]

    def _detect(self, frames: Sequence[Frame]) -> Sequence[Found]:
        """What was found on each frame; a batch that fails is tried again frame by frame."""
        if len(frames) > 1 and isinstance(self._detector, SupportsBatches):
            with suppress(BaseException):  # such as SystemExit: each frame says what it raises
                batch = self._detector.detect_batch([replace(frame) for frame in frames])
                found = [as_detections(one) for one in batch]
                if len(found) == len(frames):
                    return found
        return [_detect_one(self._detector, frame) for frame in frames]


def _detect_one(detector: Detector, frame: Frame) -> Found:
    try:
        return detect(detector, frame)
    except KeyboardInterrupt as error:  # not ours: those of the terminal reach the main thread
        return error


def _return_found(frame: Frame, found: Found, seconds: float) -> Found:
    return found


def _answer(turn: Turn, found: Found, seconds: float) -> None:
    try:
        turn.answer.set_result(turn.finish(turn.frame, found, seconds))
    except BaseException as error:
        turn.answer.set_exception(error)
