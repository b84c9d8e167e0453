"""A run of ``mvot-run`` on several sources."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import cv2

from mvot_pipelines.config import RunConfig
from mvot_pipelines.interrupts import catch_interrupts
from mvot_pipelines.outputs import check_together, open_page
from mvot_pipelines.streams.member import Member
from mvot_pipelines.streams.names import fill_in_name, name_streams
from mvot_pipelines.streams.parts import Parts
from mvot_pipelines.streams.report import StreamsReport
from mvot_pipelines.streams.sharing import load_shared_parts
from mvot_pipelines.warned import show_warnings
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["run_streams"]


def run_streams(configs: Sequence[RunConfig], *, config_files: Sequence[str] = ()) -> StreamsReport:
    """Track several sources at once, each to its end or to its first error.

    Each stream runs in a thread of its own; they share the engine and the detector. What holds for
    all is taken from the first settings. No output may replace ``config_files``.

    Raises ``MvotError`` for errors before the first frame of any. Later ones are in the reports,
    and leave the other streams alone; so do cameras and network streams that cannot be opened.
    """
    threads = check_threads(configs[0].threads)
    named = [fill_in_name(config) for config in name_streams(configs)]
    members = [Member(config, row, config_files) for row, config in enumerate(named)]
    notes: list[str] = []
    with ExitStack() as stack:
        stack.enter_context(limit_threads(max(1, threads // len(configs))))
        stack.enter_context(show_warnings(notes))
        for member in members:
            stack.callback(member.close)
        _open_all(members)
        detecting = [config for config in configs if config.detections is None] or configs
        order = [member.report.name for member in members]
        in_process = any(config.asynchronous == "process" for config in detecting)
        shared = load_shared_parts(detecting[0], len(configs), in_process=in_process)
        parts = stack.enter_context(shared)
        parts = replace(parts, page=stack.enter_context(open_page(configs[0], order)))
        with catch_interrupts(partial(_interrupt, members)) as interrupted:
            start = time.perf_counter()
            _track_all(members, parts, interrupted, threads)
            seconds = time.perf_counter() - start
    return StreamsReport(
        reports=[member.report for member in members],
        seconds=seconds,
        notes=notes,
        interrupted=interrupted.is_set(),
    )


def _open_all(members: Sequence[Member]) -> None:
    """Open the sources of all at once; raises the first error, after all have tried."""
    with ThreadPoolExecutor(len(members), "open") as pool:
        futures = [pool.submit(member.open) for member in members]
    for future in futures:
        future.result()
    sources = [member.source for member in members if member.source is not None]
    outputs, configs = zip(*((member.outputs, member.config) for member in members), strict=True)
    check_together(outputs, sources, configs)


def _interrupt(members: Sequence[Member]) -> None:
    for member in members:
        member.interrupt()


def _track_all(
    members: Sequence[Member], parts: Parts, interrupted: threading.Event, threads: int
) -> None:
    """Track each stream in a thread of its own, and wait for all.

    OpenCV has as many threads as there are for each stream that is left.
    """
    left, lock = len(members), threading.Lock()

    def track(member: Member) -> None:
        nonlocal left
        member.track(parts, interrupted)
        with lock:
            left -= 1
            cv2.setNumThreads(max(1, threads // max(left, 1)))

    running = [
        threading.Thread(target=track, args=(member,), name=f"stream-{row}", daemon=True)
        for row, member in enumerate(members)
    ]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if bugs := [member.bug for member in members if member.bug is not None]:
        raise bugs[0]
