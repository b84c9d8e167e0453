"""``mvot-bench rt``: the quality of whole pipelines in real time."""

import argparse
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.commands.quality import KS, describe_run, format_scores
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.metrics.scoring import check_scoring_packages
from mvot_benchmarks.mot import sequence_label
from mvot_benchmarks.realtime import plots, tables
from mvot_benchmarks.realtime.clock import RtConfig
from mvot_benchmarks.realtime.measurement import (
    ADAPTIVE,
    ASYNCHRONOUS,
    BLOCKING,
    UNCLOCKED,
    RealTimeBenchmark,
    RtResult,
    parse_rates,
)
from mvot_benchmarks.reporting.results import Results
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import UsageError

__all__ = ["add_rt"]


def add_rt(commands: shared.Commands) -> None:
    """Add ``rt``: tracking in real time."""
    command = commands.add_parser(
        "rt",
        help="the same in real time: frames that arrive while the pipeline is busy are skipped",
    )
    shared.add_sequences(command)
    shared.add_engines(command, "hold", "kalman", "lk-flow")
    command.add_argument("--detect-every", nargs="+", type=int, default=list(KS))
    shared.add_detectors(command)
    shared.add_embedder(command)
    command.add_argument(
        "--fps",
        nargs="+",
        default=["25", "own"],
        metavar="FPS",
        help="frame rates; own is the sequence's (default: 25 own)",
    )
    command.add_argument(
        "--detector-ms",
        nargs="+",
        type=float,
        metavar="MS",
        help="times of a detector call, else measured",
    )
    command.add_argument(
        "--engine-ms",
        type=float,
        metavar="MS",
        help="time of the rest: engine, embedder and association; else measured",
    )
    command.add_argument(
        "--async",
        dest="asynchronous",
        action="store_true",
        help="with the detector beside the tracker too: on every k-th frame, where it is worth "
        "most, and, to compare with, as often without a clock",
    )
    command.add_argument(
        "--plot", metavar="FILE", help="plot quality against --detector-ms too, .png or .svg"
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_rt)


def _rt(options: argparse.Namespace) -> None:
    check_scoring_packages()
    if options.plot is not None:
        if options.detector_ms is None:
            raise UsageError("--plot needs --detector-ms: the costs of a detector call to compare")
        import_extra("matplotlib.figure", "plots")
    settings = *shared.ENGINE_OPTIONS, "engine_ms", *shared.DETECTION_OPTIONS
    results = shared.open_results(options, RtResult, *settings)
    with results:
        rows = list(_measure(options, results))
    print(tables.format_table(rows))
    if options.plot is not None:
        plots.save_plot(rows, options.plot)


def _measure(options: argparse.Namespace, results: Results[RtResult]) -> Iterator[RtResult]:
    """All engines on all sequences at each k, from each detector at each cost."""
    engines, detectors = shared.load_engines(options), shared.load_detector_choices(options)
    embedder = shared.load_embedder_choice(options)
    for folder, choice, cost, name, k in product(
        options.sequences,
        detectors,
        options.detector_ms or [None],
        engines,
        options.detect_every,
    ):
        config = RtConfig(detector_ms=cost, engine_ms=options.engine_ms)
        benchmark = RealTimeBenchmark(config=config, choice=choice, embedder=embedder)
        for fps in parse_rates(folder, options.fps):
            arguments = folder, name, engines[name], k, fps
            yield from _measure_modes(options, results, benchmark, *arguments)


def _measure_modes(
    options: argparse.Namespace,
    results: Results[RtResult],
    benchmark: RealTimeBenchmark,
    folder: str,
    name: str,
    engine: MotionEngine[Any, Any],
    k: int,
    fps: float,
) -> Iterator[RtResult]:
    """One engine at one k, the detector blocking it or beside it, and without a clock."""
    key = {
        "engine": name,
        "k": k,
        "fps": fps,
        "detector": benchmark.choice.name,
        "detector_ms": benchmark.config.detector_ms,
        "sequence": sequence_label(folder),
    }
    modes = [(BLOCKING, k)]
    if options.asynchronous:
        modes.append((ASYNCHRONOUS, k))
    if options.asynchronous and k == options.detect_every[0]:
        modes.append((ADAPTIVE, 1))
    rows = {}
    for mode, interval in modes:
        measure = partial(benchmark.evaluate, folder, name, engine, interval, fps, mode)
        row_key = key | {"k": interval, "mode": mode}
        rows[mode] = shared.measure_row(results, measure, _format_row, **row_key)
        yield rows[mode]
    if options.asynchronous:
        measure = partial(benchmark.evaluate_without_clock, folder, engine, rows[ASYNCHRONOUS])
        yield shared.measure_row(results, measure, _format_row, **key, mode=UNCLOCKED)


def _format_row(row: RtResult) -> str:
    """A row as a line of progress."""
    cost = "" if row.detector_ms is None else f", detector {row.detector_ms:g} ms"
    return (
        f"{describe_run(row)} at {row.fps:g} fps{cost}, {row.mode}: {format_scores(row.scores)}, "
        f"{row.processed} of {row.frames} frames processed at {row.milliseconds:.1f} ms, "
        f"{row.detected} detector calls"
    )
