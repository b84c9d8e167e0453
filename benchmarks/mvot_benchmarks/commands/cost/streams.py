"""``mvot-bench streams``: what many videos at once cost."""

import argparse
import shlex
import tempfile
from pathlib import Path
from typing import Any

from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.commands.cost.stream_parts import measure_parts
from mvot_benchmarks.detectors import PUBLIC
from mvot_benchmarks.extras import import_extra
from mvot_benchmarks.streams import tables
from mvot_benchmarks.streams.comparison import describe_differences
from mvot_benchmarks.streams.cost import count_frames
from mvot_benchmarks.streams.plots import save_plot
from mvot_benchmarks.streams.results import PARTS, PROCESSES, StreamsRow, select_runs
from mvot_pipelines.sources import open_source
from mvot_plugin.errors import MvotError, UsageError, unknown_name

__all__ = ["add_streams"]

_SETTINGS = "videos", "size", "frames", "seconds", "piece", "run_options", *shared.ENGINE_OPTIONS
_DESCRIPTION = """\
What many videos at once cost, in four parts:
  cost       streams that one core keeps up with, by k and by the number of targets
  processes  mvot-run with all videos in one process, against a process a video
  memory     the memory of one process, by its number of streams
  cluster    mvot-cluster on one long video, by its number of workers (extra: ray)
Leave the machine alone meanwhile: time is measured."""


def add_streams(commands: shared.Commands) -> None:
    """Add ``streams``: what many videos at once cost."""
    command = commands.add_parser(
        "streams",
        help="many videos at once: streams per core, one process or many, memory, a cluster",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "videos",
        nargs="*",
        type=Path,
        metavar="VIDEO",
        help="videos or folders of images for the commands, the first of them for the cluster; "
        "without any, rendered ones",
    )
    command.add_argument(
        "--measure",
        nargs="+",
        default=list(PARTS),
        metavar="PART",
        help=f"some of the parts {', '.join(PARTS)} (default: all)",
    )
    shared.add_engines(command, "lk-flow")
    _add_cost_options(command.add_argument_group("cost"))
    _add_command_options(command.add_argument_group("processes, memory and cluster"))
    command.add_argument(
        "--size", default="1280x720", metavar="WxH", help="of what is rendered (default: 1280x720)"
    )
    command.add_argument("--plot", metavar="FILE", help="plot the results too, .png or .svg")
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_streams)


def _add_cost_options(group: Any) -> None:
    """Add the options of the part ``COST``."""
    group.add_argument("--targets", nargs="+", type=int, default=[5, 20, 50], metavar="N")
    group.add_argument("--detect-every", nargs="+", type=int, default=[1, 5, 10, 20], metavar="K")
    group.add_argument(
        "--detector",
        nargs="+",
        default=[PUBLIC, "packaged"],
        metavar="NAME",
        help=f"whose time counts: {PUBLIC} costs nothing; packaged, a YOLO model or path, or a "
        f"registered one; the boxes are the scene's in any case (default: {PUBLIC} packaged)",
    )
    group.add_argument(
        "--fps", type=float, default=25.0, metavar="FPS", help="of a stream (default: 25)"
    )
    group.add_argument(
        "--frames", type=int, default=100, metavar="F", help="of each scene (default: 100)"
    )


def _add_command_options(group: Any) -> None:
    """Add the options of the parts that run commands."""
    group.add_argument(
        "--run-options",
        default="--detect-every 10 --detector packaged",
        metavar="OPTIONS",
        help="the options of the commands, as one argument (default: '%(default)s')",
    )
    group.add_argument(
        "--rounds", type=int, default=3, metavar="R", help="runs of each command (default: 3)"
    )
    group.add_argument(
        "--streams", nargs="+", type=int, default=[1, 2, 4, 8], metavar="N",
        help="numbers of streams to measure the memory of (default: 1 2 4 8)",
    )  # fmt: skip
    group.add_argument(
        "--workers", nargs="+", type=int, default=[1, 2], metavar="N",
        help="numbers of workers of the cluster (default: 1 2)",
    )  # fmt: skip
    group.add_argument(
        "--piece", type=float, default=15.0, metavar="SEC",
        help="seconds of the pieces that the cluster cuts the video into (default: 15)",
    )  # fmt: skip
    group.add_argument(
        "--seconds", type=float, default=10.0, metavar="SEC",
        help="the length of rendered videos; the one for the cluster is six times as long "
        "(default: 10)",
    )  # fmt: skip


def _streams(options: argparse.Namespace) -> None:
    _check_options(options)
    if options.plot is not None:
        import_extra("matplotlib.figure", "plots")
    results = shared.open_results(options, StreamsRow, *_SETTINGS)
    rows: list[StreamsRow] = []
    try:
        with results, tempfile.TemporaryDirectory(prefix="mvot-streams-") as folder:
            rows.extend(measure_parts(options, results, Path(folder)))
    finally:
        if rows:
            print(tables.format_table(rows))
    if options.plot is not None:
        save_plot(rows, options.plot)
    if differences := describe_differences(select_runs(rows, PROCESSES)):
        raise MvotError(f"not the same tracks in one process and in several: {differences}")


def _check_options(options: argparse.Namespace) -> None:
    for part in options.measure:
        if part not in PARTS:
            raise unknown_name("part", part, PARTS)
    for name in ("targets", "detect_every", "streams", "workers"):
        for number in getattr(options, name):
            shared.require_positive(number, f"--{name.replace('_', '-')}")
    shared.require_positive(options.rounds, "--rounds")
    for name in ("fps", "seconds", "piece"):
        if not 0 < getattr(options, name) < float("inf"):
            raise UsageError(f"--{name} {getattr(options, name):g}: must be above 0")
    for k in options.detect_every:
        if count_frames(options.frames, k) < 1:
            raise UsageError(
                f"--frames {options.frames}: too few for --detect-every {k}; it takes two "
                f"intervals, {2 * k} frames"
            )
    shared.parse_size(options.size)
    try:
        shlex.split(options.run_options)
    except ValueError as error:
        raise UsageError(f"--run-options {options.run_options!r}: {error}") from error
    for video in options.videos:
        open_source(video).close()
