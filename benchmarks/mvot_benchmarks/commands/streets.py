"""``mvot-bench streets``: rendered sequences to measure on, the same for everybody."""

import argparse
from dataclasses import replace
from pathlib import Path

from mvot_benchmarks.commands.options import Commands
from mvot_benchmarks.datasets.streets import STREETS, write_streets

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
    command.add_argument(
        "--first",
        type=int,
        default=STREETS[0].seed,
        metavar="N",
        help="the seed and number of the first; 201 is another dozen of the same kind (default: "
        "%(default)s)",
    )
    command.set_defaults(command=_streets)


def _streets(options: argparse.Namespace) -> None:
    streets = [replace(one, seed=options.first + number) for number, one in enumerate(STREETS)]
    for path in write_streets(options.folder, streets):
        print(f"saved {path}", flush=True)
