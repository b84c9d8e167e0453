"""What an engine's frames consist of: its stages, timed where they are called."""

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from types import MethodType
from typing import Any, TypeVar

import torch
from torch import nn

from mvot_plugin.engines import MotionEngine
from mvot_plugin.engines.siamfc import SiamFCEngine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.engines.siammt import SiamMTEngine
from mvot_plugin.models.efficientnet import EfficientNetLite

__all__ = ["CORRELATION", "SIAMMOTION", "StageClock", "probe"]

PartT = TypeVar("PartT")

_LEVELS = ("level 1", "level 2", "level 3", "level 4")
SIAMMOTION = (*_LEVELS, "pyramid", "crop", "attention", "head", "penalise", "decode")
"""SiamMOTION's stages: those of ``observe`` by the pyramid level they make, those of ``track``."""

CORRELATION = ("setup", "crop-and-resize", "backbone", "similarity", "upsampling", "update")
"""Those of SiamMT and of SiamFC-MI (SiamMT 4.4, Fig. 10)."""


class StageClock:
    """Milliseconds spent in each stage, with the device's work done before each reading.

    Where a stage is called within another, its time is its own, not the other's.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.spent: dict[str, float] = {}
        self._inner = 0.0

    def now(self) -> float:
        """Milliseconds from some moment."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return 1e3 * time.perf_counter()

    def start(self, *stages: str) -> None:
        """From 0 again: in ``stages``, told in this order, or in those there were."""
        self.spent = dict.fromkeys(stages or self.spent, 0.0)

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, whose calls add to ``stage``."""

        def call(*arguments: Any, **options: Any) -> Any:
            outer, self._inner = self._inner, 0.0
            start = self.now()
            result = function(*arguments, **options)
            whole = self.now() - start
            self.spent[stage] = self.spent.get(stage, 0.0) + whole - self._inner
            self._inner = outer + whole
            return result

        return call


def probe(engine: MotionEngine[Any, Any], clock: StageClock) -> MotionEngine[Any, Any]:
    """A copy of the engine whose stages ``clock`` times; the engine itself where it has none."""
    if isinstance(engine, SiamMotionEngine):
        return _probe_siammotion(engine, clock)
    if isinstance(engine, SiamFCEngine | SiamMTEngine):
        return _probe_correlation(engine, clock)
    return engine


def _probe_siammotion(engine: SiamMotionEngine, clock: StageClock) -> SiamMotionEngine:
    clock.start(*SIAMMOTION)
    network = copy.deepcopy(engine.network)
    network.features = clock.timed("level 1", network.features)  # type: ignore[method-assign]
    for level, layers in zip(_LEVELS[1:], _layers(network.backbone), strict=True):
        for layer in layers:
            layer.forward = clock.timed(level, layer.forward)
    network.cells = clock.timed("pyramid", network.cells)  # type: ignore[method-assign]
    network.crop = clock.timed("crop", network.crop)  # type: ignore[method-assign]
    network.attend = clock.timed("attention", network.attend)  # type: ignore[method-assign]
    network.head.forward = clock.timed("head", network.head.forward)
    penalisation = _timed(engine.penalisation, clock, scores="penalise", select="decode")
    return replace(engine, network=network, penalisation=penalisation)


def _probe_correlation(
    engine: SiamFCEngine | SiamMTEngine, clock: StageClock
) -> SiamFCEngine | SiamMTEngine:
    clock.start(*CORRELATION)
    network: Any = copy.deepcopy(engine.network)
    for stage, name in zip(CORRELATION, ("pixels", "crop", "features", "compare"), strict=False):
        setattr(network, name, clock.timed(stage, getattr(network, name)))
    if isinstance(engine, SiamMTEngine):
        network.alike = clock.timed("similarity", network.alike)
        search = _timed(engine.search, clock, upsampled="upsampling", place="update")
        sizes = _timed(engine.sizes, clock, growth="update")
        return replace(engine, network=network, search=search, sizes=sizes)
    stages = {"upsampled": "upsampling", "best_scale": "update", "place": "update"}
    return replace(engine, network=network, search=_timed(engine.search, clock, **stages))


def _timed(part: PartT, clock: StageClock, **stages: str) -> PartT:
    """A copy of some settings whose methods are timed: each in the stage it is given."""
    copied = copy.copy(part)
    for name, stage in stages.items():
        method = MethodType(getattr(type(part), name), copied)
        object.__setattr__(copied, name, clock.timed(stage, method))  # settings are frozen
    return copied


def _layers(backbone: nn.Module) -> list[list[nn.Module]]:
    """The layers that make the features of levels 2 to 4 from those of the level before."""
    if isinstance(backbone, EfficientNetLite):
        return [[backbone.stages[1]], [backbone.stages[2]], list(backbone.stages[3:])]
    return [[backbone.get_submodule(f"layer{n}")] for n in (1, 2, 3)]
