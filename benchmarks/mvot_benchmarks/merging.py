"""The ways to merge that ``mvot-bench mot`` compares.

``--solver`` names solvers, and ``--without`` the parts of our own merging that are left out, to see
what each is worth: a part is a function from a configuration of the pipeline to the same one
without that part.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mvot_pipelines.pipeline import PipelineConfig
from mvot_pipelines.pipeline_config import SOLVERS, SolverName
from mvot_plugin.errors import UsageError

__all__ = ["ALL_PARTS", "PARTS", "build_variants"]

ALL_PARTS = "all"
"""Stands for every part, each left out alone."""
_OWN = SOLVERS[0]
"""Our own merging."""


def _without_appearance(config: PipelineConfig) -> PipelineConfig:
    """Targets and detections are compared by place only, not by how they look."""
    return replace(config, appearance=replace(config.appearance, weight=0.0))


def _without_memory(config: PipelineConfig) -> PipelineConfig:
    """Targets that ended are forgotten at once; what comes back is a new target."""
    return replace(config, memory=replace(config.memory, seconds=0.0))


def _without_camera(config: PipelineConfig) -> PipelineConfig:
    """The camera is taken to stand."""
    return replace(config, camera=replace(config.camera, enabled=False))


def _without_occlusion(config: PipelineConfig) -> PipelineConfig:
    """Detections behind others are kept as looks of targets, as all others are."""
    return replace(config, appearance=replace(config.appearance, covered=1.0))


def _without_stages(config: PipelineConfig) -> PipelineConfig:
    """All detections are equally sure, and any may start a track, whatever their confidence."""
    return replace(config, confidence=replace(config.confidence, sure=0.0, birth=0.0))


def _without_course(config: PipelineConfig) -> PipelineConfig:
    """Targets are expected where the engine sees them, whatever their velocity was."""
    return replace(config, affinity=replace(config.affinity, course_weight=0.0))


PARTS: Mapping[str, Callable[[PipelineConfig], PipelineConfig]] = {
    "appearance": _without_appearance,
    "memory": _without_memory,
    "camera": _without_camera,
    "occlusion": _without_occlusion,
    "stages": _without_stages,
    "course": _without_course,
}
"""By name, the functions that leave one part out."""


def build_variants(
    parts: Sequence[str], config: PipelineConfig, solvers: Sequence[SolverName] = SOLVERS[:1]
) -> dict[str, PipelineConfig]:
    """Configurations of our own merging, of that without each part alone, and of other solvers.

    Args:
        parts: Names of ``PARTS``; ``ALL_PARTS`` stands for each of them.
        config: The configuration of our own merging with all parts.
        solvers: Names of ``SOLVERS``.

    Returns:
        By what follows the engine's name in tables: "", " without memory" or " solver siammot".

    Raises:
        UsageError: A name is not one of these, or parts are to be left out of no solver that has
            them.
    """
    for name in parts:
        if name not in (*PARTS, ALL_PARTS):
            raise UsageError(
                f"--without {name!r}: the parts of the merging are {', '.join(PARTS)}; "
                f"{ALL_PARTS} leaves out one after another"
            )
    if parts and _OWN not in solvers:
        raise UsageError(
            f"--without {parts[0]}: only the solver {_OWN} has parts to leave out; "
            f"add {_OWN} to --solver, or leave --without out"
        )
    names = dict.fromkeys(PARTS if ALL_PARTS in parts else parts)
    own = {"": config, **{f" without {name}": PARTS[name](config) for name in names}}
    others = [solver for solver in solvers if solver != _OWN]
    variants = own if _OWN in solvers else {}
    return variants | {f" solver {name}": replace(config, solver=name) for name in others}
