"""The calls of a detector in one video: asked for, collected and counted."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mvot_pipelines.detection import open_worker
from mvot_pipelines.detection.stage import Answer, DescriptionStage
from mvot_pipelines.detection.worker import DetectionWorker, Stage, SupportsReplacement
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_plugin.detectors import as_detections
from mvot_plugin.errors import InputError, UsageError, describe_error
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Detections, Frame

__all__ = ["CallCounts", "DetectorCalls"]

_MAX_KEPT_ERRORS = 100
"""Messages of failures that are kept; further ones are only counted."""


class DetectorCalls:
    """Calls the detector through a worker, or takes the detections of others in.

    Args:
        detector, embedder, asynchronous, class_names: as of ``MotPipeline``.
        config: its settings.
        timer: adds up the seconds of the stages "detect" and "embed".

    Attributes:
        worker: runs detector and embedder.
        count: frames that the detector was given.
        detections: those that were taken.
        dropped, left_out: detections that were not taken, as ``MotPipeline`` says.
        failures: frames on which the detector failed.
        errors: messages of the first 100 failures.
        seconds: those of the last call.
    """

    def __init__(
        self,
        detector: str | Path | Callable[..., Any] | None,
        embedder: str | Path | Callable[..., Any] | None,
        config: PipelineConfig,
        asynchronous: bool | str | Callable[[Stage], DetectionWorker],
        class_names: Mapping[int, str] | None,
        timer: StageTimer,
    ) -> None:
        self._config, self._timer = config, timer
        self._describe: DescriptionStage | None = None
        if not config.compares_appearance:
            embedder = None
        if not asynchronous:
            most = config.max_detections
            self._describe = DescriptionStage(embedder, most=most, class_names=class_names)
            embedder = self._describe.embedder
        self.worker = open_worker(
            asynchronous,
            _refuse if detector is None else detector,
            embedder,
            most=config.max_detections,
            timeout=config.detector_timeout,
            clock=timer.clock,
            class_names=class_names,
        )
        self._submitted: Frame | None = None
        self._skips_answer = False
        self.reset()

    def reset(self) -> None:
        """Begin to count anew; an answer that is to come is not used."""
        self._skips_answer |= self._submitted is not None
        self.count = self.detections = self.dropped = self.left_out = self.failures = 0
        self.errors: list[str] = []
        self.seconds = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether the submitted frame waits for its turn: a newer one may take its place."""
        is_wanted = self._submitted is not None and not self._skips_answer
        return is_wanted and isinstance(self.worker, SupportsReplacement) and self.worker.is_waiting

    @property
    def streams(self) -> int:
        """How many streams share the detector."""
        return self.worker.streams if isinstance(self.worker, SupportsReplacement) else 1

    def submit(self, frame: Frame) -> bool:
        """Begin to detect on a frame, in place of the submitted one where that waits for its turn.

        Returns false where that turn has begun meanwhile.
        """
        if self._submitted is None or not isinstance(self.worker, SupportsReplacement):
            self.count += 1
            self.worker.submit(frame)
        elif not self.worker.replace(frame):
            return False
        self._submitted = frame
        return True

    def collect(self) -> tuple[bool, Detections | None]:
        """Whether there is an answer on the submitted frame, and its detections.

        They are None where the detector failed. Raises ``InputError`` then, where a failure is to
        end the run.
        """
        answer, skipped = self.worker.collect(), self._skips_answer
        if answer is None:
            return False, None
        frame, self._submitted, self._skips_answer = self._submitted, None, False
        if skipped or frame is None:
            return False, None
        detections = self._count(answer)
        if answer.error is not None:
            self._handle_failure(answer.error, frame)
        return True, detections

    def take(self, frame: Frame, result: object) -> Detections:
        """Take in what a detector that the caller runs found on a frame.

        Raises:
            InputError: for what is no detections.
            UsageError: where the pipeline's own detector runs beside the tracker.
        """
        if self._describe is None:
            raise UsageError(
                "MotPipeline.update takes your own detections: leave asynchronous out, or call step"
            )
        answer = self._describe(frame, as_detections(result), StageTimer(self._timer.clock))
        return self._count(answer) or Detections.empty()

    def _count(self, answer: Answer) -> Detections | None:
        """Count what was not taken, and the time; returns the detections."""
        self.dropped += answer.dropped
        self.left_out += answer.left_out
        self.seconds = sum(answer.seconds.values())
        for name, seconds in answer.seconds.items():
            self._timer.add(name, seconds)
        self.detections += len(answer.detections or ())
        return answer.detections

    def _handle_failure(self, error: BaseException, frame: Frame) -> None:
        """Count a failure of the detector, or raise ``InputError``, by ``on_detector_error``."""
        reason = describe_error(error)
        if self._config.on_detector_error == "fail":
            raise InputError(
                f"the detector failed on frame {frame.index} ({reason}); to go on without it, "
                "set pipeline.on_detector_error to coast"
            ) from error
        error.__traceback__ = error.__cause__ = error.__context__ = None  # they keep the image
        self.failures += 1
        if self.failures <= _MAX_KEPT_ERRORS:
            self.errors.append(f"frame {frame.index}: {reason}")


def _refuse(frame: Frame) -> Detections:
    raise UsageError(
        "this pipeline has no detector: give it one, or bring your detections to update"
    )


class CallCounts:
    """What a pipeline tells of its detector's calls."""

    calls: DetectorCalls

    @property
    def detector_calls(self) -> int:
        """Frames so far that the detector was given."""
        return self.calls.count

    @property
    def dropped_boxes(self) -> int:
        """Detections so far that were dropped, since they have no area inside the image."""
        return self.calls.dropped

    @property
    def left_out_boxes(self) -> int:
        """Detections so far beyond ``max_detections`` on a frame, or beyond as many targets."""
        return self.calls.left_out

    @property
    def detector_failures(self) -> int:
        """Frames so far on which the detector failed (``on_detector_error="coast"``)."""
        return self.calls.failures

    @property
    def detector_errors(self) -> list[str]:
        """Messages of the first 100 of these failures."""
        return self.calls.errors
