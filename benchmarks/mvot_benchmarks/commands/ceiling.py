"""``mvot-bench ceiling``: where quality is lost."""

import argparse
from functools import partial
from itertools import product

from mvot_benchmarks.ceiling.measurement import CeilingBenchmark, CeilingResult, split_missing
from mvot_benchmarks.ceiling.plots import save_plot
from mvot_benchmarks.ceiling.tables import describe_missing, format_table
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.metrics.scoring import check_scoring_packages

__all__ = ["add_ceiling"]


def add_ceiling(commands: shared.Commands) -> None:
    """Add ``ceiling``: tracking with perfect motion, identities or detector."""
    command = commands.add_parser(
        "ceiling",
        help="where quality is lost: scores with perfect motion, identities or detector",
    )
    shared.add_sequences(command)
    shared.add_engines(command, "lk-flow")
    command.add_argument("--detect-every", nargs="+", type=int, default=[1, 5, 10, 20])
    shared.add_detectors(command)
    shared.add_embedder(command)
    command.add_argument(
        "--plot", metavar="FILE", help="draw what is lost as stacked bars too, .png or .svg"
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_ceiling)


def _ceiling(options: argparse.Namespace) -> None:
    check_scoring_packages()
    if options.plot is not None:
        import_extra("matplotlib.figure", "plots")
    settings = *shared.ENGINE_OPTIONS, *shared.DETECTION_OPTIONS
    results, rows = shared.open_results(options, CeilingResult, *settings), []
    engines, detectors = shared.load_engines(options), shared.load_detector_choices(options)
    embedder = shared.load_embedder_choice(options)
    with results:
        for folder, choice in product(options.sequences, detectors):
            benchmark = CeilingBenchmark(folder, choice, embedder)
            for (name, engine), k in product(engines.items(), options.detect_every):
                measure = partial(benchmark.evaluate, name, engine, k)
                key = {"engine": name, "k": k, "detector": choice.name, "sequence": benchmark.name}
                rows.append(shared.measure_row(results, measure, _format_row, **key))
    print(f"{format_table(rows)}\n\n{describe_missing(rows)}")
    if options.plot is not None:
        save_plot(rows, options.plot)


def _format_row(row: CeilingResult) -> str:
    """A row as a line of progress."""
    parts = split_missing(row, "idf1")
    return f"{row.sequence} {row.engine} k={row.k}: IDF1 {parts.reached:.1f}"
