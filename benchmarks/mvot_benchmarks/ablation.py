"""``mvot-bench ablation``: what each part of SiamMOTION is worth (SiamMOTION 4.2, Table 1).

Parts have the letters of Table 1: F, the feature pyramid; R, the region proposal network PD-RPN; A,
attention; P, the multi-object penalties; I, inertia. Networks without F, R or A are others, each
with weights of its own; P and I are switched off in any of them. Without I, a target that is not
found keeps its last box.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace

from mvot_benchmarks.vot import VotScore, pooled
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import UsageError
from mvot_plugin.models.siammotion import SiamMotionConfig

__all__ = ["ROWS", "left_out", "read", "switched", "table"]

SWITCHES = {"F": "pyramid", "R": "rpn", "A": "attention", "P": "penalties", "I": "inertia"}
"""By letter, the fields of ``SiamMotionConfig``."""
TRAINED = "FRA"
WHOLE = "".join(SWITCHES)
ROWS = {
    "all parts": WHOLE,
    **{f"without {part}": WHOLE.replace(part, "") for part in WHOLE},
    **{"+".join(f"B{WHOLE[:count]}"): WHOLE[:count] for count in range(len(WHOLE) + 1)},
}
"""The parts that each row of the table has: one left out, and, as in the paper, one more each."""


def read(paths: Sequence[str], device: str, precision: str) -> dict[str, SiamMotionEngine]:
    """Engines of weights files, by which of the ``TRAINED`` parts their networks have.

    Raises ``InputError`` for a file that is not of a SiamMOTION network, and ``UsageError`` for
    files that do not make an ablation: of the same parts, of networks that differ elsewhere, or
    none of the whole network.
    """
    engines: dict[str, SiamMotionEngine] = {}
    origin: dict[str, str] = {}
    for path in paths:
        engine = load_engine("siammotion", path, device, precision)
        assert isinstance(engine, SiamMotionEngine)
        config = engine.network.config
        if not engine.trained:
            raise UsageError(f"--weights {path}: an ablation needs files of trained weights")
        if not (config.penalties and config.inertia):
            raise UsageError(f"{path}: has penalties or inertia off; give weights that have both")
        parts = _parts(config)
        if parts in engines:
            raise UsageError(f"{origin[parts]} and {path} have the same parts; give one of them")
        engines[parts], origin[parts] = engine, path
    if TRAINED not in engines:
        raise UsageError(
            f"--weights: none of {', '.join(paths)} is of the whole network, with pyramid, rpn and "
            "attention; give one that is"
        )
    _require_likeness(engines, origin)
    return engines


def switched(engines: Mapping[str, SiamMotionEngine]) -> dict[str, SiamMotionEngine]:
    """The engines of all rows for which there are weights, by their parts."""
    made = {}
    for parts in dict.fromkeys(ROWS.values()):
        if _trained(parts) not in engines:
            continue
        engine = engines[_trained(parts)]
        if "P" not in parts:
            engine = replace(engine, penalisation=engine.penalisation.single_object())
        if "I" not in parts:
            engine = replace(engine, network=deepcopy(engine.network))
            engine.network.inertia = None
        made[parts] = engine
    return made


def left_out(engines: Mapping[str, SiamMotionEngine]) -> list[str]:
    """For each row without weights, a sentence that says which it needs."""
    said = []
    for name, parts in ROWS.items():
        if _trained(parts) not in engines:
            off = ", ".join(f"{SWITCHES[p]}: false" for p in TRAINED if p not in parts)
            said.append(f"no row {name!r}: it needs weights trained with network: {{{off}}}")
    return said


def table(scores: Mapping[str, Sequence[VotScore]]) -> str:
    """A Markdown table of the scores of all sequences together, by parts, as ``ROWS``."""
    lines = ["| network | accuracy | | robustness | | mean IoU | |", "| --- |" + " --- |" * 6]
    whole = _figures(scores[WHOLE])
    for name, parts in ROWS.items():
        if parts not in scores:
            continue
        pairs = zip(_figures(scores[parts]), whole, strict=True)
        cells = [
            f"{mine:.3f} | {'' if parts == WHOLE else f'{mine - full:+.3f}'}"
            for mine, full in pairs
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _require_likeness(engines: Mapping[str, SiamMotionEngine], origin: Mapping[str, str]) -> None:
    """Raise ``UsageError`` where networks differ in more than their parts."""
    whole = _shared(engines[TRAINED].network.config)
    for parts, engine in engines.items():
        for name, value in _shared(engine.network.config).items():
            if value != whole[name]:
                raise UsageError(
                    f"{origin[parts]}: its {name} is {value}, but that of {origin[TRAINED]} is "
                    f"{whole[name]}; give variants of one network"
                )


def _figures(scores: Sequence[VotScore]) -> tuple[float, float, float]:
    score = pooled(scores)
    return score.accuracy, score.robustness, score.mean_iou


def _parts(config: SiamMotionConfig) -> str:
    return "".join(part for part in TRAINED if getattr(config, SWITCHES[part]))


def _trained(parts: str) -> str:
    return "".join(part for part in TRAINED if part in parts)


def _shared(config: SiamMotionConfig) -> dict[str, object]:
    """What variants have in common: all but the switches and what is measured of each."""
    apart = {*SWITCHES.values(), "certainty"}
    return {name: value for name, value in asdict(config).items() if name not in apart}
