"""A stream's turns of a detector that it shares with others."""

from concurrent.futures import wait
from typing import NoReturn

from mvot_pipelines.detection.shared import SharedDetector, Turn
from mvot_pipelines.detection.stage import Answer, DetectionStage
from mvot_pipelines.detection.worker import Stage
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame

__all__ = ["SharedWorker"]

_POLL_SECONDS = 0.2


class SharedWorker:
    """Runs a stream's detection stage, with the calls of the detector taken in turn with others.

    A frame whose turn has not come yet is replaced by a newer one (``SupportsReplacement``).

    Args:
        stage: a ``DetectionStage``, whose detector is not called.
        detector: the detector that is.
        timeout: seconds after which a call is given up.
        waits: whether ``collect`` waits for the answer.
    """

    def __init__(
        self, stage: Stage, detector: SharedDetector, timeout: float, *, waits: bool
    ) -> None:
        assert isinstance(stage, DetectionStage)
        self._stage, self._detector = stage, detector
        self._timeout, self._waits = timeout, waits
        self._turn: Turn | None = None

    @property
    def streams(self) -> int:
        """How many streams share the detector."""
        return max(self._detector.streams, 1)

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        return self._turn is None and self._detector.seconds_stuck() <= self._timeout

    @property
    def is_waiting(self) -> bool:
        """Whether the frame that was submitted waits for its turn yet."""
        return self._turn is not None and self._turn.begun is None

    def submit(self, frame: Frame) -> None:
        """Ask for a turn."""
        self._turn = self._detector.submit(frame, self._stage.finish)

    def replace(self, frame: Frame) -> bool:
        """Put a newer frame in place of the submitted one, unless its turn has begun."""
        return self._turn is not None and self._detector.replace(self._turn, frame)

    def collect(self) -> Answer | None:
        """The answer on the frame that was submitted; None while there is none."""
        turn = self._turn
        if turn is None or not self._has_ended(turn):
            return None
        self._turn = None
        if turn.answer.done():
            answer: Answer = turn.answer.result()
            return answer
        self._detector.withdraw(turn)
        if self._detector.seconds_stuck(turn) > self._timeout:  # no other stream has stopped it
            self._detector.stop()
        error = TimeoutError(f"it has not answered for {self._timeout:g} s")
        return Answer(detections=None, error=error)

    def _has_ended(self, turn: Turn) -> bool:
        """Whether the answer is there, or is given up."""
        while not turn.answer.done() and self._detector.seconds_stuck(turn) <= self._timeout:
            if not self._waits:
                return False
            wait([turn.answer], _POLL_SECONDS)
        return True

    def __getstate__(self) -> NoReturn:
        """Called to pickle it, and to copy it."""
        raise UsageError("a pipeline that shares its detector cannot be pickled or copied")

    def close(self) -> None:
        """Take back what waits."""
        if self._turn is not None:
            self._detector.withdraw(self._turn)
            self._turn = None
