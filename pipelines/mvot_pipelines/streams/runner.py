"""A run of ``mvot-run`` on several sources."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from mvot_pipelines.config import RunConfig
from mvot_pipelines.interrupts import catch_interrupts
from mvot_pipelines.loading import choose_worker, load_configured_detector, name_detector
from mvot_pipelines.outputs import check_together, choose_outputs
from mvot_pipelines.sources import Source
from mvot_pipelines.streams.names import fill_in_name, name_streams
from mvot_pipelines.streams.parts import Parts
from mvot_pipelines.streams.report import StreamsReport
from mvot_pipelines.streams.sharing import load_shared_parts
from mvot_pipelines.streams.stream import Stream, open_configured_source
from mvot_pipelines.warned import show_warnings
from mvot_plugin.errors import MvotError
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["run_streams"]


def run_streams(configs: Sequence[RunConfig], *, config_files: Sequence[str] = ()) -> StreamsReport:
    """Track several sources at once, each to its end or to its first error.

    Each stream runs in a thread of its own; they share the engine and the detector. What holds for
    all is taken from the first settings. No output may replace ``config_files``.

    Raises ``MvotError`` for errors before the first frame of any. Later ones are in the reports,
    and leave the other streams alone.
    """
    threads = max(1, check_threads(configs[0].threads) // len(configs))
    configs = [fill_in_name(config) for config in name_streams(configs)]
    notes: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(limit_threads(threads))
        stack.enter_context(show_warnings(notes))
        sources = _open_sources(configs, stack)
        outputs = [
            choose_outputs(config, source, config_files)
            for config, source in zip(configs, sources, strict=True)
        ]
        check_together(outputs, sources)
        for config, source in zip(configs, sources, strict=True):
            choose_worker(config, source)
        detecting = [config for config in configs if config.detections is None] or configs
        parts = stack.enter_context(load_shared_parts(detecting[0], len(configs)))
        configs = [replace(config, threads=threads) for config in configs]
        streams = [
            Stream(config, source, paths, _choose_parts(config, parts), row=row)
            for row, (config, source, paths) in enumerate(
                zip(configs, sources, outputs, strict=True)
            )
        ]
        report = StreamsReport(reports=[stream.report for stream in streams], notes=notes)
        with catch_interrupts(partial(_interrupt, sources)) as interrupted:
            start = time.perf_counter()
            _track_all(streams, interrupted)
            report.seconds = time.perf_counter() - start
        report.interrupted = interrupted.is_set()
    return report


def _open_sources(configs: Sequence[RunConfig], stack: ExitStack) -> list[Source]:
    """Open all sources at once; raises the first error, after all are open or have failed."""
    with ThreadPoolExecutor(len(configs), "open") as pool:
        futures = [pool.submit(open_configured_source, config) for config in configs]
    errors = [future.exception() for future in futures]
    sources = [
        stack.enter_context(future.result())
        for future, error in zip(futures, errors, strict=True)
        if error is None
    ]
    if error := next(filter(None, errors), None):
        raise error
    return sources


def _interrupt(sources: Sequence[Source]) -> None:
    for source in sources:
        source.interrupt()


def _choose_parts(config: RunConfig, parts: Parts) -> Parts:
    """The shared parts; a stream whose detections are replayed has a detector of its own."""
    if config.detections is None:
        return parts
    detector = load_configured_detector(config)
    return replace(parts, detector=detector, detector_name=name_detector(config, detector))


def _track_all(streams: Sequence[Stream], interrupted: threading.Event) -> None:
    """Track each stream in a thread of its own, and wait for all."""
    bugs: list[Exception] = []
    threads = [
        threading.Thread(
            target=_track, args=(stream, interrupted, bugs), name="stream", daemon=True
        )
        for stream in streams
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if bugs:
        raise bugs[0]


def _track(stream: Stream, interrupted: threading.Event, bugs: list[Exception]) -> None:
    try:
        stream.track(interrupted)
    except MvotError as error:
        stream.report.error = error
    except Exception as error:
        bugs.append(error)
