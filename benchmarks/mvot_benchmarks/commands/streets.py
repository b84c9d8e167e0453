"""``mvot-bench streets``: rendered sequences to measure on, the same for everybody."""

import argparse
from pathlib import Path

from mvot_benchmarks.commands.options import Commands

__all__ = ["add_streets"]


def add_streets(commands: Commands) -> None:
    """Add ``streets``: write the rendered sequences."""
    command = commands.add_parser(
        "streets",
        help="write a dozen rendered streets as MOT sequences, to measure on many that differ",
    )
    command.add_argument(
        "folder", type=Path, metavar="FOLDER", help="gets the folders street-101 to street-112"
    )
    command.set_defaults(command=_streets)


def _streets(options: argparse.Namespace) -> None:
    from mvot_benchmarks.datasets.streets import write_streets

    for path in write_streets(options.folder):
        print(f"saved {path}", flush=True)
