"""Networks as engines: built, given their weights, and made ready to track."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from mvot_plugin.devices import choose_device, choose_dtype
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.engines.siamfc import SiamFCEngine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.engines.siammt import SiamMTEngine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.siamfc import PRESETS as CORRELATION
from mvot_plugin.models.siamfc import CorrelationConfig, SiamFCNet, SiamMTNet
from mvot_plugin.models.siammotion import PRESETS, SiamMotionConfig, SiamMotionNet
from mvot_plugin.weights import load_into, read_weights, shipped_weights, warn_untrained

__all__ = ["load", "prepare"]


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How an engine comes to be: the ``weights`` it ships with, and of which kind, by name.

    ``config`` makes the network's config of a weights file's values, or, of None, that of random
    weights. ``engine`` takes the network, its batch and whether it is trained.
    """

    weights: str
    kind: str
    config: Callable[[dict[str, Any] | None], Any]
    network: Callable[[Any], nn.Module]
    engine: Callable[[Any, int, bool], MotionEngine[Any, Any]]


def load(name: str, *, weights: str, device: str, precision: str) -> MotionEngine[Any, Any]:
    """The engine called ``name``, with its own weights, those of a file, or random ones.

    Random weights, also where an engine has no trained ones yet, are an ``UntrainedWeights``
    warning. Raises ``InputError`` for a file that does not fit, ``UsageError`` for a device.
    """
    made, where = _KINDS[name], choose_device(device)
    path = shipped_weights(made.weights) if weights == "auto" else Path(weights)
    if path is None or weights == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network, trained = made.network(made.config(None)), False
        warn_untrained(name)
    else:
        values, tensors = read_weights(path, made.kind)
        network, trained = _built(made, values, path), True
        load_into(network, tensors, path)
    prepare(network, where, choose_dtype(precision, where))
    return made.engine(network, 16 if where.type == "cpu" else 256, trained)


def prepare(network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Make a network ready to track, in place: layers folded, channels last, inertia apart.

    Inertia stays on the CPU in single precision: it needs a few boxes of history, not the frame.
    """
    network.eval().requires_grad_(False)
    fold_batch_norm(network)
    inertia = network._modules.get("inertia")
    if inertia is not None:
        network._modules["inertia"] = None
    network.to(device=device, dtype=dtype)
    network.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        fuse_activations(network)
    if inertia is not None:
        network._modules["inertia"] = inertia


def _built(made: _Kind, values: dict[str, Any], path: Path) -> nn.Module:
    try:
        return made.network(made.config(values))
    except (UsageError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: its config does not fit: {error}") from error


def _siammotion(network: SiamMotionNet, batch: int, trained: bool) -> SiamMotionEngine:
    engine = SiamMotionEngine(network=network, batch=batch, trained=trained)
    if network.config.penalties:
        return engine
    return replace(engine, penalisation=engine.penalisation.single_object())


def _siammotion_kind(name: str) -> _Kind:
    def config(values: dict[str, Any] | None) -> SiamMotionConfig:
        return PRESETS[name] if values is None else SiamMotionConfig.from_dict(values)

    return _Kind(
        weights=name, kind="siammotion", config=config, network=SiamMotionNet, engine=_siammotion
    )


def _correlation_kind(
    name: str,
    weights: str,
    network: type[SiamFCNet] | type[SiamMTNet],
    engine: Callable[[Any, int, bool], MotionEngine[Any, Any]],
) -> _Kind:
    """An engine that looks where its preset says, whatever its weights were trained for."""

    def config(values: dict[str, Any] | None) -> CorrelationConfig:
        preset = CORRELATION[name]
        if values is None:
            return preset
        found = CorrelationConfig.from_dict(values)
        if network is SiamMTNet:
            found = replace(found, certainty=found.frame_certainty or found.certainty)
        return replace(found, context=preset.context, view=preset.view)

    return _Kind(weights=weights, kind=weights, config=config, network=network, engine=engine)


def _siamfc(network: SiamFCNet, batch: int, trained: bool) -> SiamFCEngine:
    return SiamFCEngine(network=network, batch=1, trained=trained)


def _siamfc_mi(network: SiamFCNet, batch: int, trained: bool) -> SiamFCEngine:
    return SiamFCEngine(network=network, batch=batch, trained=trained)


def _siammt(network: SiamMTNet, batch: int, trained: bool) -> SiamMTEngine:
    return SiamMTEngine(network=network, batch=batch, trained=trained)


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        **{name: _siammotion_kind(name) for name in PRESETS},
        "siamfc": _correlation_kind("siamfc", "siamfc", SiamFCNet, _siamfc),
        "siamfc-mi": _correlation_kind("siamfc-mi", "siamfc", SiamFCNet, _siamfc_mi),
        "siammt": _correlation_kind("siammt", "siammt", SiamMTNet, _siammt),
        "siammt-w": _correlation_kind("siammt-w", "siamfc", SiamMTNet, _siammt),
    }
)
