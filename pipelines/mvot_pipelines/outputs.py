"""The outputs of ``mvot-run``: which there are, and their sinks."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from mvot_pipelines.config import RunConfig
from mvot_pipelines.report import RunReport
from mvot_pipelines.sinks import (
    BackgroundSink,
    JsonLinesSink,
    MotTextSink,
    OverlayVideoSink,
    Sink,
    WindowSink,
)
from mvot_pipelines.sources import Source
from mvot_plugin.errors import UsageError
from mvot_plugin.threads import check_threads

__all__ = ["open_sinks"]


def open_sinks(
    config: RunConfig, source: Source, class_names: Mapping[int, str] | None, report: RunReport
) -> tuple[list[Sink], ExitStack]:
    """Open the sinks that the settings ask for; the stack closes them.

    The overlay video is written in a thread of its own, unless there may be one thread only.

    Raises:
        UsageError: for an output that would overwrite an input or another output.
        OutputError: for an output that cannot be written; none is left open.
    """
    outputs = _choose_outputs(config, source)
    with ExitStack() as opened:
        sinks = [
            opened.enter_context(sink)
            for sink in _create_sinks(config, outputs, source, class_names, report)
        ]
        report.saved = list(outputs.values())
        return sinks, opened.pop_all()


def _choose_outputs(config: RunConfig, source: Source) -> dict[str, str]:
    """Output paths by kind; by default, text and video in the current folder."""
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


def _create_sinks(
    config: RunConfig,
    outputs: dict[str, str],
    source: Source,
    class_names: Mapping[int, str] | None,
    report: RunReport,
) -> Iterator[Sink]:
    """The configured sinks, each opened as it is yielded."""
    if path := outputs.get("txt"):
        yield MotTextSink(path)
    if path := outputs.get("jsonl"):
        yield JsonLinesSink(path, class_names=class_names)
    if path := outputs.get("video"):
        overlay = OverlayVideoSink(
            path,
            frame_rate=source.frame_rate,
            size=source.size,
            class_names=class_names,
            keep_time=source.is_live,
        )
        has_threads = check_threads(config.threads) > 1
        yield BackgroundSink(overlay, timer=report.time_thread()) if has_threads else overlay
    if config.show:
        yield WindowSink(source.name, frame_rate=source.frame_rate, class_names=class_names)
