"""A pipeline on a virtual clock (VOT-RT; SiamMT 4.2).

Frames arrive at a fixed rate, and the time that the pipeline spends on one moves the clock. Frames
that arrive in the meantime are skipped; processing continues with the next frame to arrive. Each
frame is scored with the latest tracks that are complete before the following frame arrives, even
if they are of an earlier frame. The clock has no other effect: frames keep the timestamps of the
recording, even where they arrive faster.

Where the detector runs beside the tracker, its time moves no clock: its answer is there on the
first frame that arrives after so long.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil

from mvot_pipelines.detection import Answer
from mvot_pipelines.detection.worker import Stage
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame, Tracks

__all__ = ["RealTimePipeline", "RtConfig", "VirtualClock", "VirtualWorker"]

_DETECTION = ("detect", "embed")
"""The stages that a worker runs."""


@dataclass(frozen=True, kw_only=True)
class RtConfig:
    """The time that the parts of the pipeline take; None means the measured time."""

    detector_ms: float | None = None
    """Milliseconds for a call of the detector."""
    engine_ms: float | None = None
    """Milliseconds for the rest: motion and merging, for each frame that is tracked or tracked
    again; with the embedder, where the detector is not beside the tracker."""

    def __post_init__(self) -> None:
        for name, value in (("detector", self.detector_ms), ("engine", self.engine_ms)):
            if value is not None and not 0 <= value < float("inf"):
                raise UsageError(f"--{name}-ms must be a number of milliseconds, got {value:g}")


@dataclass(kw_only=True)
class VirtualClock:
    """The time in milliseconds; a frame arrives at its index times the period."""

    now: float = 0.0
    """Since the first frame arrived."""


class VirtualWorker:
    """A detector beside the tracker: its answers come when its time has passed on the clock."""

    def __init__(self, stage: Stage, clock: VirtualClock, config: RtConfig) -> None:
        self._stage, self._clock, self._config = stage, clock, config
        self._answer: Answer | None = None
        self._ready = 0.0

    @property
    def is_free(self) -> bool:
        """Whether a frame may be submitted."""
        return self._answer is None

    def submit(self, frame: Frame) -> None:
        """Detect on a frame now, and keep the answer until its time has passed."""
        self._answer = self._stage(frame)
        self._ready = self._clock.now + self._cost(self._answer)

    def collect(self) -> Answer | None:
        """The answer; None before its time."""
        if self._answer is None or self._clock.now < self._ready - 1e-6:
            return None
        answer, self._answer = self._answer, None
        return answer

    def close(self) -> None:
        """Nothing is to be ended."""

    def _cost(self, answer: Answer) -> float:
        """The milliseconds that an answer takes; the embedder's count where they are measured."""
        measured = {name: 1e3 * seconds for name, seconds in answer.seconds.items()}
        embedder = 0.0 if self._config.engine_ms is not None else measured.get("embed", 0.0)
        detector = self._config.detector_ms
        return embedder + (measured.get("detect", 0.0) if detector is None else detector)


class RealTimePipeline:
    """A pipeline on frames that arrive at ``fps``, whether it is ready or not.

    Args:
        pipeline: the pipeline, whose detector blocks it or is a ``VirtualWorker``.
        fps: frames that arrive per second.
        config: the time that its parts take.
        clock: the clock of the ``VirtualWorker``, if there is one.

    Attributes:
        frames: frames that have arrived.
        latencies: milliseconds from the arrival of each processed frame to its tracks.
    """

    def __init__(
        self,
        pipeline: MotPipeline,
        fps: float,
        config: RtConfig,
        clock: VirtualClock | None = None,
    ) -> None:
        self.pipeline, self._fps, self._config, self._clock = pipeline, fps, config, clock
        self.frames = 0
        self.latencies: list[float] = []

    def run(self, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Tracks]]:
        """Each frame of a video with the tracks that are complete when the next one arrives."""
        shown = pending = Tracks.empty()
        free_from = 0
        for frame in frames:
            self.frames += 1
            if frame.index >= free_from:
                shown, (pending, cost) = pending, self._step(frame)
                self.latencies.append(cost)
                free_from = frame.index + max(1, ceil(cost * self._fps / 1e3 - 1e-9))
            if frame.index >= free_from - 1:
                shown = pending
            yield frame, shown

    def _step(self, frame: Frame) -> tuple[Tracks, float]:
        """The tracks on a frame, and the milliseconds that the pipeline was busy with them."""
        if self._clock is not None:
            self._clock.now = 1e3 * frame.index / self._fps
        timer = self.pipeline.timer
        calls, seconds = dict(timer.calls), dict(timer.seconds)
        tracks = self.pipeline.step(frame)
        made = {name: timer.calls[name] - calls.get(name, 0) for name in timer.calls}
        spent = {name: 1e3 * (timer.seconds[name] - seconds.get(name, 0.0)) for name in made}
        return tracks, self._cost(made, spent)

    def _cost(self, calls: dict[str, int], spent: dict[str, float]) -> float:
        """Milliseconds of a step, from the calls of the stages and their measured milliseconds."""
        config, is_blocked = self._config, self._clock is None
        outside = ("detect",) if is_blocked else _DETECTION
        cost = sum(time for name, time in spent.items() if name not in outside)
        if config.engine_ms is not None:
            cost = config.engine_ms * calls["associate"]
        if is_blocked and config.detector_ms is not None:
            cost += config.detector_ms * calls.get("detect", 0)
        elif is_blocked:
            cost += spent.get("detect", 0.0)
        return cost
