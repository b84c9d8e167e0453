"""A run of ``mvot-run``: from a source through the pipeline into sinks, with a report."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from mvot_pipelines.config import RunConfig
from mvot_pipelines.detection.ahead import DetectAhead
from mvot_pipelines.loading import (
    DeferredDetector,
    build_scheduler,
    choose_worker,
    load_configured_detector,
    load_configured_engine,
)
from mvot_pipelines.outputs import open_sinks
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.report import Progress, RunReport
from mvot_pipelines.sinks import Sink, StopRun
from mvot_pipelines.sources import Source, open_source
from mvot_pipelines.sources.read_ahead import read_ahead
from mvot_plugin.detectors import Detector, ReplayDetector
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
    engine = load_configured_engine(config, notes)
    embedder = load_embedder(config.embedder, threads=config.threads)
    with ExitStack() as stack:
        source = stack.enter_context(_open_source(config))
        worker = choose_worker(config, source)
        detector = load_configured_detector(config, notes)
        report = _start_report(config, source, notes)
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
        names = getattr(detector, "names", None)
        sinks, opened = open_sinks(config, source, names, report, config_file)
        progress = Progress(report, source.length, quiet=config.quiet)
        source.on_event = progress.tell
        with (
            _catch_interrupts(source) as interrupted,
            _report_end(report),
            opened,
            progress,
        ):
            _track_frames(source, frames, pipeline, sinks, report, progress, interrupted)
        report.notes += [*source.notes, *_collect_notes(pipeline, detector)]
        if report.frames == 0:  # what was there before is there still
            report.saved = []
    return report


def _open_source(config: RunConfig) -> Source:
    """The source that the settings name."""
    return open_source(
        config.source or "",
        frame_rate=config.frame_rate,
        live=config.live,
        reconnect=config.reconnect,
        limits=config.limits,
    )


def _set_budget(config: RunConfig, source: Source) -> PipelineConfig:
    """The settings of the pipeline: frames of a live source come at the pace of the source."""
    late = config.pipeline.late
    if late.budget is None:
        period = 1e3 / source.frame_rate if source.is_live else None
        late = replace(late, budget=period if config.budget is None else config.budget)
    return replace(config.pipeline, late=late)


def _start_report(config: RunConfig, source: Source, notes: list[str]) -> RunReport:
    return RunReport(
        name=source.name,
        engine=config.engine,
        detector=Path(config.detections or config.detector).name,
        detect_every=config.detect_every,
        frame_rate=source.frame_rate,
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
    if source.is_live or check_threads(config.threads) == 1:
        yield iter(source), detector
        return
    frames, k = iter(source), config.detect_every
    depth = min(_MOST_AHEAD, max(1, _MOST_BYTES_AHEAD // (3 * math.prod(source.size))))
    with ExitStack() as stack:
        if isinstance(k, int):
            ahead = stack.enter_context(DetectAhead(detector, k, report.time_thread()))
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


def _track_frames(
    source: Source,
    frames: Iterator[Frame],
    pipeline: MotPipeline,
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
            for sink in sinks:
                sink.write(frame, tracks)
        report.dropped, report.detector_calls = source.dropped, pipeline.detector_calls
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


@contextmanager
def _catch_interrupts(source: Source) -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM, SIGHUP) into an event: the frame at hand is finished.

    A live source ends, also while it waits for a frame. The second one ends the run at once, with
    ``KeyboardInterrupt``, unless it is a SIGHUP, which a terminal that goes away sends twice.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def stop(number: int, frame: object) -> None:
        if event.is_set() and number in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        event.set()
        source.interrupt()

    previous = {number: signal.getsignal(number) for number in _find_interrupts()}
    try:
        for number in previous:
            signal.signal(number, stop)
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _find_interrupts() -> list[signal.Signals]:
    """The signals that ask the run to end; SIGHUP unless it is ignored, as with ``nohup``."""
    found = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        found.append(hangup)
    return found


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
