"""``mvot-bench vot`` and ``mvot-bench ablation``: the quality of motion alone."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

from mvot_benchmarks import ablation, vot
from mvot_benchmarks.commands import options as shared
from mvot_benchmarks.mot import sequence_label
from mvot_benchmarks.realtime.measurement import parse_rate
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import UsageError

__all__ = [
    "AblationResult",
    "VotResult",
    "add_ablation",
    "add_vot",
    "format_ablation_table",
    "format_vot_table",
]

SWITCHED = "siammotion-n", "siamattn"
"""The engines whose parts can be switched off."""


@dataclass(frozen=True, kw_only=True)
class VotResult:
    """One sequence tracked by one engine from ground truth."""

    sequence: str
    """The sequence's name."""
    engine: str
    """The engine's name."""
    fps: float | None
    """The rate at which frames arrive; None is without a clock."""
    score: vot.VotScore


@dataclass(frozen=True, kw_only=True)
class AblationResult:
    """One sequence tracked from ground truth by an engine with some of its parts."""

    sequence: str
    """The sequence's name."""
    parts: str
    """Letters of ``FRAPIV``, or of SiamAttn's ``MSCD``, see ``ablation``."""
    score: vot.VotScore


def add_vot(commands: shared.Commands) -> None:
    """Add ``vot``: tracking from ground truth, without a detector."""
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
        help="frame rates; none is without a clock (default: none)",
    )
    shared.add_network(command)
    shared.add_json(command)
    command.set_defaults(command=_vot)


def add_ablation(commands: shared.Commands) -> None:
    """Add ``ablation``: the same by networks without one of their parts."""
    command = commands.add_parser(
        "ablation",
        help="how much each part of SiamMOTION or SiamAttn contributes, scored as by vot",
    )
    shared.add_sequences(command)
    command.add_argument(
        "--engine",
        choices=SWITCHED,
        default=SWITCHED[0],
        help="the engine whose parts are switched off (default: %(default)s)",
    )
    command.add_argument(
        "--weights",
        nargs="+",
        metavar="FILE",
        help="of siammotion: the whole network, and those trained without pyramid, rpn, attention; "
        "without this option, parts of --engine are switched off",
    )
    shared.add_machine(command)
    shared.add_json(command)
    command.set_defaults(command=_ablation)


def format_vot_table(rows: Sequence[VotResult]) -> str:
    """The table of ``vot.format_table``."""
    return vot.format_table([(row.sequence, _engine_label(row), row.score) for row in rows])


def format_ablation_table(rows: Sequence[AblationResult]) -> str:
    """The table of ``ablation.format_table``."""
    scores: dict[str, list[vot.VotScore]] = {}
    for row in rows:
        scores.setdefault(row.parts, []).append(row.score)
    return ablation.format_table(scores)


def _vot(options: argparse.Namespace) -> None:
    results, rows = shared.open_results(options, VotResult, *shared.ENGINE_OPTIONS), []
    engines = shared.load_engines(options)
    rates = [None if text == "none" else parse_rate(text, "none") for text in options.fps]
    with results:
        for folder, (name, engine), fps in product(options.sequences, engines.items(), rates):
            key = {"sequence": sequence_label(folder), "engine": name, "fps": fps}
            measure = partial(_evaluate, folder, engine, VotResult, key)
            rows.append(shared.measure_row(results, measure, _format_vot_row, **key))
    print(format_vot_table(rows))


def _ablation(options: argparse.Namespace) -> None:
    results, rows = shared.open_results(options, AblationResult, *shared.NETWORK_OPTIONS), []
    engines = _build_ablation(options)
    with results:
        for parts, engine in engines.items():
            for folder in options.sequences:
                key = {"sequence": sequence_label(folder), "parts": parts}
                measure = partial(_evaluate, folder, engine, AblationResult, key)
                format_row = partial(_format_row, "+".join(f"B{parts}"))
                rows.append(shared.measure_row(results, measure, format_row, **key))
    print(format_ablation_table(rows))


def _build_ablation(options: argparse.Namespace) -> Mapping[str, MotionEngine[Any, Any]]:
    """The engines of all rows, by their parts."""
    is_motion = options.engine == SWITCHED[0]
    if options.weights is None:
        switch = ablation.switch_parts if is_motion else ablation.switch_attention
        return switch(options.device, options.precision)
    if not is_motion:
        raise UsageError("--weights is of siammotion, and excludes --engine: give one of them")
    weights = ablation.load_variants(options.weights, options.device, options.precision)
    for sentence in ablation.describe_missing_rows(weights):
        shared.print_progress(f"mvot-bench: warning: {sentence}")
    return ablation.build_engines(weights)


def _evaluate(
    folder: str, engine: MotionEngine[Any, Any], kind: type[Any], key: dict[str, Any]
) -> Any:
    return kind(score=vot.evaluate(engine, folder, fps=key.get("fps")), **key)


def _engine_label(row: VotResult) -> str:
    return row.engine if row.fps is None else f"{row.engine} at {row.fps:g} fps"


def _format_vot_row(row: VotResult) -> str:
    return _format_row(_engine_label(row), row)


def _format_row(name: str, row: VotResult | AblationResult) -> str:
    score = row.score
    return (
        f"{row.sequence} {name}: accuracy {score.accuracy:.3f}, robustness "
        f"{score.robustness:.3f}, {score.failures} failures, one-pass mean IoU "
        f"{score.mean_iou:.3f}, {score.milliseconds:.1f} ms/frame"
    )
