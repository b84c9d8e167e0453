"""Loading of engines with a network: build the network, load its weights, prepare it."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mvot_plugin.devices import choose_device, choose_dtype
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.engines.table import ENGINES, NetworkEntry
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.weights import load_parameters, read_weights, shipped_weights, warn_untrained

__all__ = ["load_network_engine", "prepare"]

CPU_BATCH, GPU_BATCH = 16, 256
"""Most targets in one batch; on a CPU, larger batches exceed its caches."""


def load_network_engine(
    name: str, *, weights: str, device: str, precision: str
) -> NetworkEngine[Any, Any, Any]:
    """The engine called ``name``, with its own weights, those of a file, or random ones.

    Random weights, also where an engine has no trained ones yet, are an ``UntrainedWeights``
    warning. Raises ``InputError`` for a file that does not fit, ``UsageError`` for a device.
    """
    entry, chosen = ENGINES[name], choose_device(device)
    assert entry.network is not None
    path = shipped_weights(entry.network.weights) if weights == "auto" else Path(weights)
    trained = path is not None and weights != "random"
    if path is None or not trained:
        network = _build_random(name, entry.network)
        warn_untrained(name)
    else:
        network = _build_trained(name, entry.network, path)
    prepare(network, chosen, choose_dtype(precision, chosen))
    engine: type[NetworkEngine[Any, Any, Any]] = getattr(import_module(entry.module), entry.name)
    batch = CPU_BATCH if chosen.type == "cpu" else GPU_BATCH
    return engine.from_network(network, **{"batch": batch, "trained": trained, **entry.options})


def prepare(network: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    """Prepare a network for tracking, in place: fold and fuse its layers, store channels last.

    Inertia stays on the CPU in single precision: it needs a few boxes of history, not the frame.
    """
    network.eval().requires_grad_(False)
    fold_batch_norm(network)
    inertia = getattr(network, "inertia", None)
    if inertia is not None:
        network.register_module("inertia", None)
    network.to(device=device, dtype=dtype)
    network.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        fuse_activations(network)
    if inertia is not None:
        network.register_module("inertia", inertia)


def _build_random(name: str, entry: NetworkEntry) -> nn.Module:
    """The network of an engine's preset, with random weights that are always the same."""
    build = getattr(import_module(entry.module), entry.name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: nn.Module = build(import_module(entry.presets).PRESETS[name])
    return network


def _build_trained(name: str, entry: NetworkEntry, path: Path) -> nn.Module:
    """The network of a weights file, with its weights."""
    build = getattr(import_module(entry.module), entry.name)
    preset = import_module(entry.presets).PRESETS[name]
    values, tensors = read_weights(path, entry.kind)
    try:
        config = type(preset).from_dict(values)
        fixed = {name: getattr(preset, name) for name in entry.preset_fields}
        network: nn.Module = build(replace(config, **fixed))
    except (UsageError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: its config does not fit: {error}") from error
    load_parameters(network, tensors, path)
    return network
