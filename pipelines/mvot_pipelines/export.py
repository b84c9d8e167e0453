"""The command ``mvot-export``: the graphs of an engine's network, checked against torch."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mvot_pipelines.cli import (
    Parser,
    format_version,
    print_error,
    print_output,
    run_command,
)
from mvot_pipelines.sources import open_source
from mvot_plugin.detectors import load_detector
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import InputError, OutputError, UsageError, unknown_name
from mvot_plugin.extras import require_torch
from mvot_plugin.threads import limit_threads, usable_threads
from mvot_plugin.types import Detections, Frame
from mvot_synthetic import street

__all__ = ["Agreement", "build_parser", "compare_engines", "export_engine", "main", "read_frames"]

LARGEST_DEVIATION = 0.1
"""Pixels by which a box by graphs may be off that by torch."""
CHECKED_FRAMES = 20


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the boxes of two engines are apart after one step from the same boxes."""

    boxes: int
    """How many were compared."""
    mean: float
    """The mean of the largest deviation of each, in pixels."""
    largest: float
    """The largest deviation, in pixels."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_command("mvot-export", lambda: _run(build_parser().parse_args(arguments)))


def _run(options: argparse.Namespace) -> int:
    """Export and compare; returns the exit code."""
    output = Path(options.output)
    with limit_threads(usable_threads()):
        export_engine(options.engine, options.weights, output)
        frames = read_frames(options.check)
        agreement = compare_engines(options.engine, options.weights, output, frames)
    size = sum(path.stat().st_size for path in output.iterdir()) / 1e6
    print_output(
        f"{output}: graphs of {options.engine}, {size:.1f} MB; {agreement.boxes} boxes are "
        f"{agreement.mean:.3f} px from torch's in the mean, {agreement.largest:.3f} px at most"
    )
    if agreement.largest > LARGEST_DEVIATION:
        print_error(
            "mvot-export", f"the graphs disagree with torch by more than {LARGEST_DEVIATION} px"
        )
        return 1
    return 0


def export_engine(name: str, weights: str, folder: Path) -> None:
    """Write the graphs of an engine's network.

    Args:
        name: The engine.
        weights: A weights file, or "auto" for the engine's own.
        folder: The folder to write to; it is made where it does not exist.

    Raises:
        UsageError: The engine has no torch module to export, or torch is not installed.
        InputError: The weights cannot be read or do not fit.
        OutputError: The graphs cannot be written.
    """
    if name not in ENGINES:
        raise unknown_name("engine", name, [k for k, v in ENGINES.items() if v.network])
    entry = ENGINES[name].network
    if entry is None:
        raise UsageError(f"engine {name!r} has no weights of its own to export")
    if weights == "random":
        raise UsageError("random weights are not worth an export; give a file")
    require_torch("mvot-export")
    from mvot_plugin.engines.torch_loading import load_functions, read_record
    from mvot_plugin.runtimes.export import export_functions

    functions, _ = load_functions(name, weights)
    functions.eval().requires_grad_(False)
    try:
        export_functions(functions, folder, kind=entry.kind, record=read_record(name, weights))
    except OSError as error:
        raise OutputError(f"{folder}: the graphs could not be written: {error}") from error


def compare_engines(
    name: str, weights: str, folder: Path, frames: Sequence[tuple[Frame, Detections]]
) -> Agreement:
    """Track detections one frame further by graphs and by torch, and compare the boxes.

    Args:
        name: The engine.
        weights: The weights of the torch engine.
        folder: The graphs.
        frames: Frames and what is to be tracked from each to the next.

    Raises:
        InputError: There is nothing to track.
    """
    engines: list[Any] = [
        load_engine(name, str(folder), "cpu", runtime="onnx"),
        load_engine(name, weights, "cpu", "fp32", runtime="torch"),
    ]
    deviations = []
    for (first, detections), (second, _) in pairwise(frames):
        if len(detections):
            boxes = [_move(engine, first, second, detections) for engine in engines]
            deviations.append(np.abs(boxes[0] - boxes[1]).max(1))
    if not deviations:
        raise InputError("--check: nothing is detected on the frames, so that nothing is compared")
    found = np.concatenate(deviations)
    return Agreement(boxes=len(found), mean=float(found.mean()), largest=float(found.max()))


def read_frames(source: str | None) -> list[tuple[Frame, Detections]]:
    """Read frames to compare on, and what is on them.

    Args:
        source: A video, whose objects the packaged detector finds; None for a rendered street,
            whose objects are known.

    Returns:
        The first ``CHECKED_FRAMES`` frames, with the boxes on each.
    """
    if source is None:
        scene = street(0, size=(640, 480), frames=CHECKED_FRAMES, walkers=8, vehicles=2, cyclists=1)
        return [(frame, Detections.of(scene.ground_truth(frame.index).xyxy)) for frame in scene]
    detector = load_detector("packaged")
    with open_source(source) as opened:
        return [(frame, detector(frame)) for frame in islice(opened, CHECKED_FRAMES)]


def _move(engine: Any, first: Frame, second: Frame, detections: Detections) -> np.ndarray:
    targets = engine.enroll(engine.observe(first), detections.xyxy)
    _, motion = engine.track(engine.observe(second), targets)
    return np.asarray(motion.boxes)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    parser = Parser(
        prog="mvot-export",
        description="Write an engine's network as graphs (ONNX), which run on CPUs without torch, "
        "and check that they find the same boxes.",
        epilog="mvot-run --engine ENGINE --weights FOLDER uses the result.",
        allow_abbrev=False,
    )
    parser.add_argument("engine", metavar="ENGINE", help="such as siammotion-n or siammt")
    parser.add_argument("--output", metavar="FOLDER", required=True, help="where to write them")
    parser.add_argument(
        "--weights", metavar="FILE", default="auto", help="a weights file (default: the engine's)"
    )
    parser.add_argument(
        "--check", metavar="SOURCE", help="a video to compare on (default: a rendered street)"
    )
    parser.add_argument("--version", action="version", version=format_version("mvot-export"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
