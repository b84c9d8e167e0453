"""Recordings on a cluster: each is cut into pieces, which workers track side by side."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.gathering import Recording
from mvot_pipelines.cluster.lines import ProgressLine
from mvot_pipelines.cluster.pieces import Piece
from mvot_pipelines.cluster.pieces.cutting import cut_recording
from mvot_pipelines.cluster.pool import Pool, Task, place_workers
from mvot_pipelines.cluster.session import count_workers, open_session
from mvot_pipelines.config import RunConfig
from mvot_pipelines.interrupts import catch_interrupts
from mvot_pipelines.loading import choose_worker
from mvot_pipelines.outputs import check_together, choose_outputs
from mvot_pipelines.sources import Source
from mvot_pipelines.streams.report import StreamsReport
from mvot_plugin.errors import MvotError

__all__ = ["run_recordings"]


def run_recordings(
    configs: Sequence[RunConfig],
    sources: Sequence[Source],
    cluster: ClusterConfig,
    config_files: Sequence[str] = (),
) -> StreamsReport:
    """Track recordings on a cluster, and write their tracks in order.

    Args:
        configs: The settings of each, with a name of its own.
        sources: The recordings; only their packets are read.
        cluster: Where the work is done.
        config_files: Files that no output may replace.

    Returns:
        The reports; errors behind the first frame are in them.

    Raises:
        MvotError: What goes wrong before.
    """
    outputs = _choose_outputs(configs, sources, config_files)
    cuts = [cut_recording(c, s, cluster) for c, s in zip(configs, sources, strict=True)]
    count = sum(map(len, cuts))
    with ExitStack() as stack:
        interrupted = stack.enter_context(catch_interrupts(lambda: None))
        ray = stack.enter_context(open_session(cluster))
        workers = place_workers(ray, cluster, configs[0], count_workers(ray, cluster, count))
        stack.callback(_end, ray, workers)
        pool = Pool(ray, workers, cluster.tries)
        with ProgressLine(count, len(workers), quiet=configs[0].quiet) as line:
            loaded = pool.start(interrupted, line.tell)
            begin = time.perf_counter()
            recordings = [
                stack.enter_context(Recording(*parts, loaded))
                for parts in zip(configs, sources, outputs, cuts, strict=True)
            ]
            for warning in loaded.notes:
                line.tell(f"warning: {warning}")
            _gather(recordings, pool, line, interrupted)
        for recording in recordings:
            recording.close()
        return StreamsReport(
            reports=[recording.report for recording in recordings],
            seconds=time.perf_counter() - begin,
            notes=[*loaded.notes, *_describe_deaths(pool, recordings)],
            interrupted=not all(recording.is_done for recording in recordings),
        )


def _choose_outputs(
    configs: Sequence[RunConfig], sources: Sequence[Source], config_files: Sequence[str]
) -> list[dict[str, str]]:
    """The files that are written for each recording, after a look at what is asked for."""
    outputs = [choose_outputs(c, s, config_files) for c, s in zip(configs, sources, strict=True)]
    if len(configs) > 1:
        check_together(outputs, sources, configs)
    for config, source in zip(configs, sources, strict=True):
        choose_worker(config, source)
    return outputs


def _gather(
    recordings: Sequence[Recording], pool: Pool, line: ProgressLine, interrupted: threading.Event
) -> None:
    """Have all pieces tracked, and write them in order as they come."""
    tasks = [
        Task(recording=number, config=recording.config, piece=piece)
        for number, recording in enumerate(recordings)
        for piece in recording.pieces
    ]
    frames = deaths = 0
    for task, answer in pool.run(tasks, interrupted):
        recording = recordings[task.recording]
        again: Piece | None = None
        if isinstance(answer, MvotError):
            recording.fail(task.piece.number, answer)
        else:
            frames += len(answer)
            again = recording.add(answer)
        if again is not None:
            pool.put(Task(recording=task.recording, config=task.config, piece=again))
        if recording.is_done:
            pool.drop(task.recording)
        if pool.deaths > deaths:
            deaths = pool.deaths
            line.tell("a worker died; its piece is tracked again")
        line.update(frames, len(pool.ready), pieces=again is None)


def _describe_deaths(pool: Pool, recordings: Sequence[Recording]) -> list[str]:
    """How many workers died, and what that means for the outputs."""
    if not pool.deaths:
        return []
    is_whole = all(one.is_done and one.report.error is None for one in recordings)
    outcome = "; nothing is missing" if is_whole else ""
    return [f"workers that died and were replaced: {pool.deaths}{outcome}"]


def _end(ray: Any, workers: Sequence[Any]) -> None:
    """End all workers, whatever they are doing."""
    for worker in workers:
        ray.kill(worker)
