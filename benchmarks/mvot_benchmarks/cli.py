"""The command ``mvot-bench``."""

import argparse
import sys
import warnings
from collections.abc import Sequence

from mvot_benchmarks.commands.ceiling import add_ceiling
from mvot_benchmarks.commands.cost import add_overhead, add_scaling
from mvot_benchmarks.commands.intervals import add_intervals
from mvot_benchmarks.commands.motion import add_ablation, add_vot
from mvot_benchmarks.commands.peers import add_peers
from mvot_benchmarks.commands.quality import add_mot
from mvot_benchmarks.commands.realtime import add_rt
from mvot_benchmarks.commands.report import add_report
from mvot_benchmarks.commands.streets import add_streets
from mvot_pipelines.cli import Parser, format_version
from mvot_plugin.errors import MvotError
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = argparse.Namespace(arguments=arguments, json=None)
    try:
        options = _parser().parse_args(arguments, options)
        threads = check_threads(getattr(options, "threads", None))
        with warnings.catch_warnings(), limit_threads(threads):
            warnings.showwarning = _print_warning
            options.command(options)
    except MvotError as error:
        print(f"mvot-bench: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        saved = options.json and f"; rows so far are in {options.json}: the same command continues"
        print(f"mvot-bench: interrupted{saved or ''}", file=sys.stderr)
        return 1
    return 0


def _print_warning(message: Warning | str, *_where: object, **_how: object) -> None:
    print(f"mvot-bench: warning: {message}", file=sys.stderr)


def _parser() -> Parser:
    parser = Parser(prog="mvot-bench", description="Measure quality and cost.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=format_version("mvot-bench"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    quality = add_mot, add_rt, add_intervals, add_ceiling, add_peers, add_vot, add_ablation
    for add_command in (*quality, add_overhead, add_scaling, add_streets, add_report):
        add_command(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
