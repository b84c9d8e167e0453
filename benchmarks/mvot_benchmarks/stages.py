"""``mvot-bench stages``: what each stage of a Siamese engine costs, against the number of targets.

The engine's own ``observe`` and ``track`` run; its network's stages are timed where they are
called.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from mvot_plugin.engines import MotionEngine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import UsageError
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.penalisation import Penalisation
from mvot_plugin.synthetic import street
from mvot_plugin.types import Frame

__all__ = ["OBSERVE", "TRACK", "Stages", "measure", "table"]

OBSERVE = ("level 1", "level 2", "level 3", "level 4")
TRACK = ("pyramid", "crop", "attention", "head", "penalise", "decode")


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Median milliseconds of each stage, of ``observe``, ``enroll`` and ``track`` as a whole."""

    size: tuple[int, int]
    targets: int
    milliseconds: dict[str, float]


def measure(
    engine: MotionEngine[Any, Any],
    sizes: Sequence[tuple[int, int]],
    targets: Sequence[int],
    repeats: int = 7,
) -> Iterator[Stages]:
    """Follow each number of targets in a street of each (width, height).

    Raises ``UsageError`` for an engine without stages.
    """
    if not isinstance(engine, SiamMotionEngine):
        raise UsageError(f"{type(engine).__name__} has no stages; take siammotion or siammotion-n")
    clock = _Clock(next(engine.network.parameters()).device)
    timed = _instrumented(engine, clock)
    for size in sizes:
        frame = next(iter(street(0, size=size, frames=1)))
        for count in targets:
            boxes = _anywhere(size, count)
            runs = [_run(timed, clock, frame, boxes) for _ in range(repeats + 1)][1:]
            costs = {name: float(np.median([run.get(name, 0) for run in runs])) for name in runs[0]}
            yield Stages(size=size, targets=count, milliseconds=costs)


def table(rows: Sequence[Stages]) -> str:
    """The measurements as a Markdown table, in milliseconds."""
    names = ("observe", *OBSERVE, "enroll", "track", *TRACK)
    lines = [f"| size | targets | {' | '.join(names)} |", "| --- " * (len(names) + 2) + "|"]
    for row in rows:
        costs = " | ".join(f"{row.milliseconds.get(name, 0):.1f}" for name in names)
        lines.append(f"| {row.size[0]}x{row.size[1]} | {row.targets} | {costs} |")
    return "\n".join(lines)


class _Clock:
    """Milliseconds by name, with the device's work done before each reading."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.spent: dict[str, float] = {}

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return 1e3 * time.perf_counter()

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, whose calls add to ``name``."""

        def call(*arguments: Any, **options: Any) -> Any:
            start = self.now()
            result = function(*arguments, **options)
            self.spent[name] = self.spent.get(name, 0) + self.now() - start
            return result

        return call


@dataclass(frozen=True, kw_only=True)
class _TimedPenalisation(Penalisation):
    """A penalisation whose scores are the stage "penalise", and all after them "decode"."""

    clock: _Clock

    def scores(self, *arguments: Any) -> Any:
        """Timed; see ``Penalisation.scores``."""
        return self.clock.timed("penalise", super().scores)(*arguments)

    def select(self, *arguments: Any) -> Any:
        """Timed; see ``Penalisation.select``."""
        before = self.clock.spent.get("penalise", 0)
        result = self.clock.timed("decode", super().select)(*arguments)
        self.clock.spent["decode"] -= self.clock.spent["penalise"] - before
        return result


def _instrumented(engine: SiamMotionEngine, clock: _Clock) -> SiamMotionEngine:
    """The engine with its network's stages timed, in place."""
    network = engine.network
    for name, layers in _layers(network.backbone).items():
        for layer in layers:
            _time_module(layer, name, clock)
    network.features = clock.timed("backbone", network.features)  # type: ignore[method-assign]
    network.cells = clock.timed("pyramid", network.cells)  # type: ignore[method-assign]
    network.crop = clock.timed("crop", network.crop)  # type: ignore[method-assign]
    network.attend = clock.timed("attention", network.attend)  # type: ignore[method-assign]
    _time_module(network.head, "head", clock)
    values = {f.name: getattr(engine.penalisation, f.name) for f in fields(Penalisation)}
    return replace(engine, penalisation=_TimedPenalisation(**values, clock=clock))


def _layers(backbone: nn.Module) -> dict[str, list[nn.Module]]:
    """The layers that make the features of levels 2 to 4 from those of the level before."""
    if isinstance(backbone, EfficientNetLite):
        layers = [[backbone.stages[1]], [backbone.stages[2]], list(backbone.stages[3:])]
    else:
        layers = [[backbone.get_submodule(f"layer{n}")] for n in (1, 2, 3)]
    return dict(zip(OBSERVE[1:], layers, strict=True))


def _time_module(module: nn.Module, name: str, clock: _Clock) -> None:
    module.forward = clock.timed(name, module.forward)


def _run(
    engine: SiamMotionEngine, clock: _Clock, frame: Frame, boxes: Float32[np.ndarray, "n 4"]
) -> dict[str, float]:
    """Milliseconds of each stage in one cycle on one frame."""
    clock.spent.clear()
    observation = clock.timed("observe", engine.observe)(frame)
    targets = clock.timed("enroll", engine.enroll)(observation, boxes)
    for name in TRACK:
        clock.spent.pop(name, None)
    clock.timed("track", engine.track)(observation, targets)
    layers = sum(clock.spent[name] for name in OBSERVE[1:])
    clock.spent[OBSERVE[0]] = clock.spent["backbone"] - layers
    return dict(clock.spent)


def _anywhere(size: tuple[int, int], count: int, seed: int = 0) -> Float32[np.ndarray, "n 4"]:
    """Boxes of 20x40 to 60x120 pixels anywhere on a frame: areas on levels 1 to 3."""
    rng = np.random.default_rng(seed)
    sides = rng.uniform(20, 60, (count, 1)) * [1, 2]
    corner = rng.uniform(0, 1, (count, 2)) * (np.array(size) - sides)
    return np.hstack([corner, corner + sides]).astype(np.float32)
