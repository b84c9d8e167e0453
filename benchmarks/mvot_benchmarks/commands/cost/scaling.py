"""``mvot-bench scaling``: the time of engines against the number of targets."""

import argparse
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks.commands import options as shared
from mvot_plugin.errors import UsageError

if TYPE_CHECKING:
    from mvot_benchmarks.scaling.measurement import ScalingRow
    from mvot_plugin.types import Frame

__all__ = ["add_scaling"]


def add_scaling(commands: shared.Commands) -> None:
    """Add ``scaling``: the time of engines against the number of targets."""
    command = commands.add_parser(
        "scaling", help="frames per second and cost by stage against the number of targets"
    )
    command.add_argument(
        "video",
        nargs="?",
        type=Path,
        metavar="VIDEO",
        help="video or folder of images; without one, a synthetic street",
    )
    shared.add_engines(command, "lk-flow", "siammotion-n", "siammotion")
    command.add_argument("--targets", nargs="+", type=int, default=[1, 2, 5, 10, 20, 50, 100])
    command.add_argument("--size", nargs="+", default=["640x480", "1280x720"], metavar="WxH")
    command.add_argument(
        "--frames", type=int, default=10, metavar="F", help="to take the median over (default: 10)"
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_scaling)


def _scaling(options: argparse.Namespace) -> None:
    from mvot_benchmarks.scaling import measurement as scaling
    from mvot_benchmarks.scaling import tables as scaling_tables

    sizes = dict.fromkeys(_parse_size(text) for text in options.size)
    counts = sorted({shared.require_positive(count, "--targets") for count in options.targets})
    timed_frames = shared.require_positive(options.frames, "--frames")
    engines = shared.load_engines(options)
    settings = "video", "engine", "frames", *shared.ENGINE_OPTIONS
    results, rows = shared.open_results(options, scaling.ScalingRow, *settings), []
    benchmark = scaling.ScalingBenchmark(engines, scaling.choose_clock(options.device))

    @cache
    def read_frames(size: tuple[int, int]) -> "list[Frame]":
        return scaling.read_frames(options.video, size, timed_frames)

    @cache
    def measure_all(size: tuple[int, int], targets: int) -> "dict[str, ScalingRow]":
        return benchmark.measure(read_frames(size), targets)

    def measure_one(engine: str, size: tuple[int, int], targets: int) -> "ScalingRow":
        return measure_all(size, targets)[engine]

    with results:
        for size in sizes:
            for count in counts:
                for name in engines:
                    key = {"engine": name, "size": size, "targets": count}
                    measure = partial(measure_one, name, size, count)
                    rows.append(shared.measure_row(results, measure, _format_scaling_row, **key))
    print(scaling_tables.format_table(rows))


def _format_scaling_row(row: "ScalingRow") -> str:
    return (
        f"{row.size[0]}x{row.size[1]} N={row.targets} {row.engine}: {row.fps:.1f} fps, "
        f"{row.frame:.1f} ms/frame, {row.enroll:.1f} ms to enroll"
    )


def _parse_size(text: str) -> tuple[int, int]:
    """Width and height from "640x480", large enough for the targets."""
    from mvot_benchmarks.scaling.measurement import LARGEST_BOX

    width, height = shared.parse_size(text)
    if width < LARGEST_BOX[0] or height < LARGEST_BOX[1]:
        largest = f"{LARGEST_BOX[0]}x{LARGEST_BOX[1]}"
        raise UsageError(f"--size {text!r}: targets are up to {largest} pixels; take a larger one")
    return width, height
