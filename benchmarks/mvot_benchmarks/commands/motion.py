"""``mvot-bench vot`` and ``mvot-bench ablation``: the quality of motion alone."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from mvot_benchmarks import ablation, vot
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.mot import name_of
from mvot_benchmarks.rt import rate_of
from mvot_plugin.engines.base import MotionEngine

__all__ = ["AblationResult", "VotResult", "ablation_table", "add_ablation", "add_vot", "vot_table"]


@dataclass(frozen=True, kw_only=True)
class VotResult:
    """One sequence followed by one engine, at ``fps`` frames a second or without a clock."""

    sequence: str
    engine: str
    fps: float | None
    score: vot.VotScore


@dataclass(frozen=True, kw_only=True)
class AblationResult:
    """One sequence followed by SiamMOTION with some of its ``parts``, of ``FRAPI``."""

    sequence: str
    parts: str
    score: vot.VotScore


def add_vot(commands: shared.Commands) -> None:
    """Following from ground truth, without a detector."""
    command = commands.add_parser(
        "vot", help="accuracy and robustness of motion alone, started from ground truth"
    )
    shared.add_sequences(command)
    shared.add_engines(command, "hold", "lk-flow")
    command.add_argument(
        "--fps",
        nargs="+",
        default=["none"],
        metavar="FPS",
        help="at which frames come; none is without a clock (default: none)",
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_vot)


def add_ablation(commands: shared.Commands) -> None:
    """The same of networks that lack a part."""
    command = commands.add_parser(
        "ablation", help="what each part of SiamMOTION is worth, scored as by vot"
    )
    shared.add_sequences(command)
    command.add_argument(
        "--weights",
        nargs="+",
        required=True,
        metavar="FILE",
        help="of the whole network, and of those trained without pyramid, rpn, attention",
    )
    shared.add_machine(command)
    shared.add_json(command)
    command.set_defaults(command=_ablation)


def vot_table(rows: Sequence[VotResult]) -> str:
    """See ``vot.table``."""
    return vot.table([(row.sequence, _engine_of(row), row.score) for row in rows])


def ablation_table(rows: Sequence[AblationResult]) -> str:
    """See ``ablation.table``."""
    scores: dict[str, list[vot.VotScore]] = {}
    for row in rows:
        scores.setdefault(row.parts, []).append(row.score)
    return ablation.table(scores)


def _vot(options: argparse.Namespace) -> None:
    results, found = shared.start(options, VotResult, "weights", "device", "precision"), []
    engines = shared.load_engines(options)
    rates = [None if text == "none" else rate_of(text, "none") for text in options.fps]
    with results:
        for folder, (name, engine), fps in product(options.sequences, engines.items(), rates):
            key = {"sequence": name_of(folder), "engine": name, "fps": fps}
            measure = partial(_follow, folder, engine, VotResult, key)
            found.append(shared.measured(results, measure, _vot_line, **key))
    print(vot_table(found))


def _ablation(options: argparse.Namespace) -> None:
    results, found = shared.start(options, AblationResult, "weights", "device", "precision"), []
    weights = ablation.read(options.weights, options.device, options.precision)
    for sentence in ablation.left_out(weights):
        shared.say(f"mvot-bench: warning: {sentence}")
    with results:
        for parts, engine in ablation.switched(weights).items():
            for folder in options.sequences:
                key = {"sequence": name_of(folder), "parts": parts}
                measure = partial(_follow, folder, engine, AblationResult, key)
                tell = partial(_line, "+".join(f"B{parts}"))
                found.append(shared.measured(results, measure, tell, **key))
    print(ablation_table(found))


def _follow(
    folder: str, engine: MotionEngine[Any, Any], kind: type[Any], key: dict[str, Any]
) -> Any:
    return kind(score=vot.evaluate(engine, folder, fps=key.get("fps")), **key)


def _engine_of(row: VotResult) -> str:
    return row.engine if row.fps is None else f"{row.engine} at {row.fps:g} fps"


def _vot_line(row: VotResult) -> str:
    return _line(_engine_of(row), row)


def _line(name: str, row: VotResult | AblationResult) -> str:
    score = row.score
    return (
        f"{row.sequence} {name}: accuracy {score.accuracy:.3f}, robustness "
        f"{score.robustness:.3f}, {score.failures} failures, one-pass mean IoU "
        f"{score.mean_iou:.3f}, {score.milliseconds:.1f} ms/frame"
    )
