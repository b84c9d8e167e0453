"""Loading of networks as torch modules: build the module, load its weights, prepare it."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mvot_plugin.engines.loading import create_config
from mvot_plugin.engines.table import ENGINES, NetworkEntry
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.runtimes.devices import choose_device, choose_dtype
from mvot_plugin.runtimes.torch_network import TorchNetwork, prepare
from mvot_plugin.weights import (
    load_parameters,
    read_weights,
    read_weights_record,
    shipped_weights,
    warn_untrained,
)

__all__ = ["load_functions", "load_torch_network", "read_record"]


def load_torch_network(
    name: str, *, weights: str, device: str, precision: str
) -> tuple[TorchNetwork, bool]:
    """The network of the engine ``name``, and whether it is trained.

    Random weights, also where an engine has no trained ones yet, are an ``UntrainedWeights``
    warning. Raises ``InputError`` for a file that does not fit, ``UsageError`` for a device.
    """
    chosen = choose_device(device)
    functions, trained = load_functions(name, weights)
    prepare(functions, chosen, choose_dtype(precision, chosen))
    return TorchNetwork(functions), trained


def load_functions(name: str, weights: str) -> tuple[nn.Module, bool]:
    """The functions of an engine's network, as the module was trained; whether it was."""
    entry = ENGINES[name].network
    assert entry is not None
    path = shipped_weights(entry.weights) if weights == "auto" else Path(weights)
    trained = path is not None and weights != "random"
    if path is None or not trained:
        network = _build_random(name, entry)
        warn_untrained(name)
    else:
        network = _build_trained(name, entry, path)
    module, _, function = entry.functions.partition(":")
    functions: nn.Module = getattr(import_module(module), function)(network)
    return functions, trained


def read_record(name: str, weights: str) -> dict[str, Any]:
    """Where an engine's trained weights come from, as their file says."""
    entry = ENGINES[name].network
    assert entry is not None
    path = shipped_weights(entry.weights) if weights == "auto" else Path(weights)
    return {} if path is None else read_weights_record(path)


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
    values, tensors = read_weights(path, entry.kind)
    config = create_config(name, entry, values, path)
    try:
        network: nn.Module = build(config)
    except (UsageError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: its config does not fit: {error}") from error
    load_parameters(network, tensors, path)
    return network
