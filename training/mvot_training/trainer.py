"""The training loop of every stage: train, validate, keep the best weights, checkpoint, resume."""

import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mvot_plugin.errors import InputError
from mvot_training.config import TrainingConfig
from mvot_training.curves import append_row, draw_curves
from mvot_training.optimization import learning_rate_at, save_checkpoint, update_average
from mvot_training.prefetch import BatchPrefetcher

__all__ = ["CHECKPOINT", "Trainer"]

CHECKPOINT = "last.pt"
"""The file name of the checkpoint that a trainer writes into its output folder."""
_UNUSABLE = (
    *(OSError, EOFError, UnpicklingError),
    *(AttributeError, TypeError, RuntimeError, KeyError, ValueError),
)
"""What reading a checkpoint, and using what is in it, may raise."""

NetworkT = TypeVar("NetworkT", bound=nn.Module)
ConfigT = TypeVar("ConfigT", bound=TrainingConfig)
DataT = TypeVar("DataT")
BatchT = TypeVar("BatchT")


class Trainer(ABC, Generic[NetworkT, ConfigT, DataT, BatchT]):
    """A network, its moving average and its optimizer, at some step of a schedule.

    A stage creates the ``optimizer`` and implements the abstract methods. The batch of step n
    depends on n alone, so a run resumed from a checkpoint gives the result of an uninterrupted one.
    ``best`` is the best value of ``METRIC`` so far, ``metrics`` what the last validation measured.
    """

    METRIC: ClassVar[str] = "mean"
    """The validation metric that selects the weights to keep."""
    LOWER_IS_BETTER: ClassVar[bool] = False
    """Whether that metric is one to minimise."""
    VALIDATE_START: ClassVar[bool] = False
    """Whether the network is validated before the first step, as a candidate to keep."""
    SAMPLERS: ClassVar[int] = 0
    """Processes that sample batches beside a training on the CPU; 0 is one thread."""
    MAX_GRADIENT_NORM: ClassVar[float] = 5.0
    """Gradients are clipped to this norm."""

    optimizer: torch.optim.Optimizer

    def __init__(self, network: NetworkT, config: ConfigT, device: torch.device) -> None:
        self.config, self.device = config, device
        self.step, self.best = 0, math.inf if self.LOWER_IS_BETTER else -math.inf
        self.metrics: dict[str, float] = {}
        self.network = network.to(device=device)
        self.network.to(memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval().requires_grad_(False)

    @property
    @abstractmethod
    def weights_name(self) -> str:
        """The name of the weights file that the stage writes."""

    @abstractmethod
    def sample_batch(self, data: DataT, step: int) -> BatchT:
        """The batch of a step, the same whenever it is sampled."""

    @abstractmethod
    def compute_loss(self, batch: BatchT) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of a batch, and its parts by name."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Metrics of the moving average on held-out data; none where there is no such data."""

    @abstractmethod
    def export(self, path: Path) -> None:
        """Write the moving average as a weights file."""

    def learning_rates(self) -> Sequence[float]:
        """The learning rates of the current step, one for each parameter group."""
        config = self.config
        return [
            learning_rate_at(
                self.step,
                steps=config.steps,
                warmup_steps=config.warmup_steps,
                learning_rate=config.learning_rate,
            )
        ]

    @property
    def checkpoint_parts(self) -> dict[str, Any]:
        """The objects whose ``state_dict`` belongs into a checkpoint, by name."""
        return {"network": self.network, "average": self.average, "optimizer": self.optimizer}

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal in a checkpoint, besides the network's shape, to resume from it."""
        return {}

    def run(self, data: DataT, output: Path, *, seconds: float, log_every: int = 100) -> Path:
        """Train to the end of the schedule or for ``seconds``; returns the best weights' path.

        Every ``log_every`` steps the mean losses are appended to ``losses.csv`` in ``output``, and
        the checkpoint is replaced. Every ``validate_every`` steps of the config, and at the end of
        the schedule, the metrics are appended to ``validation.csv``, and the weights are exported
        if they are the best so far. ``curves.png`` plots both tables.
        """
        if self.VALIDATE_START and self.step == 0:
            self.keep_best(output)
        self._train(data, output, seconds, log_every)
        path = output / self.weights_name
        if not path.exists():
            self.export(path)
        draw_curves(output)
        return path

    def _train(self, data: DataT, output: Path, seconds: float, log_every: int) -> None:
        start, config, losses = time.monotonic(), self.config, list[dict[str, float]]()
        workers = self.SAMPLERS if self.device.type == "cpu" else os.cpu_count() or 1
        bar = tqdm(total=config.steps, initial=self.step, desc="training", mininterval=5)
        steps = range(self.step, config.steps)
        with bar, BatchPrefetcher(partial(self.sample_batch, data), steps, workers) as batches:
            for batch in batches:
                losses.append(self.train_step(batch))
                bar.update()
                is_last = self.step >= config.steps
                stops = is_last or time.monotonic() - start > seconds
                validates = is_last or self.step % config.validate_every == 0
                if stops or validates or self.step % log_every == 0:
                    append_row(output / "losses.csv", self.step, _mean_losses(losses))
                    if validates:
                        self.keep_best(output)
                    self.save(output / CHECKPOINT)
                    losses = []
                if stops:
                    return

    def train_step(self, batch: BatchT) -> dict[str, float]:
        """Train on a batch; returns the losses by name."""
        for group, rate in zip(self.optimizer.param_groups, self.learning_rates(), strict=True):
            group["lr"] = rate
        self.network.train()
        loss, parts = self.compute_loss(batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.MAX_GRADIENT_NORM)
        self.optimizer.step()
        self.step += 1
        update_average(self.average, self.network, self.step, self.config.ema_decay)
        return {"loss": float(loss.detach()), **parts}

    def keep_best(self, output: Path) -> None:
        """Validate, and export the weights if they are the best so far, or nothing is held out."""
        self.metrics = self.validate()
        if self.metrics:
            append_row(output / "validation.csv", self.step, self.metrics)
            value = self.metrics[self.METRIC]
            if not (value < self.best if self.LOWER_IS_BETTER else value > self.best):
                return
            self.best = value
        self.export(output / self.weights_name)

    def save(self, path: Path) -> None:
        """Write a checkpoint for ``resume``; the file is replaced in one go."""
        states = {name: part.state_dict() for name, part in self.checkpoint_parts.items()}
        checkpoint = {"identity": self.identity, "step": self.step, "best": self.best, **states}
        save_checkpoint(checkpoint, path)

    def resume(self, path: Path) -> None:
        """Continue from a checkpoint; raises ``InputError`` for one of another training.

        The file is one of ``torch.save``, of which tensors and plain values are read and nothing
        else, so that it runs no code.
        """
        try:
            state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
            if state.get("identity", {}) != self.identity:
                raise ValueError("another identity")
            for name, part in self.checkpoint_parts.items():
                part.load_state_dict(state[name])
            self.step, self.best = state["step"], state["best"]
        except _UNUSABLE as error:
            raise InputError(
                f"{path}: was left by a training of another network, teacher or other classes, or "
                "is damaged; choose another --output"
            ) from error


def _mean_losses(losses: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each loss over all steps; a loss that a step lacks counts as 0."""
    names = dict.fromkeys(name for step in losses for name in step)
    return {name: sum(step.get(name, 0.0) for step in losses) / len(losses) for name in names}
