"""``mvot-bench scaling`` and ``mvot-bench overhead``: where the time goes."""

import argparse
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from mvot_benchmarks import overhead
from mvot_benchmarks.commands import options as shared
from mvot_plugin.errors import UsageError

if TYPE_CHECKING:
    from mvot_benchmarks.scaling import Scaling
    from mvot_plugin.types import Frame

__all__ = ["add_overhead", "add_scaling"]


def add_overhead(commands: shared.Commands) -> None:
    """The pipeline's own cost."""
    command = commands.add_parser("overhead", help="what the pipeline itself costs a frame")
    command.add_argument("--targets", nargs="+", type=int, default=[10, 100, 300])
    command.add_argument("--detect-every", nargs="+", type=int, default=[1, 5])
    shared.add_json(command)
    command.set_defaults(command=_overhead)


def add_scaling(commands: shared.Commands) -> None:
    """Engines' cost against the number of targets."""
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


def _overhead(options: argparse.Namespace) -> None:
    results, found = shared.start(options, overhead.Overhead), []
    with results:
        for targets in options.targets:
            for k in options.detect_every:
                measure = partial(overhead.measure, targets, k)
                found.append(results.take(measure, targets=targets, k=k)[0])
    print(overhead.table(found))


def _scaling(options: argparse.Namespace) -> None:
    from mvot_benchmarks import scaling, scaling_tables
    from mvot_plugin.devices import choose_device

    sizes = dict.fromkeys(_size(text) for text in options.size)
    counts = sorted({_at_least_1(count, "--targets") for count in options.targets})
    wanted = _at_least_1(options.frames, "--frames")
    engines = shared.load_engines(options)
    settings = "video", "engine", "frames", "weights", "device", "precision"
    results, found = shared.start(options, scaling.Scaling, *settings), []
    contest = scaling.Contest(engines, choose_device(options.device))

    @cache
    def frames(size: tuple[int, int]) -> "list[Frame]":
        return scaling.read_frames(options.video, size, wanted)

    @cache
    def all_engines(size: tuple[int, int], targets: int) -> "dict[str, Scaling]":
        return contest.measure(frames(size), targets)

    def measure(engine: str, size: tuple[int, int], targets: int) -> "Scaling":
        return all_engines(size, targets)[engine]

    with results:
        for size in sizes:
            for count in counts:
                for name in engines:
                    key = {"engine": name, "size": size, "targets": count}
                    one = partial(measure, name, size, count)
                    found.append(shared.measured(results, one, _scaling_line, **key))
    print(scaling_tables.table(found))


def _scaling_line(row: "Scaling") -> str:
    return (
        f"{row.size[0]}x{row.size[1]} N={row.targets} {row.engine}: {row.fps:.1f} fps, "
        f"{row.frame:.1f} ms/frame, {row.enroll:.1f} ms to enroll"
    )


def _size(text: str) -> tuple[int, int]:
    """Width and height from "640x480"."""
    from mvot_benchmarks.scaling import LARGEST_BOX

    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"--size {text!r}: a size is WIDTHxHEIGHT in pixels, like 1280x720")
    if int(width) < LARGEST_BOX[0] or int(height) < LARGEST_BOX[1]:
        least = f"{LARGEST_BOX[0]}x{LARGEST_BOX[1]}"
        raise UsageError(f"--size {text!r}: targets are up to {least} pixels; take a larger one")
    return int(width), int(height)


def _at_least_1(number: int, option: str) -> int:
    if number < 1:
        raise UsageError(f"{option} {number}: must be 1 or more")
    return number
