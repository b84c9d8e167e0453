"""``mvot-bench peers``: our engines compared with other projects' trackers."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, TypeAlias

from mvot_benchmarks import mot, peers, vot
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.commands.quality import add_runs, check_runs, format_mot_row
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.metrics.scoring import check_scoring_packages
from mvot_benchmarks.peers.comparison import PeerResult, evaluate, format_table, to_mot_results
from mvot_benchmarks.reporting.results import Results
from mvot_plugin.embedders import Embedder
from mvot_plugin.engines.base import MotionEngine

__all__ = ["add_peers"]

Engines: TypeAlias = Mapping[str, MotionEngine[Any, Any]]
TrackFunction: TypeAlias = Callable[[str, int, DetectorChoice, int], mot.MotResult]
"""Tracks a sequence from a detector on every k-th frame, in a run of this number."""


def add_peers(commands: shared.Commands) -> None:
    """Add ``peers``: other trackers on the same detections."""
    command = commands.add_parser(
        "peers",
        help="our engines, OpenCV's NanoTrack and other trackers on the same detections",
    )
    shared.add_sequences(command)
    shared.add_engines(command, "lk-flow", "siammotion-n")
    command.add_argument("--detect-every", nargs="+", type=int, default=[1, 5, 10, 20])
    shared.add_detectors(command)
    shared.add_embedder(command)
    add_runs(command)
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_peers)


def _peers(options: argparse.Namespace) -> None:
    check_scoring_packages()
    check_runs(options)
    engines, options.skipped = shared.load_engines(options), peers.find_missing()
    if options.nanotrack is None:
        options.skipped[peers.OPENCV_NANO] = "needs its model files (--nanotrack DIR)"
    detectors = shared.load_detector_choices(options)
    functions = _track_functions(engines, options.skipped, shared.load_embedder_choice(options))
    settings = *shared.ENGINE_OPTIONS, *shared.DETECTION_OPTIONS, "skipped"
    results = shared.open_results(options, PeerResult, *settings)
    with results:
        rows = _measure_tracking(options, functions, detectors, results)
        if options.nanotrack is not None:
            rows += _measure_motion(options, engines, results)
    print(format_table(rows))
    for name, reason in options.skipped.items():
        print(f"\n{name} was skipped: it {reason}")


def _measure_tracking(
    options: argparse.Namespace,
    functions: Mapping[str, TrackFunction],
    detectors: Sequence[DetectorChoice],
    results: Results[PeerResult],
) -> list[PeerResult]:
    """All engines and trackers at each k, from each detector, in each run."""
    rows = []
    for folder, choice, name, k, run in product(
        options.sequences, detectors, functions, options.detect_every, range(options.runs)
    ):
        measure = partial(_track_row, functions[name], folder, k, choice, run)
        key = {"engine": name, "k": k, "detector": choice.name, "run": run}
        key["sequence"] = mot.sequence_label(folder)
        rows.append(shared.measure_row(results, measure, _format_row, **key))
    return rows


def _track_row(
    track: TrackFunction, folder: str, k: int, choice: DetectorChoice, run: int
) -> PeerResult:
    return PeerResult(**vars(track(folder, k, choice, run)))


def _track_functions(
    engines: Engines, skipped: Mapping[str, str], embedder: Embedder | None
) -> dict[str, TrackFunction]:
    """By name, the functions that track with an engine in our pipeline, or with a peer."""

    def track_by_engine(
        name: str, folder: str, k: int, choice: DetectorChoice, run: int
    ) -> mot.MotResult:
        return mot.evaluate_one(
            folder, name, engines[name], k, detector=choice, run=run, embedder=embedder
        )

    def track_by_peer(
        name: str, folder: str, k: int, choice: DetectorChoice, run: int
    ) -> mot.MotResult:
        return evaluate(folder, name, peers.TRACKERS[name][1], k, choice, run)

    installed = [name for name in peers.TRACKERS if name not in skipped]
    functions: dict[str, TrackFunction] = {name: partial(track_by_engine, name) for name in engines}
    return functions | {name: partial(track_by_peer, name) for name in installed}


def _measure_motion(
    options: argparse.Namespace, engines: Engines, results: Results[PeerResult]
) -> list[PeerResult]:
    """The motion engines, started from ground truth."""
    rows = []
    for folder, name in product(options.sequences, engines):
        key = {"sequence": mot.sequence_label(folder), "engine": name}
        measure = partial(_motion_row, folder, name, engines[name])
        rows.append(shared.measure_row(results, measure, _format_row, k=None, **key))
    return rows


def _motion_row(folder: str, name: str, engine: MotionEngine[Any, Any]) -> PeerResult:
    score, sequence = vot.evaluate(engine, folder), mot.sequence_label(folder)
    return PeerResult(sequence=sequence, engine=name, motion=score, milliseconds=score.milliseconds)


def _format_row(row: PeerResult) -> str:
    if row.motion is None:
        return format_mot_row(*to_mot_results([row]))
    return (
        f"{row.sequence} {row.engine} from ground truth: accuracy {row.motion.accuracy:.3f}, "
        f"robustness {row.motion.robustness:.3f}, one-pass mean IoU {row.motion.mean_iou:.3f}, "
        f"{row.milliseconds:.1f} ms/frame"
    )
