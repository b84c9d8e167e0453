"""``mvot-bench mot`` and ``mvot-bench rt``: the quality of whole pipelines."""

import argparse
from functools import partial

from mvot_benchmarks import mot, rt
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.plots import plot_quality
from mvot_benchmarks.scoring import Scores

__all__ = ["add_mot", "add_rt"]

_KS = (1, 2, 5, 10, 20)


def add_mot(commands: shared.Commands) -> None:
    """Tracking by engines and k, as good as it gets without a clock."""
    command = commands.add_parser(
        "mot", help="MOTA, IDF1 and HOTA on sequences, from their public detections (det.txt)"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "hold", "kalman", "lk-flow")
    command.add_argument("--detect-every", nargs="+", type=int, default=list(_KS))
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
    command.add_argument(
        "--fps",
        nargs="+",
        default=["25", "own"],
        metavar="FPS",
        help="at which frames come; own is the sequence's (default: 25 own)",
    )
    command.add_argument(
        "--detector-ms", type=float, metavar="MS", help="of a detector call (det.txt costs nothing)"
    )
    command.add_argument(
        "--engine-ms", type=float, metavar="MS", help="of engine and merging; else it is measured"
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_rt)


def _mot(options: argparse.Namespace) -> None:
    results, found = shared.start(options, mot.MotResult, "weights", "device", "precision"), []
    engines = shared.load_engines(options)
    with results:
        for folder, name, k in _grid(options):
            measure = partial(mot.evaluate_one, folder, name, engines[name], k)
            key = {"sequence": mot.name_of(folder), "engine": name, "k": k}
            found.append(shared.measured(results, measure, _mot_line, **key))
    print(mot.table(found))
    if options.plot is not None:
        plot_quality(found, options.plot)


def _rt(options: argparse.Namespace) -> None:
    settings = "weights", "device", "precision", "detector_ms", "engine_ms"
    results, found = shared.start(options, rt.RtResult, *settings), []
    given = rt.Given(detector=options.detector_ms, engine=options.engine_ms)
    engines = shared.load_engines(options)
    with results:
        for folder, name, k in _grid(options):
            for fps in rt.rates(folder, options.fps):
                measure = partial(rt.evaluate, folder, name, engines[name], k, fps, given)
                key = {"sequence": mot.name_of(folder), "engine": name, "k": k, "fps": fps}
                found.append(shared.measured(results, measure, _rt_line, **key))
    print(rt.table(found))


def _grid(options: argparse.Namespace) -> list[tuple[str, str, int]]:
    """Folder, engine and k of each run."""
    return [
        (folder, engine, k)
        for folder in options.sequences
        for engine in options.engine
        for k in options.detect_every
    ]


def _mot_line(row: mot.MotResult) -> str:
    what = f"{row.sequence} {row.engine} k={row.k}"
    return f"{what}: {_figures(row.scores)}, {row.milliseconds:.1f} ms/frame"


def _rt_line(row: rt.RtResult) -> str:
    return (
        f"{row.sequence} {row.engine} k={row.k} at {row.fps:g} fps: {_figures(row.scores)}, "
        f"{row.processed} of {row.frames} frames processed at {row.milliseconds:.1f} ms"
    )


def _figures(scores: Scores) -> str:
    shares = {"MOTA": scores.mota, "IDF1": scores.idf1, "HOTA": scores.hota}
    said = ", ".join(f"{name} {100 * share:.1f}" for name, share in shares.items())
    return f"{said}, {scores.switches} switches, {scores.false_positives} FP, {scores.misses} FN"
