"""``mvot-bench stages`` and ``mvot-bench overhead``: where the time goes."""

import argparse
from functools import partial

from mvot_benchmarks import overhead
from mvot_benchmarks.commands import options as shared
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError

__all__ = ["add_overhead", "add_stages"]


def add_overhead(commands: shared.Commands) -> None:
    """The pipeline's own cost."""
    command = commands.add_parser("overhead", help="what the pipeline itself costs a frame")
    command.add_argument("--targets", nargs="+", type=int, default=[10, 100, 300])
    command.add_argument("--detect-every", nargs="+", type=int, default=[1, 5])
    shared.add_json(command)
    command.set_defaults(command=_overhead)


def add_stages(commands: shared.Commands) -> None:
    """An engine's cost."""
    command = commands.add_parser("stages", help="what each stage of a Siamese engine costs")
    command.add_argument("--engine", default="siammotion", metavar="NAME")
    command.add_argument("--size", nargs="+", default=["640x480", "1280x720"], metavar="WxH")
    command.add_argument("--targets", nargs="+", type=int, default=[1, 10, 50, 100])
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_stages)


def _overhead(options: argparse.Namespace) -> None:
    results, found = shared.start(options, overhead.Overhead), []
    with results:
        for targets in options.targets:
            for k in options.detect_every:
                measure = partial(overhead.measure, targets, k)
                found.append(results.take(measure, targets=targets, k=k)[0])
    print(overhead.table(found))


def _stages(options: argparse.Namespace) -> None:
    from mvot_benchmarks import stages

    sizes = [_size(text) for text in options.size]
    settings = "engine", "weights", "device", "precision"
    results, found = shared.start(options, stages.Stages, *settings), []

    def measure(size: tuple[int, int], targets: int) -> stages.Stages:
        choices = options.weights, options.device, options.precision
        engine = load_engine(options.engine, *choices)  # measuring changes it
        return next(stages.measure(engine, [size], [targets]))

    with results:
        for size in sizes:
            for targets in options.targets:
                row, _ = results.take(partial(measure, size, targets), size=size, targets=targets)
                found.append(row)
    print(stages.table(found))


def _size(text: str) -> tuple[int, int]:
    """Width and height from "640x480"."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UsageError(f"--size {text!r}: a size is WIDTHxHEIGHT in pixels, like 1280x720")
    return int(width), int(height)
