"""``mvot-bench report``."""

import argparse
from pathlib import Path

from mvot_benchmarks.commands.options import Commands

__all__ = ["add_report"]


def add_report(commands: Commands) -> None:
    """Add ``report``: stored runs as documents."""
    command = commands.add_parser(
        "report", help="tables, plots and an HTML page of the files that --json wrote"
    )
    command.add_argument("results", nargs="+", type=Path, metavar="JSON")
    command.add_argument("--output", type=Path, required=True, metavar="DIR")
    command.set_defaults(command=_report)


def _report(options: argparse.Namespace) -> None:
    from mvot_benchmarks.reporting.report import write_report

    for path in write_report(options.results, options.output):
        print(f"saved {path}")
