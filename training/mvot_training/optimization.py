"""Parts of every trainer: precision, learning rate, moving average, checkpoints."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mvot_plugin.runtimes.devices import choose_dtype

__all__ = [
    "learning_rate_at",
    "mixed_precision",
    "native_dtype",
    "save_checkpoint",
    "update_average",
]


def native_dtype(device: torch.device) -> torch.dtype:
    """bfloat16, or float32 on CPUs that do not compute bfloat16 natively and are slow at it."""
    return choose_dtype("auto", device) if device.type == "cpu" else torch.bfloat16


def mixed_precision(device: torch.device) -> torch.autocast:
    """A context that computes in ``native_dtype`` where that is safe."""
    enabled = native_dtype(device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def learning_rate_at(step: int, *, steps: int, warmup_steps: int, learning_rate: float) -> float:
    """The learning rate of a step: linear warm-up, then a cosine down to a hundredth."""
    progress = min(step / steps, 1)
    decayed = learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)
    return decayed * min((step + 1) / warmup_steps, 1)


def update_average(average: nn.Module, network: nn.Module, step: int, decay: float) -> None:
    """Move the average towards the network's state after ``step`` steps; faster at the start.

    A tensor that several parts of the network share is moved once.
    """
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        state = network.state_dict()
        by_place = {part.data_ptr(): (name, part) for name, part in average.state_dict().items()}
        for name, tensor in by_place.values():
            _blend_tensor(tensor, state[name], decay)


def _blend_tensor(average: Tensor, current: Tensor, decay: float) -> None:
    if average.is_floating_point():
        average.lerp_(current, 1 - decay)
    else:
        average.copy_(current)


def save_checkpoint(checkpoint: dict[str, Any], path: Path) -> None:
    """Write a checkpoint; the file is replaced in one go."""
    unfinished = path.with_suffix(".part")
    torch.save(checkpoint, unfinished)
    unfinished.replace(path)
