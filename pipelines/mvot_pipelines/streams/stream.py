"""A stream: a source on its way through a pipeline into sinks, with a report."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from mvot_pipelines.config import RunConfig
from mvot_pipelines.counting.counter import Counter
from mvot_pipelines.detection.ahead import DetectAhead
from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.detection.worker import DetectionWorker, Stage
from mvot_pipelines.loading import DeferredDetector, build_scheduler, choose_worker
from mvot_pipelines.outputs import open_sinks
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.progress import Progress
from mvot_pipelines.report import RunReport, describe_detections
from mvot_pipelines.sinks import Sink, StopRun
from mvot_pipelines.sources import Source, open_source
from mvot_pipelines.sources.reading import count_selected, read_ahead
from mvot_pipelines.streams.parts import Parts
from mvot_plugin.detectors import Detector, ReplayDetector
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.errors import MvotError, UsageError
from mvot_plugin.threads import check_threads
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame

__all__ = ["Stream", "open_configured_source"]

_MOST_AHEAD, _MOST_BYTES_AHEAD = 8, 1 << 29
"""Frames that are decoded ahead, as far as the next detection, and their bytes: no more."""


def open_configured_source(config: RunConfig) -> Source:
    """The source that the settings name."""
    source = open_source(
        config.source or "",
        frame_rate=config.frame_rate,
        live=config.live,
        reconnect=config.reconnect,
        limits=config.limits,
    )
    if source.is_live and config.start:
        source.close()
        raise UsageError(f"--start needs a recording, and {source.name} is live: leave it out")
    source.name = config.name or source.name
    return source


class Stream:
    """One video on its way: frames are read, tracked and written, one after another.

    Args:
        config: the settings.
        source: where the frames come from; the caller closes it.
        outputs: the files to write, as of ``choose_outputs``.
        parts: what it tracks with.
        notes: those of the report.

    Attributes:
        report: what was done so far.
        progress: the line that shows it.
    """

    def __init__(
        self,
        config: RunConfig,
        source: Source,
        outputs: dict[str, str],
        parts: Parts,
        notes: list[str] | None = None,
        *,
        row: int | None = None,
    ) -> None:
        self._config, self._source, self._outputs, self._parts = config, source, outputs, parts
        self._worker = choose_worker(config, source)
        self.report = RunReport(
            name=source.name,
            engine=config.engine,
            detector=parts.detector_name,
            detect_every=config.detect_every,
            frame_rate=source.frame_rate / config.stride,
            is_live=source.is_live,
            notes=[] if notes is None else notes,
        )
        length = count_selected(
            source.length, source.frame_rate, config.start, config.stride, config.frames
        )
        self.progress = Progress(self.report, length, quiet=config.quiet, row=row)
        source.on_event = self.progress.tell

    def track(self, interrupted: threading.Event) -> None:
        """Track the source to its end, to the first error, or until the event is set.

        Raises ``MvotError`` for errors before the first frame. Later errors are in the report; the
        sinks are closed in any case, after a whole frame.
        """
        config, source, report = self._config, self._source, self.report
        with ExitStack() as stack:
            if isinstance(self._parts.detector, SharedDetector):
                stack.enter_context(self._parts.detector.join())
            frames, detector = stack.enter_context(self._run_ahead())
            pipeline = stack.enter_context(self._build_pipeline(detector))
            is_counting = config.counting.is_asked_for
            counter = Counter(config.counting, source.size) if is_counting else None
            names = find_class_names(self._parts.detector)
            page = self._parts.page
            sinks, opened = open_sinks(config, self._outputs, source, names, report, page)
            with _report_end(report), opened, self.progress:
                self._track_frames(frames, pipeline, counter, sinks, interrupted)
            report.notes += [*source.notes, *_collect_notes(pipeline, self._parts.detector)]
            report.notes += [note for sink in sinks for note in sink.notes]
            if report.frames == 0:
                _report_no_frames(report, config)

    @contextmanager
    def _run_ahead(self) -> Iterator[tuple[Iterator[Frame], Detector]]:
        """The frames and the detector; of a recording, each runs ahead in a thread of its own.

        The detector stays where it is unless it is known on which frames it will be asked.
        """
        config, source, detector = self._config, self._source, self._parts.detector
        frames = source.select(start=config.start, stride=config.stride, count=config.frames)
        if source.is_live or check_threads(config.threads) == 1:
            yield frames, detector
            return
        k = config.detect_every
        depth = min(_MOST_AHEAD, max(1, _MOST_BYTES_AHEAD // (3 * math.prod(source.size))))
        with ExitStack() as stack:
            if isinstance(k, int):
                timer, every = self.report.time_thread(), k * config.stride
                ahead = stack.enter_context(DetectAhead(detector, every, timer))
                frames, detector, depth = ahead.watch(frames), ahead, min(k + 1, depth)
            decoded = read_ahead(frames, timer=self.report.time_thread(), depth=depth)
            yield stack.enter_context(closing(decoded)), detector

    def _build_pipeline(self, detector: Detector) -> MotPipeline:
        config, worker, embedder = self._config, self._worker, self._parts.embedder
        asynchronous: bool | str | Callable[[Stage], DetectionWorker] = worker or False
        is_process = worker == "process"
        if isinstance(detector, SharedDetector) and (worker or config.detect_every == "auto"):
            asynchronous, is_process = self._share, False
        return MotPipeline(
            DeferredDetector(config) if is_process else detector,
            self._parts.engine,
            build_scheduler(config),
            embedder=config.embedder if is_process else embedder,
            config=_set_budget(config, self._source),
            asynchronous=asynchronous,
            timer=self.report.timer,
        )

    def _share(self, stage: Stage) -> DetectionWorker:
        """The worker that takes the stream's turns of the shared detector."""
        detector, timeout = self._parts.detector, self._config.pipeline.detector_timeout
        assert isinstance(detector, SharedDetector)
        return SharedWorker(stage, detector, timeout, waits=self._worker is None)

    def _track_frames(
        self,
        frames: Iterator[Frame],
        pipeline: MotPipeline,
        counter: Counter | None,
        sinks: list[Sink],
        interrupted: threading.Event,
    ) -> None:
        """Track and write frame by frame, until the source ends or the user interrupts."""
        report = self.report
        for frame in _take_frames(frames, report.timer):
            failures = len(pipeline.detector_errors)
            tracks = pipeline.step(frame)
            if len(pipeline.detector_errors) > failures:
                self.progress.tell(f"the detector failed on {pipeline.detector_errors[-1]}")
            with report.timer("write"):
                counts = () if counter is None else counter.update(frame, tracks)
                for sink in sinks:
                    sink.write(frame, tracks, counts)
            report.dropped, report.detector_calls = self._source.dropped, pipeline.detector_calls
            report.detections = pipeline.calls.detections
            report.detector_failures = pipeline.detector_failures
            report.count(frame, tracks, time.monotonic())
            self.progress.update(tracks)
            if interrupted.is_set():
                break
        report.interrupted = interrupted.is_set()


def _set_budget(config: RunConfig, source: Source) -> PipelineConfig:
    """The settings of the pipeline: frames of a live source come at the pace of the source."""
    late = config.pipeline.late
    if late.budget is None:
        period = 1e3 * config.stride / source.frame_rate if source.is_live else None
        late = replace(late, budget=period if config.budget is None else config.budget)
    return replace(config.pipeline, late=late)


@contextmanager
def _report_end(report: RunReport) -> Iterator[None]:
    """Report how the body of a ``with`` ends, and how long it took."""
    start = time.perf_counter()
    try:
        yield
    except StopRun:
        report.notes.append("stopped by the user")
    except MvotError as error:
        report.error = error
    finally:
        report.seconds = time.perf_counter() - start


def _report_no_frames(report: RunReport, config: RunConfig) -> None:
    """Report that nothing was saved, and why where it is known."""
    report.saved = []  # what was there before is there still
    if config.start and not (report.error or report.interrupted):
        report.error = UsageError(
            f"--start {config.start:g} is beyond the end of {report.name}: begin earlier"
        )


def _take_frames(frames: Iterator[Frame], timer: StageTimer) -> Iterator[Frame]:
    """The frames; the time to decode or to wait for them counts as the stage "decode"."""
    while True:
        with timer("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


def _collect_notes(pipeline: MotPipeline, detector: Detector) -> list[str]:
    """What the report says about detections that were left out or failed."""
    notes = list[str]()
    if isinstance(detector, ReplayDetector) and detector.duplicates:
        notes.append(f"{detector.duplicates} rows of the detection file repeat another, read once")
    return notes + describe_detections(
        dropped=pipeline.dropped_boxes,
        left_out=pipeline.left_out_boxes,
        most=pipeline.config.max_detections,
        failures=pipeline.detector_failures,
        errors=pipeline.detector_errors,
    )
