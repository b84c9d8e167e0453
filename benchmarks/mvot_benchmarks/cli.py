"""The command ``mvot-bench``."""

import argparse
import sys
import warnings
from collections.abc import Sequence

from mvot_benchmarks.commands.ceiling import add_ceiling
from mvot_benchmarks.commands.cost.overhead import add_overhead
from mvot_benchmarks.commands.cost.scaling import add_scaling
from mvot_benchmarks.commands.cost.soak import add_soak
from mvot_benchmarks.commands.cost.streams import add_streams
from mvot_benchmarks.commands.intervals import add_intervals
from mvot_benchmarks.commands.joining import add_joining
from mvot_benchmarks.commands.motion import add_ablation, add_vot
from mvot_benchmarks.commands.peers import add_peers
from mvot_benchmarks.commands.quality import add_mot
from mvot_benchmarks.commands.realtime import add_rt
from mvot_benchmarks.commands.report import add_report
from mvot_benchmarks.commands.streets import add_streets
from mvot_pipelines.cli import Parser, format_version, print_error, run_command
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["build_parser", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace(arguments=arguments, json=None)
    return run_command(
        "mvot-bench", lambda: _run(arguments, options), hint=lambda: _describe_rows(options)
    )


def _run(arguments: Sequence[str], options: argparse.Namespace) -> int:
    """Parse the arguments into ``options``, and run the sub-command; returns the exit code."""
    build_parser().parse_args(arguments, options)
    threads = check_threads(getattr(options, "threads", None))
    with warnings.catch_warnings(), limit_threads(threads):
        warnings.showwarning = _WarningPrinter()
        options.command(options)
    return 0


def _describe_rows(options: argparse.Namespace) -> str:
    """What there is of a command that was interrupted."""
    if options.json is None:
        return ""
    return f"; rows so far are in {options.json}: the same command continues"


class _WarningPrinter:
    """Prints each warning once, however many rows it concerns."""

    def __init__(self) -> None:
        self._printed: set[str] = set()

    def __call__(self, message: Warning | str, *_where: object, **_how: object) -> None:
        if str(message) not in self._printed:
            print_error("mvot-bench", f"warning: {message}")
        self._printed.add(str(message))


def build_parser() -> Parser:
    """The parser of the command, with the options of each sub-command."""
    parser = Parser(prog="mvot-bench", description="Measure quality and cost.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=format_version("mvot-bench"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    quality = add_mot, add_rt, add_intervals, add_ceiling, add_peers, add_vot, add_ablation
    cost = add_overhead, add_scaling, add_soak, add_streams
    for add_command in (*quality, add_joining, *cost, add_streets, add_report):
        add_command(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
