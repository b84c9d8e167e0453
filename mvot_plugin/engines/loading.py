"""Loading of engines with a network: choose its runtime, then load its graphs or its module."""

import os
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.engines.table import ENGINES, NetworkEntry
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.extras import has_cuda_driver, has_torch, is_cpu, require_torch
from mvot_plugin.runtimes.base import Network
from mvot_plugin.runtimes.files import load_graphs, read_description, shipped_graphs

__all__ = [
    "check_graphs_can_run",
    "choose_runtime",
    "load_network_engine",
    "suits_graphs",
    "try_engine",
]

GRAPH_BATCH, CPU_BATCH, GPU_BATCH = 8, 16, 256
"""Most targets in one batch: of graphs, each on one thread; of torch on a CPU, whose caches larger
batches exceed; of torch on a GPU."""


def load_network_engine(
    name: str, *, weights: str, device: str, precision: str, runtime: str, threads: int | None
) -> NetworkEngine[Any, Any]:
    """The engine called ``name``, with its own weights, those given, or random ones.

    Raises ``InputError`` for weights that do not fit, ``UsageError`` for a device or a runtime that
    cannot be used. See ``load_engine``.
    """
    entry = ENGINES[name]
    assert entry.network is not None
    chosen = choose_runtime(
        name, weights=weights, device=device, precision=precision, runtime=runtime
    )
    trained, batch = True, GRAPH_BATCH
    if chosen == "onnx":
        network = _load_graph_network(name, entry.network, weights, threads)
    else:
        require_torch(f"engine {name!r}")
        load = import_module("mvot_plugin.engines.torch_loading").load_torch_network
        network, trained = load(name, weights=weights, device=device, precision=precision)
        batch = CPU_BATCH if network.device.type == "cpu" else GPU_BATCH
    kind: type[NetworkEngine[Any, Any]] = getattr(import_module(entry.module), entry.name)
    engine = kind.from_network(network, **{"batch": batch, "trained": trained, **entry.options})
    if weights not in ("auto", "random"):
        try_engine(engine, weights)
    return engine


def choose_runtime(name: str, *, weights: str, device: str, precision: str, runtime: str) -> str:
    """What an engine runs on: "onnx" or "torch".

    Graphs where the engine has them, on a CPU and in single precision; torch where weights come
    from a file or are random, and on GPUs.

    Raises ``UsageError`` where what is asked for excludes each other.
    """
    network = ENGINES[name].network
    assert network is not None
    is_folder = os.path.isdir(weights)  # noqa: PTH112 - False for what is no path, too
    has_graphs = is_folder or (weights == "auto" and network.has_graphs)
    if runtime == "auto":
        fits = has_graphs and suits_graphs(device, precision)
        return "onnx" if fits or is_folder else "torch"
    if runtime == "onnx" and not has_graphs:
        raise UsageError(
            f"engine {name!r} has no graphs for these weights: make them with "
            f"mvot-export {name}, or take runtime torch"
        )
    if runtime == "onnx":
        check_graphs_can_run(device, precision)
    return runtime


def suits_graphs(device: str, precision: str) -> bool:
    """Whether graphs are what an engine that has them runs best on."""
    on_cpu = is_cpu(device) or (device == "auto" and not (has_torch() and has_cuda_driver()))
    return on_cpu and precision in ("auto", "fp32")


def check_graphs_can_run(device: str, precision: str) -> None:
    """Raise ``UsageError`` for a device or a precision that graphs do not run on, or in."""
    if not (is_cpu(device) or device == "auto"):
        raise UsageError(
            f"runtime onnx runs on the CPU only, not on {device!r}; take runtime torch"
        )
    if precision not in ("auto", "fp32"):
        raise UsageError(
            f"runtime onnx is in single precision, not {precision}; take runtime torch"
        )


def create_config(name: str, entry: NetworkEntry, values: Mapping[str, Any], origin: Path) -> Any:
    """The config of an engine's network from the values that its weights came with.

    Raises ``InputError`` where they do not fit; the message names ``origin``.
    """
    preset = import_module(entry.presets).PRESETS[name]
    fixed = {field: getattr(preset, field) for field in entry.preset_fields}
    try:
        return replace(type(preset).from_dict(dict(values)), **fixed)
    except (UsageError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{origin}: its config does not fit: {error}") from error


def try_engine(engine: NetworkEngine[Any, Any], origin: str) -> None:
    """Track two targets on a frame of noise, with weights that somebody gave.

    Raises ``InputError`` where the network fails or answers with no numbers; the message names
    ``origin``.
    """
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    boxes = np.array([[40, 30, 70, 80], [90, 40, 130, 100]], np.float32)
    try:
        with np.errstate(all="ignore"):
            observation = engine.observe(image)
            _, motion = engine.track(observation, engine.enroll(observation, boxes))
    except Exception as error:  # whatever a network of others runs into
        reason = str(error).split("\n")[0] or type(error).__name__
        raise InputError(f"{origin}: its network cannot be run: {reason}") from error
    if not (np.isfinite(motion.boxes).all() and np.isfinite(motion.scores).all()):
        raise InputError(f"{origin}: its network answers with numbers that are NaN or infinite")


def _load_graph_network(
    name: str, entry: NetworkEntry, weights: str, threads: int | None
) -> Network:
    folder = shipped_graphs(entry.weights) if weights == "auto" else Path(weights)
    if folder is None:
        raise InputError(f"this copy of the package lacks the graphs of engine {name!r}")
    config = create_config(name, entry, read_description(folder, entry.kind), folder)
    graphs = load_graphs(folder, threads)
    module = import_module("mvot_plugin.runtimes.graph_network")
    network: Network = module.GraphNetwork(config=config, graphs=graphs)
    return network
