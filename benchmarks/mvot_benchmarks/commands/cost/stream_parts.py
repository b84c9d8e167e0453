"""The parts of ``mvot-bench streams``, one after another."""

import argparse
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.detectors import load_detectors
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.streams import tables
from mvot_benchmarks.streams.comparison import CommandBenchmark
from mvot_benchmarks.streams.cost import CostBenchmark
from mvot_benchmarks.streams.results import (
    CLUSTER,
    COST,
    EACH,
    MEMORY,
    PLAIN,
    PROCESSES,
    TOGETHER,
    WORKERS,
    CommandRun,
    StreamsRow,
)
from mvot_benchmarks.streams.videos import StreamVideos
from mvot_plugin.errors import UsageError
from mvot_plugin.extras import require_module

__all__ = ["measure_parts"]


def measure_parts(
    options: argparse.Namespace, results: Results[StreamsRow], folder: Path
) -> Iterator[StreamsRow]:
    """Measure all parts of ``--measure``.

    Args:
        options: Those of the command, which have been checked.
        results: Keeps the rows.
        folder: Takes what is rendered, and what the commands write; it exists.

    Yields:
        Each row as it is there.

    Raises:
        MvotError: What a part cannot do.
    """
    size = shared.parse_size(options.size)
    videos = StreamVideos(folder, options.videos, size, options.seconds)
    parts = _Parts(options, results, videos, folder)
    for part, measure in {
        COST: parts.measure_cost,
        PROCESSES: parts.measure_processes,
        MEMORY: parts.measure_memory,
        CLUSTER: parts.measure_cluster,
    }.items():
        if part in options.measure:
            yield from measure()


class _Parts:
    """The parts, which yield their rows."""

    def __init__(
        self,
        options: argparse.Namespace,
        results: Results[StreamsRow],
        videos: StreamVideos,
        folder: Path,
    ) -> None:
        self._options, self._results, self._videos = options, results, videos
        self._commands = CommandBenchmark(folder=folder, options=shlex.split(options.run_options))

    def measure_cost(self) -> Iterator[StreamsRow]:
        """What a frame costs: every engine at each k, from each detector, for each scene."""
        options = self._options
        engines = shared.load_engines(options)
        detectors = load_detectors(options.detector, device=options.device)
        for targets in dict.fromkeys(options.targets):
            benchmark: CostBenchmark | None = None

            def measure(name: str, k: int, number: int, targets: int = targets) -> StreamsRow:
                nonlocal benchmark
                if benchmark is None:
                    clip = self._videos.render_scene(targets, options.frames)
                    benchmark = CostBenchmark(clip, targets, options.fps)
                choice = detectors[number]
                cost = benchmark.measure(name, engines[name], k, choice.name, choice.detector)
                return StreamsRow(part=COST, cost=cost)

            for number, name, k in product(
                range(len(detectors)), engines, dict.fromkeys(options.detect_every)
            ):
                key = name, detectors[number].name, targets, k, options.fps
                yield self._get_row(partial(measure, name, k, number), COST, key)

    def measure_processes(self) -> Iterator[StreamsRow]:
        """One process against a process a camera: the memory, then rounds that are timed."""
        count = self._videos.count
        for number in range(self._options.rounds + 1):
            ways = (TOGETHER, EACH) if number % 2 else (EACH, TOGETHER)
            for way in ways if number else (TOGETHER, EACH):
                yield self._track_cameras(PROCESSES, way, count, number)

    def measure_memory(self) -> Iterator[StreamsRow]:
        """The memory of one process by its streams."""
        for count in sorted(set(self._options.streams)):
            yield self._track_cameras(MEMORY, TOGETHER, count, 0)

    def measure_cluster(self) -> Iterator[StreamsRow]:
        """``mvot-run`` and the cluster with each number of workers, in rounds."""
        try:
            require_module("ray", f"the part {CLUSTER}", "ray")
        except UsageError as error:
            shared.print_progress(f"skipped: {error}")
            return
        counts = [None, *sorted(set(self._options.workers))]
        for number in range(1, self._options.rounds + 1):
            for workers in counts if number % 2 else counts[::-1]:
                key = PLAIN if workers is None else WORKERS, 1, workers or 1, number
                measure = partial(self._track_long, workers, number)
                yield self._get_row(_in_row(CLUSTER, measure), CLUSTER, key)

    def _track_cameras(self, part: str, way: str, count: int, number: int) -> StreamsRow:
        """A row of several cameras."""

        def measure() -> CommandRun:
            return self._commands.track_cameras(way, self._videos.cameras, count, number)

        return self._get_row(_in_row(part, measure), part, (way, count, 1, number))

    def _track_long(self, workers: int | None, number: int) -> CommandRun:
        video, piece = self._videos.long, self._options.piece
        return self._commands.track_long(video, workers, piece, number)

    def _get_row(
        self, measure: Callable[[], StreamsRow], part: str, key: tuple[object, ...]
    ) -> StreamsRow:
        """A row from the file of results, or a new one."""
        return shared.measure_row(self._results, measure, tables.format_row, part=part, key=key)


def _in_row(part: str, measure: Callable[[], CommandRun]) -> Callable[[], StreamsRow]:
    """A function that puts a run into a row."""
    return lambda: StreamsRow(part=part, run=measure())
