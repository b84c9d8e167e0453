"""A run of ``mvot-run``: from a source through the pipeline into sinks, with a report."""

import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mvot_pipelines.config import RunConfig
from mvot_pipelines.pipeline import MotPipeline
from mvot_pipelines.report import Progress, RunReport
from mvot_pipelines.sinks import (
    JsonLinesSink,
    MotTextSink,
    OverlayVideoSink,
    Sink,
    StopRun,
    WindowSink,
)
from mvot_pipelines.sources import Source, open_source
from mvot_plugin.detectors import GROUP, Detector, ReplayDetector, load_detector
from mvot_plugin.embedders import load_embedder
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import FallbackDetector, MvotError, UntrainedWeights, UsageError
from mvot_plugin.extras import is_cpu, require_torch
from mvot_plugin.registry import registered_names
from mvot_plugin.timing import StageTimer
from mvot_plugin.types import Frame

__all__ = ["run"]


def run(config: RunConfig) -> RunReport:
    """Track ``config.source`` to its end, or to the first error.

    Raises ``MvotError`` for errors before the first frame. Later errors are in the report; the
    sinks are closed in any case, after a whole frame.
    """
    if config.source is None:
        raise UsageError("no SOURCE given: name a video, a folder, a camera number or a URL")
    with _collect_warnings(UntrainedWeights) as engine_notes:
        engine = _load_engine(config)
    _check_device(config)
    embedder = load_embedder(config.embedder, threads=config.threads)
    with open_source(config.source, frame_rate=config.frame_rate) as source:
        with _collect_warnings(FallbackDetector) as detector_notes:
            detector = _load_detector(config)
        report = RunReport(
            name=source.name,
            engine=config.engine,
            detector=Path(config.detections or config.detector).name,
            detect_every=config.detect_every,
            frame_rate=source.frame_rate,
            notes=engine_notes + detector_notes,
        )
        pipeline = MotPipeline(
            detector,
            engine,
            config.detect_every,
            embedder=embedder,
            config=config.pipeline,
            timer=report.timer,
        )
        outputs = _choose_outputs(config, source)
        with ExitStack() as opened:
            sinks = [
                opened.enter_context(sink)
                for sink in _open_sinks(config, outputs, source, detector)
            ]
            report.saved = list(outputs.values())
            closing = opened.pop_all()
        try:
            with closing, Progress(report, source.length, quiet=config.quiet) as progress:
                _track_frames(source, pipeline, sinks, report, progress)
        except StopRun:
            report.notes.append("stopped by the user")
        except MvotError as error:
            report.error = error
        report.notes += _collect_notes(pipeline, detector)
    return report


def _load_engine(config: RunConfig) -> MotionEngine[Any, Any]:
    """The engine that the settings name."""
    return load_engine(
        config.engine,
        config.weights,
        config.device,
        config.precision,
        runtime=config.runtime,
        threads=config.threads,
    )


@contextmanager
def _collect_warnings(category: type[Warning]) -> Iterator[list[str]]:
    """Print warnings of a category to stderr; the list has their messages afterwards."""
    messages: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", category)
        try:
            yield messages
        finally:
            messages += [str(w.message) for w in caught if issubclass(w.category, category)]
            for message in messages:
                print(f"mvot-run: warning: {message}", file=sys.stderr)


def _track_frames(
    source: Source,
    pipeline: MotPipeline,
    sinks: list[Sink],
    report: RunReport,
    progress: Progress,
) -> None:
    """Track and write frame by frame, until the source ends or the user interrupts."""
    with _catch_interrupts() as interrupted:
        for frame in _read_frames(source, report.timer):
            tracks = pipeline.step(frame)
            with report.timer("write"):
                for sink in sinks:
                    sink.write(frame, tracks)
            report.count(tracks)
            progress.update(tracks)
            if interrupted.is_set():
                report.interrupted = True
                return


def _read_frames(source: Source, timer: StageTimer) -> Iterator[Frame]:
    """The source's frames; the time to decode them counts as the stage "decode"."""
    frames = iter(source)
    while True:
        with timer("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


@contextmanager
def _catch_interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into an event, so that the current frame is finished."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, frame: object) -> None:
        event.set()
        signal.signal(number, previous[signal.Signals(number)])

    try:
        for number in signals:
            signal.signal(number, stop)
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _check_device(config: RunConfig) -> None:
    """Raise ``UsageError`` for a GPU without torch, unless another package may use it."""
    is_ours = config.engine in ENGINES and config.detector not in registered_names(GROUP)
    if is_ours and config.device != "auto" and not is_cpu(config.device):
        require_torch(f"--device {config.device}")


def _load_detector(config: RunConfig) -> Detector:
    if config.detections is not None:
        if config.classes:
            raise UsageError("--classes needs a --detector; replayed detections carry no classes")
        return ReplayDetector(config.detections, conf=config.conf)
    return load_detector(
        config.detector,
        conf=config.conf,
        classes=config.classes,
        device=config.device,
        threads=config.threads,
    )


def _choose_outputs(config: RunConfig, source: Source) -> dict[str, str]:
    """Output paths by kind; by default, text and video in the current folder.

    Raises ``UsageError`` for an output that would overwrite an input or another output.
    """
    requested = {"txt": config.save_txt, "jsonl": config.save_jsonl, "video": config.save_video}
    outputs = {kind: path for kind, path in requested.items() if path}
    if not outputs and not config.show:
        stem = Path(source.name).stem
        outputs = {"txt": f"{stem}-tracks.txt", "video": f"{stem}-tracks.mp4"}
    inputs = (
        source.path,
        config.detections,
        config.detector,
        config.embedder,
        config.weights,
    )
    used = {Path(path).resolve() for path in inputs if path}
    for kind, path in outputs.items():
        if Path(path).resolve() in used:
            raise UsageError(
                f"--save-{kind} {path} would overwrite what this run reads or writes itself; "
                "choose another name"
            )
        used.add(Path(path).resolve())
    return outputs


def _open_sinks(
    config: RunConfig, outputs: dict[str, str], source: Source, detector: Detector
) -> Iterator[Sink]:
    """The configured sinks, each opened as it is yielded."""
    class_names = getattr(detector, "names", None)
    if path := outputs.get("txt"):
        yield MotTextSink(path)
    if path := outputs.get("jsonl"):
        yield JsonLinesSink(path, class_names=class_names)
    if path := outputs.get("video"):
        yield OverlayVideoSink(
            path, frame_rate=source.frame_rate, size=source.size, class_names=class_names
        )
    if config.show:
        yield WindowSink(source.name, frame_rate=source.frame_rate, class_names=class_names)


def _collect_notes(pipeline: MotPipeline, detector: Detector) -> list[str]:
    """What the report says about detections that were left out or failed."""
    notes = []
    if isinstance(detector, ReplayDetector) and detector.duplicates:
        notes.append(f"{detector.duplicates} rows of the detection file repeat another, read once")
    if pipeline.dropped_boxes:
        notes.append(f"{pipeline.dropped_boxes} detections had no area inside the image, left out")
    if pipeline.detector_failures:
        count, first = pipeline.detector_failures, pipeline.detector_errors[0]
        notes.append(f"the detector failed on {count} frames, which the engine bridged ({first})")
    return notes
