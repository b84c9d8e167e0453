"""``mvot-bench mot`` and ``mvot-bench rt``: the quality of whole pipelines."""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product

from mvot_benchmarks import mot, rt
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.detection import PUBLIC, DetectorChoice
from mvot_benchmarks.plots import plot_quality
from mvot_benchmarks.scoring import Scores

__all__ = ["add_mot", "add_rt", "mot_line"]

_KS = (1, 2, 5, 10, 20)


def add_mot(commands: shared.Commands) -> None:
    """Tracking by engines and k, as good as it gets without a clock."""
    command = commands.add_parser(
        "mot", help="MOTA, IDF1 and HOTA on sequences, from their det.txt or a detector"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "hold", "kalman", "lk-flow")
    command.add_argument("--detect-every", nargs="+", type=int, default=list(_KS))
    shared.add_detectors(command)
    command.add_argument("--plot", metavar="FILE", help="draw it too, .png or .svg")
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_mot)


def add_rt(commands: shared.Commands) -> None:
    """The same in real time."""
    command = commands.add_parser(
        "rt", help="the same in real time: frames that come while it is busy are not looked at"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "hold", "kalman", "lk-flow")
    command.add_argument("--detect-every", nargs="+", type=int, default=list(_KS))
    shared.add_detectors(command)
    command.add_argument(
        "--fps",
        nargs="+",
        default=["25", "own"],
        metavar="FPS",
        help="at which frames come; own is the sequence's (default: 25 own)",
    )
    command.add_argument(
        "--detector-ms", type=float, metavar="MS", help="of a detector call; else it is measured"
    )
    command.add_argument(
        "--engine-ms", type=float, metavar="MS", help="of engine and merging; else it is measured"
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_rt)


def _mot(options: argparse.Namespace) -> None:
    settings = "weights", "device", "precision", *shared.DETECTION
    results, found = shared.start(options, mot.MotResult, *settings), []
    engines, detectors = shared.load_engines(options), shared.load_choices(options)
    with results:
        for folder, choice, name, k in _grid(options, detectors):
            measure = partial(mot.evaluate_one, folder, name, engines[name], k, detector=choice)
            key = {"engine": name, "k": k, "detector": choice.name}
            key["sequence"] = mot.name_of(folder)
            found.append(shared.measured(results, measure, mot_line, **key))
    print(mot.table(found))
    if options.plot is not None:
        plot_quality(found, options.plot)


def _rt(options: argparse.Namespace) -> None:
    settings = "weights", "device", "precision", "detector_ms", "engine_ms", *shared.DETECTION
    results, found = shared.start(options, rt.RtResult, *settings), []
    given = rt.Given(detector=options.detector_ms, engine=options.engine_ms)
    engines, detectors = shared.load_engines(options), shared.load_choices(options)
    with results:
        for folder, choice, name, k in _grid(options, detectors):
            for fps in rt.rates(folder, options.fps):
                measure = partial(rt.evaluate, folder, name, engines[name], k, fps, given, choice)
                key = {"engine": name, "k": k, "fps": fps, "detector": choice.name}
                key["sequence"] = mot.name_of(folder)
                found.append(shared.measured(results, measure, _rt_line, **key))
    print(rt.table(found))


def _grid(
    options: argparse.Namespace, detectors: Sequence[DetectorChoice]
) -> Iterator[tuple[str, DetectorChoice, str, int]]:
    """Folder, detector, engine and k of each run."""
    return product(options.sequences, detectors, options.engine, options.detect_every)


def mot_line(row: mot.MotResult) -> str:
    """What is told of a row of ``mot``."""
    return f"{_what(row)}: {_figures(row.scores)}, {row.milliseconds:.1f} ms/frame"


def _rt_line(row: rt.RtResult) -> str:
    return (
        f"{_what(row)} at {row.fps:g} fps: {_figures(row.scores)}, "
        f"{row.processed} of {row.frames} frames processed at {row.milliseconds:.1f} ms"
    )


def _what(row: mot.MotResult | rt.RtResult) -> str:
    detector = "" if row.detector == PUBLIC else f" {row.detector}"
    return f"{row.sequence}{detector} {row.engine} k={row.k}"


def _figures(scores: Scores) -> str:
    shares = {"MOTA": scores.mota, "IDF1": scores.idf1, "HOTA": scores.hota}
    said = ", ".join(f"{name} {100 * share:.1f}" for name, share in shares.items())
    return f"{said}, {scores.switches} switches, {scores.false_positives} FP, {scores.misses} FN"
