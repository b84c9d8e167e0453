"""The outputs of ``mvot-run``: which there are, and their sinks."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path

from mvot_pipelines.config import RunConfig
from mvot_pipelines.report import RunReport
from mvot_pipelines.serve import Page
from mvot_pipelines.sinks import (
    BackgroundSink,
    JsonLinesSink,
    MotTextSink,
    OverlayVideoSink,
    Sink,
    WindowSink,
)
from mvot_pipelines.sinks.files import STDOUT
from mvot_pipelines.sinks.publish import open_publisher
from mvot_pipelines.sources import Source
from mvot_pipelines.sources.files import is_image
from mvot_pipelines.streams.names import PLACEHOLDER, to_file_name
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.threads import check_threads

__all__ = ["check_together", "choose_outputs", "list_outputs", "open_page", "open_sinks"]


def choose_outputs(
    config: RunConfig, source: Source, config_files: Sequence[str] = ()
) -> dict[str, str]:
    """The paths of the files to write, by kind; nothing is opened.

    By default, these are text and video in the current folder.

    Raises ``UsageError`` for an output that exists, unless it may be replaced, and for one that
    would overwrite an input, one of ``config_files`` or another output.
    """
    stem = Path(source.name).stem if config.name is None else to_file_name(config.name)
    outputs = list_outputs(config, stem)
    _check_outputs(outputs, config, source, config_files)
    return outputs


def list_outputs(config: RunConfig, stem: str) -> dict[str, str]:
    """The paths of the files to write, by kind; ``stem`` begins those that are chosen for them."""
    requested = {"txt": config.save_txt, "jsonl": config.save_jsonl, "video": config.save_video}
    outputs = {kind: path for kind, path in requested.items() if path}
    if not (outputs or config.show or config.publish or config.serve is not None):
        outputs = {"txt": f"{stem}-tracks.txt", "video": f"{stem}-tracks.mp4"}
    return outputs


def check_together(
    outputs: Sequence[Mapping[str, str]],
    sources: Sequence[Source],
    configs: Sequence[RunConfig] = (),
) -> None:
    """Raise ``UsageError`` where an output of a stream is one of another, or is read by another.

    Streams read their sources, and what their settings name.
    """
    files: list[str | Path] = [path for source in sources for path in source.files]
    files += [path for config in configs for path in _list_inputs(config)]
    read = {_identify(path) for path in files} - {None}
    used: set[object] = {STDOUT} if any(one.publish == STDOUT for one in configs) else set()
    for paths in outputs:
        for kind, path in paths.items():
            if path != STDOUT and Path(path).is_char_device():  # such as /dev/null
                continue
            itself = {STDOUT} if path == STDOUT else {_identify(path), _resolve(path)} - {None}
            if itself & used:
                raise UsageError(
                    f"--save-{kind} {path} would be written by several streams: put {PLACEHOLDER} "
                    "into it, which is each stream's name"
                )
            if itself & read:
                raise UsageError(
                    f"--save-{kind} {path} would overwrite what another stream reads; choose "
                    "another name"
                )
            used |= itself


def open_sinks(
    config: RunConfig,
    outputs: dict[str, str],
    source: Source,
    class_names: Mapping[int, str] | None,
    report: RunReport,
    page: Page | None = None,
) -> tuple[list[Sink], ExitStack]:
    """Open the sinks for ``outputs``, and the others that the settings ask for.

    The overlay video is written in a thread of its own, unless there may be one thread only.

    Returns:
        The sinks, and a stack that closes them.

    Raises:
        OutputError: for an output that cannot be written; none is left open.
    """
    with ExitStack() as opened:
        sinks = [
            opened.enter_context(sink)
            for sink in _create_sinks(config, outputs, source, class_names, report, page)
        ]
        report.saved = [path for path in outputs.values() if path != STDOUT]
        return sinks, opened.pop_all()


@contextmanager
def open_page(config: RunConfig, order: Sequence[str] = ()) -> Iterator[Page | None]:
    """Open the page that the settings ask for, if they do, and tell where it is.

    ``order`` has the names of streams as they are shown.
    """
    if config.serve is None:
        yield None
        return
    host, token = config.serve_host, config.serve_token
    with Page(config.serve, host=host, token=token, order=order) as page:
        print(f"mvot-run: the page is at {page.url}", file=sys.stderr, flush=True)
        yield page


def _check_outputs(
    outputs: dict[str, str], config: RunConfig, source: Source, config_files: Sequence[str]
) -> None:
    """Raise ``UsageError`` for an output that is an input or another output.

    Files are told apart by what they are, not by their names: links may lead to them.
    """
    used: set[object] = set()
    if any(_identify(path) for path in outputs.values()):
        read = chain(config_files, source.files, _list_inputs(config))
        used |= {_identify(path) for path in read} - {None}
    streams = [path for path in (*outputs.values(), config.publish) if path == STDOUT]
    if len(streams) > 1:
        raise UsageError("only one output can be -, the standard output; name a file for the rest")
    for kind, path in outputs.items():
        if path == STDOUT:
            continue
        itself = {_identify(path), _resolve(path)} - {None}
        if itself & used:
            raise UsageError(
                f"--save-{kind} {path} would overwrite what this run reads or writes itself; "
                "choose another name"
            )
        if is_image(Path(path)):
            raise UsageError(
                f"--save-{kind} {path} has the name of an image, and would be taken for one; "
                "choose another name"
            )
        if not config.overwrite and Path(path).is_file() and not _is_own_stream(path):
            raise UsageError(
                f"--save-{kind} {path} exists: add --overwrite to replace it, or choose another "
                "name"
            )
        used |= itself


def _list_inputs(config: RunConfig) -> Iterator[str | Path]:
    """What the settings name besides the source, and what is read with it."""
    own = (config.detections, config.counting.zones)
    named = (*own, config.embedder, config.weights, config.detector)
    paths = [Path(name.removeprefix("replay:")) for name in named if name]
    for pattern in ("*.onnx", "*.json"):
        paths += Path(config.weights).glob(pattern)
    for path in paths:
        yield path
        if path.suffix.lower() == ".onnx":
            from mvot_plugin.runtimes.onnx_file import list_external_files

            with suppress(InputError):
                yield from list_external_files(path)


def _identify(path: str | Path) -> tuple[int, int] | None:
    """What tells a file from all others on this machine; None where there is none."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _is_own_stream(path: str) -> bool:
    """Whether this process writes its stdout or stderr there."""
    for number in (1, 2):
        with suppress(OSError):
            status = os.fstat(number)
            if _identify(path) == (status.st_dev, status.st_ino):
                return True
    return False


def _resolve(path: str) -> str | None:
    """The path without links; None for what can be no path."""
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return None


def _create_sinks(
    config: RunConfig,
    outputs: dict[str, str],
    source: Source,
    class_names: Mapping[int, str] | None,
    report: RunReport,
    page: Page | None,
) -> Iterator[Sink]:
    """The configured sinks, each opened as it is yielded."""
    if path := outputs.get("txt"):
        yield MotTextSink(path)
    if path := outputs.get("jsonl"):
        yield JsonLinesSink(path, class_names=class_names)
    if path := outputs.get("video"):
        overlay = OverlayVideoSink(
            path,
            frame_rate=report.frame_rate,
            size=source.size,
            class_names=class_names,
            keep_time=source.is_live,
        )
        has_threads = check_threads(config.threads) > 1
        yield BackgroundSink(overlay, timer=report.time_thread()) if has_threads else overlay
    if config.publish is not None:
        yield open_publisher(config.publish, class_names=class_names, stream=config.name)
    if page is not None:
        yield page.open_stream(report, class_names)
    if config.show:
        yield WindowSink(source.name, frame_rate=report.frame_rate, class_names=class_names)
