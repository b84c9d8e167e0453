"""``mvot-bench joining``: what it costs to cut recordings into pieces."""

import argparse
import tempfile
from functools import partial
from itertools import product
from pathlib import Path

from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.metrics.scoring import check_scoring_packages
from mvot_benchmarks.streams.joining import (
    JoiningBenchmark,
    JoiningResult,
    format_row,
    format_table,
)
from mvot_plugin.errors import UsageError
from mvot_plugin.extras import require_module

__all__ = ["add_joining"]


def add_joining(commands: shared.Commands) -> None:
    """Add ``joining``: scores of joined pieces of recordings, against the unbroken run."""
    command = commands.add_parser(
        "joining",
        help="what it costs to cut recordings into pieces for mvot-cluster (extra: ray)",
        description="Play MOT sequences forwards and backwards until they are long, and score what "
        "mvot-run and mvot-cluster make of them, from the public detections.",
    )
    shared.add_sequences(command)
    command.add_argument("--detect-every", nargs="+", type=int, default=[5], metavar="K")
    command.add_argument(
        "--seconds", type=float, default=600.0, metavar="SEC", help="the length (default: 600)"
    )
    command.add_argument("--piece", nargs="+", type=float, default=[60.0], metavar="SEC")
    command.add_argument(
        "--overlap",
        nargs="+",
        type=_parse_overlap,
        default=[None],
        metavar="SEC",
        help="seconds, or auto, which is the cluster's own (default)",
    )
    command.add_argument("--workers", type=int, default=2, metavar="N")
    shared.add_json(command)
    command.set_defaults(command=_joining)


def _joining(options: argparse.Namespace) -> None:
    check_scoring_packages()
    require_module("ray", "mvot-bench joining", "ray")
    _check_options(options)
    results, rows = shared.open_results(options, JoiningResult), list[JoiningResult]()
    cuts = [(None, None), *product(options.piece, options.overlap)]
    with results, tempfile.TemporaryDirectory(prefix="mvot-joining-") as folder:
        for path, k in product(options.sequences, options.detect_every):
            benchmark = JoiningBenchmark(path, Path(folder), options.seconds, k)
            for piece, overlap in cuts:
                workers = 1 if piece is None else options.workers
                measure = partial(benchmark.measure, piece, overlap, workers)
                key = benchmark.name, options.seconds, k, piece, overlap, workers
                rows.append(shared.measure_row(results, measure, format_row, key=key))
    print(format_table(rows))


def _parse_overlap(text: str) -> float | None:
    return None if text == "auto" else float(text)


_parse_overlap.__name__ = "number"  # in error messages of argparse


def _check_options(options: argparse.Namespace) -> None:
    for k in options.detect_every:
        shared.require_positive(k, "--detect-every")
    shared.require_positive(options.workers, "--workers")
    for name in ("seconds", "piece", "overlap"):
        given = getattr(options, name)
        for number in given if isinstance(given, list) else [given]:
            if number is not None and not 0 < number < float("inf"):
                raise UsageError(f"--{name} {number:g}: must be above 0")
