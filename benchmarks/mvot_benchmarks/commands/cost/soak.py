"""``mvot-bench soak``: whether memory, time, threads or files grow over a long run."""

import argparse
from collections.abc import Mapping
from functools import partial
from itertools import product

from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.reporting.results import Results
from mvot_benchmarks.soak import tables
from mvot_benchmarks.soak.measurement import TENTHS, SoakResult, measure_soak
from mvot_benchmarks.soak.meter import check_system
from mvot_benchmarks.soak.process import run_in_process
from mvot_plugin.engines import engine_names, load_engine
from mvot_plugin.engines.table import ENGINES
from mvot_plugin.errors import MvotError, UsageError, unknown_name
from mvot_plugin.extras import has_torch
from mvot_plugin.threads import check_threads, limit_threads

__all__ = ["add_soak"]

LIGHT_FRAMES, NETWORK_FRAMES = 100_000, 5_000
_NANOTRACK = "nanotrack"
_RUNTIMES = ("auto", "onnx", "torch")
_SETTINGS = "seed", "nanotrack", "device", "precision", "threads"


def add_soak(commands: shared.Commands) -> None:
    """Add ``soak``: long runs of frames made on the fly, with a detector that fails at times."""
    command = commands.add_parser(
        "soak", help="whether memory, time, threads or files grow over a long run"
    )
    command.add_argument(
        "--engine", nargs="+", metavar="NAME", help="default: all that can run without downloads"
    )
    command.add_argument(
        "--runtime", nargs="+", default=["auto"], metavar="R", help="auto (default), onnx or torch"
    )
    command.add_argument(
        "--nanotrack", metavar="DIR", help=f"the folder of the files of the engine {_NANOTRACK}"
    )
    command.add_argument(
        "--frames",
        type=int,
        metavar="F",
        help=f"default: {LIGHT_FRAMES}, and {NETWORK_FRAMES} for engines with a network",
    )
    command.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    shared.add_machine(command)
    shared.add_json(command)
    command.set_defaults(command=_soak)


def _soak(options: argparse.Namespace) -> None:
    check_system()
    _check_options(options)
    results, rows = shared.open_results(options, SoakResult, *_SETTINGS), []
    with results:
        for name, runtime in product(options.engine or _find_engines(options), options.runtime):
            if runtime in _runtimes(name):
                rows.append(_measure(options, results, name, runtime))
    print(tables.format_table(rows))
    if failures := tables.describe_failures(rows):
        raise MvotError(f"not flat: {failures}")


def _check_options(options: argparse.Namespace) -> None:
    for name in options.engine or ():
        if name not in engine_names():
            raise unknown_name("engine", name, engine_names())
    for runtime in options.runtime:
        if runtime not in _RUNTIMES:
            raise unknown_name("runtime", runtime, _RUNTIMES)
    if options.frames is not None and options.frames < TENTHS:
        raise UsageError(f"--frames {options.frames}: must be {TENTHS} or more, one a tenth")
    if options.seed < 0:
        raise UsageError(f"--seed {options.seed}: must be 0 or more")


def _find_engines(options: argparse.Namespace) -> list[str]:
    """The engines that can run with what is installed and given."""
    lacking = {name for name, entry in ENGINES.items() if entry.needs_torch and not has_torch()}
    if options.nanotrack is None:
        lacking.add(_NANOTRACK)
    return [name for name in engine_names() if name not in lacking]


def _has_network(name: str) -> bool:
    """Whether an engine has a network; those of other packages may have one."""
    return name not in ENGINES or ENGINES[name].has_network


def _runtimes(name: str) -> tuple[str, ...]:
    """The runtimes that can be asked of an engine."""
    entry = ENGINES.get(name)
    if entry is None or not entry.has_network:
        return ("auto",)
    return ("auto", "torch") if entry.needs_torch else _RUNTIMES


def _measure(
    options: argparse.Namespace, results: Results[SoakResult], engine: str, runtime: str
) -> SoakResult:
    """A row: from the file of results, or measured in a process of its own."""
    frames = options.frames or (NETWORK_FRAMES if _has_network(engine) else LIGHT_FRAMES)
    weights = options.nanotrack if engine == _NANOTRACK else None
    settings = {"device": options.device, "precision": options.precision, "runtime": runtime}
    arguments = engine, weights or "auto", settings, options.threads, frames, options.seed
    measure = partial(run_in_process, load_and_measure, *arguments)
    key = {"engine": engine, "runtime": runtime, "frames": frames}
    return shared.measure_row(results, measure, tables.format_row, **key)


def load_and_measure(
    name: str, weights: str, settings: Mapping[str, str], threads: int | None, *run: int
) -> SoakResult:
    """Load an engine and measure it; ``run`` is the number of frames, and the seed."""
    with limit_threads(check_threads(threads)):
        engine = load_engine(name, weights, **settings, threads=threads)
        return measure_soak(engine, name, settings["runtime"], *run)
