"""Networks as engines: built, given their weights, and made ready to track."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mvot_plugin.devices import choose_device, choose_dtype
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.siammotion import PRESETS, SiamMotionConfig, SiamMotionNet
from mvot_plugin.weights import load_into, read_weights, shipped_weights, warn_untrained

__all__ = ["load", "prepare"]


def load(name: str, *, weights: str, device: str, precision: str) -> SiamMotionEngine:
    """The engine of a preset, with its own weights, those of a file, or random ones.

    Random weights, also where a preset has no trained ones yet, are an ``UntrainedWeights``
    warning. Raises ``InputError`` for a file that does not fit, ``UsageError`` for a device.
    """
    where = choose_device(device)
    path = shipped_weights(name) if weights == "auto" else Path(weights)
    if path is None or weights == "random":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network, trained = SiamMotionNet(PRESETS[name]), False
        warn_untrained(name)
    else:
        config, tensors = read_weights(path, "siammotion")
        network, trained = _built(config, path), True
        load_into(network, tensors, path)
    prepare(network, where, choose_dtype(precision, where))
    batch = 16 if where.type == "cpu" else 256
    engine = SiamMotionEngine(network=network, batch=batch, trained=trained)
    if network.config.penalties:
        return engine
    return replace(engine, penalisation=engine.penalisation.single_object())


def _built(config: dict[str, Any], path: Path) -> SiamMotionNet:
    try:
        return SiamMotionNet(SiamMotionConfig.from_dict(config))
    except (UsageError, TypeError, RuntimeError) as error:
        raise InputError(f"{path}: its config does not fit: {error}") from error


def prepare(network: SiamMotionNet, device: torch.device, dtype: torch.dtype) -> None:
    """Make a network ready to track, in place: layers folded, channels last, inertia apart.

    Inertia stays on the CPU in single precision: it needs a few boxes of history, not the frame.
    """
    network.eval().requires_grad_(False)
    fold_batch_norm(network)
    inertia, network.inertia = network.inertia, None
    network.to(device=device, dtype=dtype)
    network.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        fuse_activations(network)
    network.inertia = inertia
