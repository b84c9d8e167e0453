"""Workers run the detection stage: at once, or beside the tracker in a thread."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import NoReturn, Protocol, TypeAlias, runtime_checkable

from mvot_pipelines.detection.daemon import DaemonThread
from mvot_pipelines.detection.stage import Answer
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

__all__ = [
    "DetectionWorker",
    "DirectWorker",
    "Stage",
    "SupportsReplacement",
    "ThreadWorker",
]

Stage: TypeAlias = Callable[[Frame], Answer]
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


@runtime_checkable
class SupportsReplacement(Protocol):
    """A worker whose frames may have to wait for their turn."""

    @property
    def streams(self) -> int:
        """How many streams share the detector."""
        ...

    @property
    def is_waiting(self) -> bool:
        """Whether the frame that was submitted waits for its turn yet."""
        ...

    def replace(self, frame: Frame) -> bool:
        """Put a newer frame in its place; returns false where its turn has begun meanwhile."""
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

    A call that takes longer than ``timeout`` seconds is given up: its answer says so. A thread
    cannot be ended, so that no frame may be submitted until that call has returned; but where the
    stage has a method ``stop``, as ``ProcessStage``, that is called, and the next frame gets a new
    thread.
    """

    def __init__(
        self, stage: Stage, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stage, self._timeout, self._clock = stage, timeout, clock
        self._thread: DaemonThread | None = None
        self._left_behind: DaemonThread | None = None
        self._future: Future[Answer] | None = None
        self._since = 0.0

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        is_stuck = self._left_behind is not None and self._left_behind.is_alive
        return self._future is None and not is_stuck

    def submit(self, frame: Frame) -> None:
        """Begin to detect on a frame."""
        self._thread = self._thread or DaemonThread("detector")
        self._future, self._since = self._thread.submit(self._stage, frame), self._clock()

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
        self._give_up(0.0)
        error = TimeoutError(f"it has not answered for {self._timeout:g} s")
        return Answer(detections=None, error=error)

    def _give_up(self, seconds: float) -> None:
        """End the thread after its call, which is waited for as many seconds at most."""
        thread, self._thread, self._future = self._thread, None, None
        stop = getattr(self._stage, "stop", None)
        if stop is not None:
            stop()
        elif thread is not None:
            self._left_behind = thread
        if thread is not None:
            thread.close(seconds)
        if stop is not None:
            stop()  # again: the thread may have been about to start a process

    def __getstate__(self) -> NoReturn:
        """Called to pickle it, and to copy it."""
        raise UsageError(
            "a pipeline whose detector runs beside the tracker cannot be pickled or copied; "
            "take one that waits for its detector (asynchronous=False)"
        )

    def close(self) -> None:
        """End the thread, or leave it behind where the detector does not return soon."""
        self._give_up(_CLOSING_SECONDS)
