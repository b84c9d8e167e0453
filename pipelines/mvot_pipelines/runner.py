"""A run of ``mvot-run``: from a source through the pipeline into sinks, with a report."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

from mvot_pipelines.config import RunConfig
from mvot_pipelines.counting.counter import Counter
from mvot_pipelines.detection.ahead import DetectAhead
from mvot_pipelines.interrupts import catch_interrupts
from mvot_pipelines.loading import (
    DeferredDetector,
    build_scheduler,
    choose_worker,
    load_configured_detector,
    load_configured_engine,
    name_detector,
)
from mvot_pipelines.outputs import choose_outputs, open_sinks
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.progress import Progress
from mvot_pipelines.report import RunReport
from mvot_pipelines.sinks import Sink, StopRun
from mvot_pipelines.sources import Source, open_source
from mvot_pipelines.sources.reading import count_selected, read_ahead
from mvot_pipelines.warned import show_warnings
from mvot_plugin.detectors import Detector, ReplayDetector
from mvot_plugin.detectors.classes import find_class_names
from mvot_plugin.embedders import load_embedder
from mvot_plugin.errors import MvotError, UsageError
from mvot_plugin.threads import check_threads
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame

__all__ = ["run"]

_MOST_AHEAD, _MOST_BYTES_AHEAD = 8, 1 << 29
"""Frames that are decoded ahead, as far as the next detection, and their bytes: no more."""


def run(config: RunConfig, *, config_file: str | None = None) -> RunReport:
    """Track ``config.source`` to its end, or to the first error.

    Decoding, the detector, the engine, and drawing with encoding run side by side, unless there
    may be one thread only; the results are the same. No output may replace ``config_file``, which
    the settings were read from.

    Raises ``MvotError`` for errors before the first frame. Later errors are in the report; the
    sinks are closed in any case, after a whole frame.
    """
    if config.source is None:
        raise UsageError("no SOURCE given: name a video, a folder, a camera number or a URL")
    notes: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(show_warnings(notes))
        engine = load_configured_engine(config)
        embedder = load_embedder(config.embedder, threads=config.threads)
        source = stack.enter_context(_open_source(config))
        outputs = choose_outputs(config, source, config_file)
        worker = choose_worker(config, source)
        detector = load_configured_detector(config)
        report = _start_report(config, source, detector, notes)
        ahead = _run_ahead(config, source, detector, report)
        frames, detect = stack.enter_context(ahead)
        pipeline = MotPipeline(
            DeferredDetector(config) if worker == "process" else detect,
            engine,
            build_scheduler(config),
            embedder=config.embedder if worker == "process" else embedder,
            config=_set_budget(config, source),
            asynchronous=worker or False,
            timer=report.timer,
        )
        stack.enter_context(pipeline)
        counter = Counter(config.counting, source.size) if config.counting.is_asked_for else None
        sinks, opened = open_sinks(config, outputs, source, find_class_names(detector), report)
        progress = _show_progress(config, source, report)
        with catch_interrupts(source) as interrupted, _report_end(report), opened, progress:
            _track_frames(source, frames, pipeline, counter, sinks, report, progress, interrupted)
        report.notes += [*source.notes, *_collect_notes(pipeline, detector)]
        report.notes += [note for sink in sinks for note in sink.notes]
        if report.frames == 0:
            _report_no_frames(report, config)
    return report


def _show_progress(config: RunConfig, source: Source, report: RunReport) -> Progress:
    """The progress line, which also tells what happens to a live source."""
    length = count_selected(
        source.length, source.frame_rate, config.start, config.stride, config.frames
    )
    progress = Progress(report, length, quiet=config.quiet)
    source.on_event = progress.tell
    return progress


def _open_source(config: RunConfig) -> Source:
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
    return source


def _set_budget(config: RunConfig, source: Source) -> PipelineConfig:
    """The settings of the pipeline: frames of a live source come at the pace of the source."""
    late = config.pipeline.late
    if late.budget is None:
        period = 1e3 * config.stride / source.frame_rate if source.is_live else None
        late = replace(late, budget=period if config.budget is None else config.budget)
    return replace(config.pipeline, late=late)


def _start_report(
    config: RunConfig, source: Source, detector: Detector, notes: list[str]
) -> RunReport:
    return RunReport(
        name=source.name,
        engine=config.engine,
        detector=name_detector(config, detector),
        detect_every=config.detect_every,
        frame_rate=source.frame_rate / config.stride,
        is_live=source.is_live,
        notes=notes,
    )


@contextmanager
def _run_ahead(
    config: RunConfig, source: Source, detector: Detector, report: RunReport
) -> Iterator[tuple[Iterator[Frame], Detector]]:
    """The frames and the detector; of a recording, each runs ahead in a thread of its own.

    The detector stays where it is unless it is known on which frames it will be asked.
    """
    frames = source.select(start=config.start, stride=config.stride, count=config.frames)
    if source.is_live or check_threads(config.threads) == 1:
        yield frames, detector
        return
    k = config.detect_every
    depth = min(_MOST_AHEAD, max(1, _MOST_BYTES_AHEAD // (3 * math.prod(source.size))))
    with ExitStack() as stack:
        if isinstance(k, int):
            every = k * config.stride
            ahead = stack.enter_context(DetectAhead(detector, every, report.time_thread()))
            frames, detector, depth = ahead.watch(frames), ahead, min(k + 1, depth)
        decoded = read_ahead(frames, timer=report.time_thread(), depth=depth)
        yield stack.enter_context(closing(decoded)), detector


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


def _track_frames(
    source: Source,
    frames: Iterator[Frame],
    pipeline: MotPipeline,
    counter: Counter | None,
    sinks: list[Sink],
    report: RunReport,
    progress: Progress,
    interrupted: threading.Event,
) -> None:
    """Track and write frame by frame, until the source ends or the user interrupts."""
    for frame in _take_frames(frames, report.timer):
        failures = len(pipeline.detector_errors)
        tracks = pipeline.step(frame)
        if len(pipeline.detector_errors) > failures:
            progress.tell(f"the detector failed on {pipeline.detector_errors[-1]}")
        with report.timer("write"):
            counts = () if counter is None else counter.update(frame, tracks)
            for sink in sinks:
                sink.write(frame, tracks, counts)
        report.dropped, report.detector_calls = source.dropped, pipeline.detector_calls
        report.detections = pipeline.calls.detections
        report.detector_failures = pipeline.detector_failures
        report.count(frame, tracks, time.monotonic())
        progress.update(tracks)
        if interrupted.is_set():
            break
    report.interrupted = interrupted.is_set()


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
    notes = []
    if isinstance(detector, ReplayDetector) and detector.duplicates:
        notes.append(f"{detector.duplicates} rows of the detection file repeat another, read once")
    if pipeline.dropped_boxes:
        notes.append(f"{pipeline.dropped_boxes} detections had no area inside the image, left out")
    if pipeline.left_out_boxes:
        notes.append(
            f"{pipeline.left_out_boxes} detections beyond the {pipeline.config.max_detections} "
            "most confident of a frame, or beyond as many targets, were left out; to take more, "
            "raise pipeline.max_detections"
        )
    if pipeline.detector_failures:
        count, first = pipeline.detector_failures, pipeline.detector_errors[0]
        notes.append(f"the detector failed on {count} frames, which the engine bridged ({first})")
    return notes
