"""Options that several commands share, and what becomes of them."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from mvot_benchmarks.detection import PUBLIC, DetectorChoice, load_detectors
from mvot_benchmarks.results import Results, environment, nameless, today, weights_name
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import UsageError

__all__ = [
    "DETECTION",
    "Commands",
    "add_detectors",
    "add_engines",
    "add_json",
    "add_machine",
    "add_network",
    "add_sequences",
    "load_choices",
    "load_engines",
    "measured",
    "say",
    "start",
]

Commands: TypeAlias = Any
"""What ``add_subparsers`` returns; argparse has no public name for it."""
ResultT = TypeVar("ResultT")
DETECTION = ("detector", "conf", "classes")
"""The options of ``add_detectors`` that hold for all rows of a run."""


def add_sequences(command: argparse.ArgumentParser) -> None:
    """The sequences to measure on."""
    command.add_argument("sequences", nargs="+", metavar="SEQ", help="folder or video")


def add_engines(command: argparse.ArgumentParser, *default: str) -> None:
    """The engines to compare."""
    command.add_argument("--engine", nargs="+", default=list(default), metavar="NAME")


def add_detectors(command: argparse.ArgumentParser) -> None:
    """The detectors to compare."""
    command.add_argument(
        "--detector",
        nargs="+",
        default=[PUBLIC],
        metavar="NAME",
        help="replay (each sequence's own det.txt, the default), packaged, replay:FILE, a YOLO "
        "model or path, or a registered one",
    )
    command.add_argument(
        "--conf", type=float, metavar="C", help="least confidence, in the detector's own scale"
    )
    command.add_argument(
        "--classes",
        metavar="A,B",
        help="what a YOLO is to find, by name or number; default person, for these are what the "
        "truth of MOT sequences counts; '' is all",
    )


def add_network(command: argparse.ArgumentParser) -> None:
    """The options of engines with a network."""
    command.add_argument("--weights", default="auto", metavar="FILE")
    add_machine(command)


def add_machine(command: argparse.ArgumentParser) -> None:
    """Where a network runs, and in which precision."""
    command.add_argument("--device", default="auto", metavar="D")
    command.add_argument("--precision", default="auto", metavar="P")


def add_json(command: argparse.ArgumentParser) -> None:
    """The file of results."""
    command.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the figures there as they come; a run that was cut short goes on from it",
    )


def load_engines(options: argparse.Namespace) -> dict[str, MotionEngine[Any, Any]]:
    """The engines of ``--engine`` by name."""
    choices = options.weights, options.device, options.precision
    return {name: load_engine(name, *choices) for name in options.engine}


def load_choices(options: argparse.Namespace) -> list[DetectorChoice]:
    """The detectors of ``--detector``."""
    return load_detectors(
        options.detector, conf=options.conf, classes=options.classes, device=options.device
    )


def start(options: argparse.Namespace, kind: type[ResultT], *settings: str) -> Results[ResultT]:
    """The results of a command, kept in ``--json`` if that is given.

    ``settings`` are the options that hold for all rows. Raises ``UsageError`` for sequences that
    rows could not tell apart.
    """
    names = [Path(one).resolve().name for one in getattr(options, "sequences", ())]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two sequences are called {name!r}; rename the folder of one")
    command, *_ = options.arguments
    if options.json is None:
        return Results(kind=kind, command=command)
    return Results(
        kind=kind,
        command=command,
        arguments=nameless(options.arguments),
        settings={name: _setting(getattr(options, name)) for name in settings},
        environment=environment(getattr(options, "device", "cpu")),
        date=today(),
        path=options.json,
    )


def measured(
    results: Results[ResultT],
    measure: Callable[[], ResultT],
    tell: Callable[[ResultT], str],
    **key: Any,
) -> ResultT:
    """``Results.take`` that tells what was measured on stderr."""
    row, new = results.take(measure, **key)
    say(tell(row) if new else f"{tell(row)} (from {results.path})")
    return row


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr)


def _setting(value: Any) -> Any:
    if isinstance(value, list):
        return [_setting(one) for one in value]
    if isinstance(value, Path):
        return value.resolve().name
    return weights_name(value) if isinstance(value, str) else value
