"""What steps of learning consist of: precisions, rates, moving averages and checkpoints."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mvot_plugin.devices import choose_dtype

__all__ = ["follow", "mixed_precision", "native_dtype", "rate_at", "save_state"]


def native_dtype(device: torch.device) -> torch.dtype:
    """bfloat16; on CPUs that do not compute it natively, and where it is far slower, float32."""
    return choose_dtype("auto", device) if device.type == "cpu" else torch.bfloat16


def mixed_precision(device: torch.device) -> torch.autocast:
    """A context that computes in ``native_dtype`` what bears it."""
    enabled = native_dtype(device) == torch.bfloat16
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def rate_at(step: int, *, steps: int, rise: int, rate: float) -> float:
    """The learning rate of a step: up in a line over ``rise`` steps, down along a cosine."""
    done = min(step / steps, 1)
    falling = rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
    return falling * min((step + 1) / rise, 1)


def follow(average: nn.Module, current: nn.Module, step: int, decay: float) -> None:
    """Move the average towards what is current after ``step`` steps; faster at the beginning."""
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        values = current.state_dict()
        for name, kept in average.state_dict().items():
            _blend(kept, values[name], decay)


def _blend(kept: Tensor, current: Tensor, decay: float) -> None:
    if kept.is_floating_point():
        kept.lerp_(current, 1 - decay)
    else:
        kept.copy_(current)


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint; the file is replaced in one go."""
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(path)
