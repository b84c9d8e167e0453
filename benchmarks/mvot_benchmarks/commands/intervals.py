"""``mvot-bench intervals``: an interval of the detector that adapts, against fixed ones."""

import argparse
from functools import partial
from itertools import product

from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.commands.quality import add_runs, check_runs, format_scores
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.intervals import plots, tables
from mvot_benchmarks.intervals.measurement import (
    ADAPTIVE,
    FIXED_K,
    FIXED_SECONDS,
    IntervalResult,
    evaluate,
)
from mvot_benchmarks.metrics.scoring import check_scoring_packages
from mvot_benchmarks.mot import sequence_label
from mvot_benchmarks.reporting.results import Results

__all__ = ["add_intervals"]

_KS = (1, 2, 3, 5, 7, 10, 14, 20)
_SECONDS = (0.04, 0.08, 0.15, 0.2, 0.3, 0.45, 0.6, 0.9, 1.3)
_TYPICAL = (1, 2, 3, 4, 5, 7, 10, 14, 20)


def add_intervals(commands: shared.Commands) -> None:
    """Add ``intervals``: quality by how often the detector is called, and by what decides when."""
    command = commands.add_parser(
        "intervals", help="quality against detector calls: fixed k, fixed seconds, adaptive"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "lk-flow")
    command.add_argument(
        "--detect-every", nargs="+", type=int, default=list(_KS), metavar="K", help="fixed k"
    )
    command.add_argument(
        "--seconds", nargs="+", type=float, default=list(_SECONDS), metavar="SEC", help="fixed ones"
    )
    command.add_argument(
        "--interval",
        nargs="+",
        type=float,
        default=list(_TYPICAL),
        metavar="K",
        help="what the adaptive interval is on a typical video, in frames",
    )
    shared.add_detectors(command)
    shared.add_embedder(command)
    add_runs(command)
    command.add_argument("--plot", metavar="FILE", help="plot the results too, .png or .svg")
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_intervals)


def _intervals(options: argparse.Namespace) -> None:
    check_scoring_packages()
    check_runs(options)
    if options.plot is not None:
        import_extra("matplotlib.figure", "plots")
    settings = *shared.ENGINE_OPTIONS, *shared.DETECTION_OPTIONS
    results = shared.open_results(options, IntervalResult, *settings)
    with results:
        rows = _measure(options, results)
    print(tables.format_table(rows))
    if options.plot is not None:
        plots.save_plot(rows, options.plot)


def _measure(options: argparse.Namespace, results: Results[IntervalResult]) -> list[IntervalResult]:
    """All engines on all sequences with each scheduler at each interval, from each detector."""
    engines, detectors = shared.load_engines(options), shared.load_detector_choices(options)
    embedder, rows = shared.load_embedder_choice(options), []
    kinds = [(FIXED_K, float(k)) for k in options.detect_every]
    kinds += [(FIXED_SECONDS, seconds) for seconds in options.seconds]
    kinds += [(ADAPTIVE, float(interval)) for interval in options.interval]
    combinations = product(options.sequences, detectors, engines, kinds, range(options.runs))
    for folder, choice, name, (scheduler, interval), run in combinations:
        arguments = folder, name, engines[name], scheduler, interval, choice, embedder, run
        key = {"engine": name, "scheduler": scheduler, "interval": interval, "run": run}
        key |= {"sequence": sequence_label(folder), "detector": choice.name}
        measure = partial(evaluate, *arguments)
        rows.append(shared.measure_row(results, measure, _format_row, **key))
    return rows


def _format_row(row: IntervalResult) -> str:
    """A row as a line of progress."""
    return (
        f"{row.sequence} {row.engine}, {row.scheduler} {row.interval:g}: "
        f"{format_scores(row.scores)}, {row.calls} calls on {row.frames} frames"
    )
