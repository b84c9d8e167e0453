"""The command ``mvot-bench``."""

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata

from mvot_benchmarks import mot, overhead
from mvot_benchmarks.plots import plot_quality
from mvot_pipelines.cli import Parser
from mvot_plugin.errors import MvotError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    try:
        options = _parser().parse_args(arguments)
        options.command(options)
    except MvotError as error:
        print(f"mvot-bench: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _mot(options: argparse.Namespace) -> None:
    results = []
    for result in mot.evaluate(options.sequences, options.engine, options.detect_every):
        results.append(result)
        scores = result.scores
        print(
            f"{result.sequence} {result.engine} k={result.k}: MOTA {100 * scores.mota:.1f}, "
            f"IDF1 {100 * scores.idf1:.1f}, {scores.switches} switches, "
            f"{scores.false_positives} FP, {scores.misses} FN, {result.milliseconds:.1f} ms/frame",
            file=sys.stderr,
        )
    print(mot.table(results))
    if options.plot is not None:
        plot_quality(results, options.plot)


def _overhead(options: argparse.Namespace) -> None:
    print(
        overhead.table(
            [overhead.measure(n, k) for n in options.targets for k in options.detect_every]
        )
    )


def _parser() -> Parser:
    parser = Parser(prog="mvot-bench", description="Measure quality and cost.", allow_abbrev=False)
    version = f"mvot-bench {metadata.version('mvot-plugin')}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    quality = commands.add_parser(
        "mot", help="MOTA and IDF1 on MOT sequence folders, from their det.txt"
    )
    quality.add_argument("sequences", nargs="+", metavar="SEQ", help="folder with seqinfo.ini")
    quality.add_argument(
        "--engine", nargs="+", default=["hold", "kalman", "lk-flow"], metavar="NAME"
    )
    quality.add_argument("--detect-every", nargs="+", type=int, default=[1, 2, 5, 10, 20])
    quality.add_argument("--plot", metavar="FILE", help="draw it too, .png or .svg")
    quality.set_defaults(command=_mot)
    cost = commands.add_parser("overhead", help="what the pipeline itself costs a frame")
    cost.add_argument("--targets", nargs="+", type=int, default=[10, 100, 300])
    cost.add_argument("--detect-every", nargs="+", type=int, default=[1, 5])
    cost.set_defaults(command=_overhead)
    return parser


if __name__ == "__main__":
    sys.exit(main())
