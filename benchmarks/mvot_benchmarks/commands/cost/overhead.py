"""``mvot-bench overhead``: the time of the pipeline itself."""

import argparse
from functools import partial
from itertools import product

from mvot_benchmarks import overhead
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.reporting.results import name_with_hash
from mvot_plugin.embedders import load_embedder

__all__ = ["add_overhead"]


def add_overhead(commands: shared.Commands) -> None:
    """Add ``overhead``: the time of the pipeline itself."""
    command = commands.add_parser("overhead", help="the time of the pipeline itself, per frame")
    command.add_argument("--targets", nargs="+", type=int, default=[10, 100, 300])
    command.add_argument("--detect-every", nargs="+", type=int, default=[1, 5])
    command.add_argument(
        "--embedder",
        nargs="+",
        default=["none", "colour"],
        metavar="NAME",
        help="embedders to measure with: none, colour, an ONNX file, or a registered one (default: "
        "none colour)",
    )
    shared.add_json(command)
    command.set_defaults(command=_overhead)


def _overhead(options: argparse.Namespace) -> None:
    results, rows = shared.open_results(options, overhead.Overhead), []
    embedders = {name_with_hash(name): load_embedder(name) for name in options.embedder}
    with results:
        for targets, k, (name, embedder) in product(
            options.targets, options.detect_every, embedders.items()
        ):
            measure = partial(overhead.measure_overhead, targets, k, name, embedder)
            key = {"targets": targets, "k": k, "embedder": name}
            rows.append(results.get_or_measure(measure, **key)[0])
    print(overhead.format_table(rows))
