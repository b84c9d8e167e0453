"""How much each part of SiamMOTION contributes (its 4.2, Table 1).

Parts have the letters of Table 1: F, the feature pyramid; R, the region proposal network PD-RPN; A,
attention; P, the multi-object penalties; I, inertia; and V, the visibility of `siammotion-n`.
Without F, R or A the paper's network needs weights of its own; the others are settings of the
engine. Without I, a target that is not found keeps its last box. All parts of `siammotion-n` can be
switched off in one set of weights: what it then lacks, it was trained with.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.extras import require_torch
from mvot_plugin.models.siammotion_config import SiamMotionConfig

if TYPE_CHECKING:
    from mvot_plugin.engines.siammotion import SiamMotionEngine

__all__ = [
    "LIGHT_ROWS",
    "ROWS",
    "build_engines",
    "describe_missing_rows",
    "load_variants",
    "switch_parts",
]

SWITCHES = {
    "F": "pyramid",
    "R": "rpn",
    "A": "attention",
    "P": "penalties",
    "I": "inertia",
    "V": "visibility",
}
"""The fields of ``SiamMotionConfig``, and V of ``LightConfig`` alone, by letter."""
TRAINED_PARTS = "FRA"
"""Parts that a network has to be trained without, where the row lacks them."""
ALL_PARTS = "FRAPI"
ROWS = {
    "all parts": ALL_PARTS,
    **{f"without {part}": ALL_PARTS.replace(part, "") for part in ALL_PARTS},
    **{"+".join(f"B{ALL_PARTS[:count]}"): ALL_PARTS[:count] for count in range(len(ALL_PARTS) + 1)},
}
"""The parts of each row of the table: all but one, and then, as in the paper, one more each."""

LIGHT_PARTS = ALL_PARTS + "V"
"""The parts of `siammotion-n`; all but P and I are switched off in its network."""
LIGHT_ROWS = {
    "all parts": LIGHT_PARTS,
    **{f"without {part}": LIGHT_PARTS.replace(part, "") for part in LIGHT_PARTS},
}
"""The parts of each row of its table."""


def switch_parts(device: str, precision: str) -> "dict[str, SiamMotionEngine]":
    """`siammotion-n` with its weights, and the same without one part, by parts.

    Raises ``UsageError`` for a device or a precision that cannot be used.
    """
    require_torch("an ablation")
    whole = cast(
        "SiamMotionEngine",
        load_engine("siammotion-n", "auto", device, precision, runtime="torch"),
    )
    built = {}
    for parts in LIGHT_ROWS.values():
        network: Any = deepcopy(whole.network)
        off = [SWITCHES[part] for part in LIGHT_PARTS if part not in parts + "PI"]
        network.module.network.switch_off(off)
        built[parts] = _set_engine_parts(replace(whole, network=network), parts)
    return built


def load_variants(
    paths: Sequence[str], device: str, precision: str
) -> "dict[str, SiamMotionEngine]":
    """Engines of weights files, by which of the ``TRAINED_PARTS`` their networks have.

    Raises ``InputError`` for a file that is not of a SiamMOTION network, and ``UsageError`` for
    files that do not make an ablation: of the same parts, of networks that differ elsewhere, or
    none of the whole network.
    """
    engines: dict[str, SiamMotionEngine] = {}
    origin: dict[str, str] = {}
    for path in paths:
        engine = cast(
            "SiamMotionEngine",
            load_engine("siammotion", path, device, precision, runtime="torch"),
        )
        config = engine.network.config
        if not engine.trained:
            raise UsageError(f"--weights {path}: an ablation needs files of trained weights")
        if not (config.penalties and config.inertia):
            raise UsageError(f"{path}: has penalties or inertia off; give weights that have both")
        parts = _parts(config)
        if parts in engines:
            raise UsageError(f"{origin[parts]} and {path} have the same parts; give one of them")
        engines[parts], origin[parts] = engine, path
    if TRAINED_PARTS not in engines:
        raise UsageError(
            f"--weights: none of {', '.join(paths)} is of the whole network, with pyramid, rpn and "
            "attention; give one that is"
        )
    _require_same_network(engines, origin)
    return engines


def build_engines(engines: "Mapping[str, SiamMotionEngine]") -> "dict[str, SiamMotionEngine]":
    """The engines of all rows for which there are weights, by their parts."""
    built = {}
    for parts in dict.fromkeys(ROWS.values()):
        if _trained_parts(parts) not in engines:
            continue
        built[parts] = _set_engine_parts(engines[_trained_parts(parts)], parts)
    return built


def describe_missing_rows(engines: "Mapping[str, SiamMotionEngine]") -> list[str]:
    """For each row without weights, a sentence that says which it needs."""
    sentences = []
    for name, parts in ROWS.items():
        if _trained_parts(parts) not in engines:
            off = ", ".join(f"{SWITCHES[p]}: false" for p in TRAINED_PARTS if p not in parts)
            sentences.append(f"no row {name!r}: it needs weights trained with network: {{{off}}}")
    return sentences


def _set_engine_parts(engine: "SiamMotionEngine", parts: str) -> "SiamMotionEngine":
    """An engine without those parts that are its settings."""
    if "P" not in parts:
        single = engine.penalisation.single_object()
        engine = replace(engine, penalisation=single, exclusive=0.0)
    if "I" not in parts:
        engine = replace(engine, stand_in="last box")
    return engine


def _require_same_network(
    engines: "Mapping[str, SiamMotionEngine]", origin: Mapping[str, str]
) -> None:
    """Raise ``UsageError`` where networks differ in more than their parts."""
    reference, path = _common_settings(engines[TRAINED_PARTS].network.config), origin[TRAINED_PARTS]
    for parts, engine in engines.items():
        for name, value in _common_settings(engine.network.config).items():
            if value != reference[name]:
                raise UsageError(
                    f"{origin[parts]}: its {name} is {value}, but that of {path} is "
                    f"{reference[name]}; give variants of one network"
                )


def _parts(config: SiamMotionConfig) -> str:
    return "".join(part for part in TRAINED_PARTS if getattr(config, SWITCHES[part]))


def _trained_parts(parts: str) -> str:
    return "".join(part for part in TRAINED_PARTS if part in parts)


def _common_settings(config: SiamMotionConfig) -> dict[str, object]:
    """The settings that all variants have in common: all but the switches and the calibration."""
    own = {*SWITCHES.values(), "calibration"}
    return {name: value for name, value in asdict(config).items() if name not in own}
