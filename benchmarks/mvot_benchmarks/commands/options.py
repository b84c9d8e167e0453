"""Options that several commands share, and the objects they are turned into."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from mvot_benchmarks.detectors import PUBLIC, DetectorChoice, load_detectors
from mvot_benchmarks.mot import sequence_label
from mvot_benchmarks.peers.opencv_nano import FILES, OPENCV_NANO, SOURCE, OpenCVNanoEngine
from mvot_benchmarks.reporting.results import (
    Results,
    describe_environment,
    name_with_hash,
    strip_folders,
    utc_now,
)
from mvot_plugin.embedders import Embedder, load_embedder
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import UsageError

__all__ = [
    "DETECTION_OPTIONS",
    "ENGINE_OPTIONS",
    "NETWORK_OPTIONS",
    "Commands",
    "add_detectors",
    "add_embedder",
    "add_engines",
    "add_json",
    "add_machine",
    "add_network",
    "add_sequences",
    "load_detector_choices",
    "load_embedder_choice",
    "load_engines",
    "measure_row",
    "open_results",
    "parse_size",
    "print_progress",
    "require_positive",
]

Commands: TypeAlias = Any
"""What ``add_subparsers`` returns; argparse has no public name for it."""
ResultT = TypeVar("ResultT")
DETECTION_OPTIONS = ("detector", "conf", "classes", "embedder")
"""The options of ``add_detectors`` and ``add_embedder`` that hold for all rows of a run."""
NETWORK_OPTIONS = ("weights", "device", "precision")
"""The options of ``add_network``, likewise."""
ENGINE_OPTIONS = (*NETWORK_OPTIONS, "runtime", "nanotrack")
"""The options of ``add_engines`` and ``add_network``, likewise."""
_NANOTRACK = "nanotrack"
"""Our engine that runs the networks of ``--nanotrack``."""


def add_sequences(command: argparse.ArgumentParser) -> None:
    """Add the sequences to measure on."""
    command.add_argument("sequences", nargs="+", metavar="SEQ", help="folder or video")


def add_engines(command: argparse.ArgumentParser, *default: str) -> None:
    """Add the engines to compare."""
    command.add_argument("--engine", nargs="+", default=list(default), metavar="NAME")
    command.add_argument(
        "--nanotrack",
        metavar="DIR",
        help=f"compare with {OPENCV_NANO} too, OpenCV's NanoTrack, one tracker for each target; "
        f"the folder holds {' and '.join(FILES)}, from {SOURCE}, and the engine {_NANOTRACK} "
        "takes them from there as well",
    )


def add_detectors(command: argparse.ArgumentParser) -> None:
    """Add the detectors to compare."""
    command.add_argument(
        "--detector",
        nargs="+",
        default=[PUBLIC],
        metavar="NAME",
        help="replay (each sequence's own det/det.txt, the default), packaged, replay:FILE, a YOLO "
        "model or path, or a registered one",
    )
    command.add_argument(
        "--conf", type=float, metavar="C", help="least confidence, in the detector's own scale"
    )
    command.add_argument(
        "--classes",
        metavar="A,B",
        help="the classes that a YOLO detects, by name or number; default person, as in the ground "
        "truth of MOT sequences; '' is all",
    )


def add_embedder(command: argparse.ArgumentParser) -> None:
    """Add the embedder of our pipeline."""
    command.add_argument(
        "--embedder",
        default="colour",
        metavar="NAME",
        help="what describes how detections look: colour (the default), none, an ONNX file, or a "
        "registered one",
    )


def add_network(command: argparse.ArgumentParser) -> None:
    """Add the options of engines with a network."""
    command.add_argument("--weights", default="auto", metavar="FILE")
    command.add_argument(
        "--runtime", default="auto", metavar="R", help="auto, onnx (CPUs only) or torch"
    )
    add_machine(command)


def add_machine(command: argparse.ArgumentParser) -> None:
    """Add the device, the precision and the threads of a network."""
    command.add_argument("--device", default="auto", metavar="D")
    command.add_argument("--precision", default="auto", metavar="P")
    command.add_argument(
        "--threads", type=int, metavar="N", help="use no more threads (default: all it may use)"
    )


def add_json(command: argparse.ArgumentParser) -> None:
    """Add the file of results."""
    command.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write the results there, row by row; an interrupted run continues from it",
    )


def load_engines(options: argparse.Namespace) -> dict[str, MotionEngine[Any, Any]]:
    """Load the engines of ``--engine``, by name; with ``--nanotrack``, the last is OpenCV's."""
    weights, peers = dict.fromkeys(options.engine, options.weights), {}
    if options.nanotrack is not None:
        peers[OPENCV_NANO] = OpenCVNanoEngine.from_folder(options.nanotrack)
        weights |= {_NANOTRACK: options.nanotrack} if _NANOTRACK in weights else {}
    arguments = options.device, options.precision
    more = {"runtime": options.runtime, "threads": options.threads}
    return {name: load_engine(name, weights[name], *arguments, **more) for name in weights} | peers


def load_detector_choices(options: argparse.Namespace) -> list[DetectorChoice]:
    """Load the detectors of ``--detector``."""
    return load_detectors(
        options.detector, conf=options.conf, classes=options.classes, device=options.device
    )


def load_embedder_choice(options: argparse.Namespace) -> Embedder | None:
    """Load the embedder of ``--embedder``; None for none."""
    return load_embedder(options.embedder, threads=options.threads)


def open_results(
    options: argparse.Namespace, kind: type[ResultT], *settings: str
) -> Results[ResultT]:
    """Open the results of a command, stored in the file of ``--json`` if that is given.

    ``settings`` are the options that hold for all rows. Raises ``UsageError`` for two sequences of
    the same name.
    """
    names = [sequence_label(path) for path in getattr(options, "sequences", ())]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two sequences are called {name!r}; rename the folder of one")
    command, *_ = options.arguments
    if options.json is None:
        return Results(kind=kind, command=command)
    return Results(
        kind=kind,
        command=command,
        arguments=strip_folders(options.arguments),
        settings={name: _to_setting(getattr(options, name)) for name in settings},
        environment=describe_environment(
            getattr(options, "device", "cpu"), getattr(options, "threads", None)
        ),
        date=utc_now(),
        path=options.json,
    )


def measure_row(
    results: Results[ResultT],
    measure: Callable[[], ResultT],
    format_row: Callable[[ResultT], str],
    **key: Any,
) -> ResultT:
    """``Results.get_or_measure`` that prints the row to stderr."""
    row, is_new = results.get_or_measure(measure, **key)
    print_progress(format_row(row) if is_new else f"{format_row(row)} (from {results.path})")
    return row


def parse_size(text: str) -> tuple[int, int]:
    """Width and height, in pixels, from the "640x480" of ``--size``."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"--size {text!r}: a size is WIDTHxHEIGHT in pixels, like 1280x720")
    return int(width), int(height)


def require_positive(number: int, option: str) -> int:
    """The number that was given to an option; raises ``UsageError`` below 1."""
    if number < 1:
        raise UsageError(f"{option} {number}: must be 1 or more")
    return number


def print_progress(line: str) -> None:
    """Print a line of progress to stderr."""
    print(line, file=sys.stderr)


def _to_setting(value: Any) -> Any:
    """An option's value for the JSON file: paths by name, files by name and hash."""
    if isinstance(value, list):
        return [_to_setting(one) for one in value]
    if isinstance(value, Path):
        return value.resolve().name
    return name_with_hash(value) if isinstance(value, str) else value
