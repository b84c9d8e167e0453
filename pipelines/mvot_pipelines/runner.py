"""One run of ``mvot-run``: a source through the pipeline into sinks, and an account of it."""

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
from mvot_pipelines.sinks import JsonLinesSink, MotTextSink, Sink, StopRun
from mvot_pipelines.sources import Source, open_source
from mvot_pipelines.timing import StageTimer
from mvot_pipelines.video_sinks import OverlayVideoSink, WindowSink
from mvot_plugin.detectors import Detector, ReplayDetector, load_detector
from mvot_plugin.engines import MotionEngine, load_engine
from mvot_plugin.errors import FallbackDetector, MvotError, UntrainedWeights, UsageError
from mvot_plugin.types import Frame

__all__ = ["run"]


def run(config: RunConfig) -> RunReport:
    """Track ``config.source`` to its end, or as far as it goes.

    Raises ``MvotError`` for what is wrong before the first frame. What goes wrong later is in the
    report; every sink is closed then, on whole records.
    """
    if config.source is None:
        raise UsageError("no SOURCE given: name a video, a folder, a camera number or a URL")
    engine, warned = _engine(config)
    with open_source(config.source, frame_rate=config.frame_rate) as source:
        with _saying(FallbackDetector) as said:
            detector = _detector(config)
        report = RunReport(
            name=source.name,
            engine=config.engine,
            detector=Path(config.detections or config.detector).name,
            detect_every=config.detect_every,
            frame_rate=source.frame_rate,
            notes=warned + said,
        )
        pipeline = MotPipeline(
            detector, engine, config.detect_every, config=config.pipeline, timer=report.timer
        )
        outputs = _outputs(config, source)
        with ExitStack() as prepared:
            sinks = [
                prepared.enter_context(sink) for sink in _sinks(config, outputs, source, detector)
            ]
            report.saved = list(outputs.values())
            closing = prepared.pop_all()
        try:
            with closing, Progress(report, source.length, quiet=config.quiet) as progress:
                _drive(source, pipeline, sinks, report, progress)
        except StopRun:
            report.notes.append("stopped by the user")
        except MvotError as error:
            report.error = error
        report.notes += _notes(pipeline, detector)
    return report


def _engine(config: RunConfig) -> tuple[MotionEngine[Any, Any], list[str]]:
    """The engine, and what was to be said of it: at once, and in the report again."""
    with _saying(UntrainedWeights) as said:
        engine = load_engine(config.engine, config.weights, config.device, config.precision)
    return engine, said


@contextmanager
def _saying(category: type[Warning]) -> Iterator[list[str]]:
    """Turn warnings of a kind into lines for the user, which are in the list afterwards."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", category)
        try:
            yield said
        finally:
            said += [str(w.message) for w in caught if issubclass(w.category, category)]
            for message in said:
                print(f"mvot-run: warning: {message}", file=sys.stderr)


def _drive(
    source: Source,
    pipeline: MotPipeline,
    sinks: list[Sink],
    report: RunReport,
    progress: Progress,
) -> None:
    """Frame by frame, until the source ends or the user interrupts."""
    with _interrupts() as interrupted:
        for frame in _decoded(source, report.timer):
            tracks = pipeline.step(frame)
            with report.timer("write"):
                for sink in sinks:
                    sink.write(frame, tracks)
            report.count(tracks)
            progress.update(tracks)
            if interrupted.is_set():
                report.interrupted = True
                return


def _decoded(source: Source, timer: StageTimer) -> Iterator[Frame]:
    """The source's frames, with the time they take."""
    frames = iter(source)
    while True:
        with timer("decode"):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or SIGTERM) into an event, so that the frame at hand is finished."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def stop(number: int, frame: object) -> None:
        event.set()
        signal.signal(number, before[signal.Signals(number)])

    try:
        for number in signals:
            signal.signal(number, stop)
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _detector(config: RunConfig) -> Detector:
    if config.detections is not None:
        if config.classes:
            raise UsageError("--classes needs a --detector; replayed detections carry no classes")
        return ReplayDetector(config.detections, conf=config.conf)
    return load_detector(
        config.detector, conf=config.conf, classes=config.classes, device=config.device
    )


def _outputs(config: RunConfig, source: Source) -> dict[str, str]:
    """Where to write what; where nothing is asked for, text and overlay in the current folder.

    Raises ``UsageError`` for an output that would overwrite an input or another output.
    """
    asked = {"txt": config.save_txt, "jsonl": config.save_jsonl, "video": config.save_video}
    outputs = {kind: path for kind, path in asked.items() if path}
    if not outputs and not config.show:
        stem = Path(source.name).stem
        outputs = {"txt": f"{stem}-tracks.txt", "video": f"{stem}-tracks.mp4"}
    inputs = (source.path, config.detections, config.detector, config.weights)
    taken = {Path(path).resolve() for path in inputs if path}
    for kind, path in outputs.items():
        if Path(path).resolve() in taken:
            raise UsageError(
                f"--save-{kind} {path} would overwrite what this run reads or writes itself; "
                "choose another name"
            )
        taken.add(Path(path).resolve())
    return outputs


def _sinks(
    config: RunConfig, outputs: dict[str, str], source: Source, detector: Detector
) -> Iterator[Sink]:
    """The sinks asked for, each opened as it is yielded."""
    names = getattr(detector, "names", None)
    if path := outputs.get("txt"):
        yield MotTextSink(path)
    if path := outputs.get("jsonl"):
        yield JsonLinesSink(path, class_names=names)
    if path := outputs.get("video"):
        yield OverlayVideoSink(
            path, frame_rate=source.frame_rate, size=source.size, class_names=names
        )
    if config.show:
        yield WindowSink(source.name, frame_rate=source.frame_rate, class_names=names)


def _notes(pipeline: MotPipeline, detector: Detector) -> list[str]:
    notes = []
    if isinstance(detector, ReplayDetector) and detector.duplicates:
        notes.append(f"{detector.duplicates} rows of the detection file repeat another, read once")
    if pipeline.dropped_boxes:
        notes.append(f"{pipeline.dropped_boxes} detections had no area inside the image, left out")
    if pipeline.detector_failures:
        count, first = pipeline.detector_failures, pipeline.detector_errors[0]
        notes.append(f"the detector failed on {count} frames, which the engine bridged ({first})")
    return notes
