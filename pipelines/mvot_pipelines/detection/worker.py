"""Workers run the detection stage: at once, or beside the tracker in a thread."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Protocol, TypeAlias, runtime_checkable

from mvot_pipelines.detection.stage import Answer
from mvot_plugin.types import Frame

__all__ = ["DetectionWorker", "DirectWorker", "Stage", "ThreadWorker"]

Stage: TypeAlias = Callable[[Frame], Answer]
_Request: TypeAlias = "tuple[Frame, Future[Answer]] | None"
_CLOSING_SECONDS = 2.0


@runtime_checkable
class DetectionWorker(Protocol):
    """Runs the detection stage on one frame at a time."""

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        ...

    def submit(self, frame: Frame) -> None:
        """Begin to detect on a frame; the last answer must have been collected."""
        ...

    def collect(self) -> Answer | None:
        """The answer on the frame that was submitted; None while there is none.

        Raises what the stage raised. An answer is given once.
        """
        ...

    def close(self) -> None:
        """End the worker; a second call does nothing."""
        ...


class DirectWorker:
    """Detects while the tracker waits."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._frame: Frame | None = None

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        return self._frame is None

    def submit(self, frame: Frame) -> None:
        """Take the frame to detect on."""
        self._frame = frame

    def collect(self) -> Answer | None:
        """Detect on the frame that was submitted."""
        frame, self._frame = self._frame, None
        return None if frame is None else self._stage(frame)

    def close(self) -> None:
        """Nothing is to be ended."""


class ThreadWorker:
    """Detects in a thread of its own.

    A call that takes longer than ``timeout`` seconds is given up: its answer says so, and the next
    frame gets a new thread. (A thread cannot be ended; where the stage has a method ``stop``, as
    ``ProcessStage``, that is called.)
    """

    def __init__(
        self, stage: Stage, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stage, self._timeout, self._clock = stage, timeout, clock
        self._requests: SimpleQueue[_Request] | None = None
        self._thread: Thread | None = None
        self._future: Future[Answer] | None = None
        self._since = 0.0

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        return self._future is None

    def submit(self, frame: Frame) -> None:
        """Begin to detect on a frame."""
        if self._requests is None:
            self._requests = SimpleQueue()
            arguments = self._stage, self._requests
            self._thread = Thread(target=_serve, args=arguments, name="detector", daemon=True)
            self._thread.start()
        self._future, self._since = Future(), self._clock()
        self._requests.put((frame, self._future))

    def collect(self) -> Answer | None:
        """The answer on the frame that was submitted; None while there is none."""
        future = self._future
        if future is None:
            return None
        if future.done():
            self._future = None
            return future.result()
        if self._clock() - self._since <= self._timeout:
            return None
        self._give_up()
        error = TimeoutError(f"it has not answered for {self._timeout:g} s")
        return Answer(detections=None, error=error)

    def _give_up(self) -> None:
        """Leave the thread to itself, and end what it waits for."""
        if self._requests is not None:
            self._requests.put(None)
        self._requests = self._future = None
        if (stop := getattr(self._stage, "stop", None)) is not None:
            stop()

    def close(self) -> None:
        """End the thread, or leave it behind where the detector does not return soon."""
        self._give_up()
        if self._thread is not None:
            self._thread.join(_CLOSING_SECONDS)
            self._thread = None


def _serve(stage: Stage, requests: "SimpleQueue[_Request]") -> None:
    """Run a stage on one frame after another, until None comes."""
    while (request := requests.get()) is not None:
        frame, future = request
        try:
            future.set_result(stage(frame))
        except BaseException as error:
            future.set_exception(error)
