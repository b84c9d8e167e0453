"""``mvot-bench peers``: ours beside what a user would take instead."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, TypeAlias

from mvot_benchmarks import mot, peers, vot
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.commands.quality import mot_line
from mvot_benchmarks.detection import DetectorChoice
from mvot_benchmarks.peers import nanotrack
from mvot_benchmarks.peers.comparison import PeerResult, evaluate, table, tracked
from mvot_benchmarks.results import Results
from mvot_plugin.engines.base import MotionEngine

__all__ = ["add_peers"]

Engines: TypeAlias = Mapping[str, MotionEngine[Any, Any]]
Run: TypeAlias = Callable[[str, int, DetectorChoice], mot.MotResult]
"""Tracks a sequence at a k from a detector."""
_NANOTRACK = "nanotrack"


def add_peers(commands: shared.Commands) -> None:
    """Other trackers on the same detections."""
    command = commands.add_parser(
        "peers", help="NanoTrack, norfair and ByteTrack beside our engines, scored as by mot"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "lk-flow", "siammotion-n")
    command.add_argument("--detect-every", nargs="+", type=int, default=[1, 5, 10, 20])
    command.add_argument(
        "--nanotrack",
        metavar="DIR",
        help=f"folder with {' and '.join(nanotrack.FILES)}; get them from {nanotrack.SOURCE}",
    )
    shared.add_detectors(command)
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_peers)


def _peers(options: argparse.Namespace) -> None:
    engines, options.skipped = shared.load_engines(options), peers.absent()
    if options.nanotrack is None:
        options.skipped[_NANOTRACK] = "needs its model files (--nanotrack DIR)"
    else:
        engines[_NANOTRACK] = engine = peers.NanoTrackEngine.from_folder(options.nanotrack)
        options.nanotrack = [str(engine.backbone), str(engine.head)]
    detectors = shared.load_choices(options)
    settings = "weights", "device", "precision", *shared.DETECTION, "nanotrack", "skipped"
    results = shared.start(options, PeerResult, *settings)
    with results:
        found = _all_tracked(options, engines, detectors, results)
        if options.nanotrack is not None:
            found += _all_followed(options, engines, results)
    print(table(found))
    for name, reason in options.skipped.items():
        print(f"\n{name} was skipped: it {reason}")


def _all_tracked(
    options: argparse.Namespace,
    engines: Engines,
    detectors: Sequence[DetectorChoice],
    results: Results[PeerResult],
) -> list[PeerResult]:
    """Everybody at each k, from each detector."""
    found, runs = [], _runs(engines, options.skipped)
    for folder, choice, name, k in product(
        options.sequences, detectors, runs, options.detect_every
    ):
        measure = partial(_tracked, runs[name], folder, k, choice)
        key = {"engine": name, "k": k, "detector": choice.name}
        key["sequence"] = mot.name_of(folder)
        found.append(shared.measured(results, measure, _line, **key))
    return found


def _tracked(run: Run, folder: str, k: int, choice: DetectorChoice) -> PeerResult:
    return PeerResult(**vars(run(folder, k, choice)))


def _runs(engines: Engines, skipped: Mapping[str, str]) -> dict[str, Run]:
    """By name, what tracks with an engine in our pipeline, or with a tracker of its own."""

    def piped(name: str, folder: str, k: int, choice: DetectorChoice) -> mot.MotResult:
        return mot.evaluate_one(folder, name, engines[name], k, detector=choice)

    def alone(name: str, folder: str, k: int, choice: DetectorChoice) -> mot.MotResult:
        return evaluate(folder, name, peers.TRACKERS[name][1], k, choice)

    runs: dict[str, Run] = {name: partial(piped, name) for name in engines}
    return runs | {name: partial(alone, name) for name in peers.TRACKERS if name not in skipped}


def _all_followed(
    options: argparse.Namespace, engines: Engines, results: Results[PeerResult]
) -> list[PeerResult]:
    """The motion engines from ground truth."""
    found = []
    for folder, name in product(options.sequences, engines):
        key = {"sequence": mot.name_of(folder), "engine": name}
        measure = partial(_followed, folder, name, engines[name])
        found.append(shared.measured(results, measure, _line, k=None, **key))
    return found


def _followed(folder: str, name: str, engine: MotionEngine[Any, Any]) -> PeerResult:
    score, sequence = vot.evaluate(engine, folder), mot.name_of(folder)
    return PeerResult(sequence=sequence, engine=name, motion=score, milliseconds=score.milliseconds)


def _line(row: PeerResult) -> str:
    if row.motion is None:
        return mot_line(*tracked([row]))
    return (
        f"{row.sequence} {row.engine} from ground truth: accuracy {row.motion.accuracy:.3f}, "
        f"robustness {row.motion.robustness:.3f}, one-pass mean IoU {row.motion.mean_iou:.3f}, "
        f"{row.milliseconds:.1f} ms/frame"
    )
