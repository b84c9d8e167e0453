"""What every schedule of steps does: when to note, judge, save and stop, and how rates fall."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mvot_pipelines.training.curves import append_row
from mvot_pipelines.training.drawing import Drawing
from mvot_plugin.devices import choose_dtype

__all__ = [
    "Steps",
    "follow",
    "mixed_precision",
    "native_dtype",
    "rate_at",
    "run_steps",
    "save_state",
]

DrawnT = TypeVar("DrawnT")


@runtime_checkable
class Steps(Protocol):
    """A training that is at ``step``, computes on ``device``, and can be saved."""

    step: int
    device: torch.device

    def save(self, path: Path) -> None:
        """Write all that it takes to go on."""


def run_steps(
    training: Steps,
    steps: int,
    draw: Callable[[int], DrawnT],
    learn: Callable[[DrawnT], dict[str, float]],
    folder: Path,
    *,
    seconds: float,
    every: int,
    judge_every: int,
    judge: Callable[[], None] | None,
) -> None:
    """Learn up to step ``steps``, or for so many seconds; a checkpoint is left in ``folder``.

    ``draw`` makes the batch of a step, ``learn`` learns it and returns its losses by name. Every
    ``every`` steps their means go into ``losses.csv``, and ``last.pt`` is replaced; ``judge`` is
    called every ``judge_every`` steps and at the end of the schedule.
    """
    begun, sums, counted = time.monotonic(), dict[str, float](), 0
    workers = 0 if training.device.type == "cpu" else os.cpu_count() or 1
    bar = tqdm(total=steps, initial=training.step, desc="training", mininterval=5)
    with bar, Drawing(draw, range(training.step, steps), workers) as batches:
        for batch in batches:
            for name, value in learn(batch).items():
                sums[name] = sums.get(name, 0) + value
            counted += 1
            bar.update()
            done = training.step >= steps
            over = time.monotonic() - begun > seconds or done
            due = judge is not None and (done or training.step % judge_every == 0)
            if over or due or training.step % every == 0:
                means = {k: v / counted for k, v in sums.items()}
                append_row(folder / "losses.csv", training.step, means)
                if judge is not None and due:
                    judge()
                training.save(folder / "last.pt")
                sums, counted = {}, 0
            if over:
                return


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
