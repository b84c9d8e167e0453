"""The loop of every stage: steps that can stop anywhere and go on to the same result."""

import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mvot_pipelines.training.curves import append_row
from mvot_pipelines.training.drawing import Drawing
from mvot_pipelines.training.running import follow, rate_at, save_state
from mvot_plugin.errors import InputError

__all__ = ["Schedule", "Trainer"]


@runtime_checkable
class Schedule(Protocol):
    """Of the settings of a stage, those that say how long and how fast it learns."""

    @property
    def steps(self) -> int:
        """How many there are."""

    @property
    def rate(self) -> float:
        """The highest learning rate."""

    @property
    def rise(self) -> int:
        """Steps to the highest learning rate."""

    @property
    def ema(self) -> float:
        """The decay of the moving average."""

    @property
    def validate_every(self) -> int:
        """Steps between validations."""


NetworkT = TypeVar("NetworkT", bound=nn.Module)
ScheduleT = TypeVar("ScheduleT", bound=Schedule)
MaterialT = TypeVar("MaterialT")
BatchT = TypeVar("BatchT")


class Trainer(ABC, Generic[NetworkT, ScheduleT, MaterialT, BatchT]):
    """A network, its moving average and its optimizer, at some step of a schedule.

    Step n draws its batch from a generator seeded by n, so that a run resumed from a checkpoint
    goes on as if it had not been broken off. ``best`` is the best figure so far. A stage makes its
    ``optimizer``, and says what to draw and what to make small.
    """

    optimizer: torch.optim.Optimizer
    WORST: ClassVar[float] = -math.inf
    """What any figure is better than."""
    LONGEST: ClassVar[float] = 5.0
    """Gradients' norm, beyond which they are cut."""

    def __init__(self, network: NetworkT, config: ScheduleT, device: torch.device) -> None:
        self.config, self.device = config, device
        self.step, self.best = 0, self.WORST
        self.network = network.to(device=device)
        self.network.to(memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval().requires_grad_(False)

    @abstractmethod
    def draw(self, material: MaterialT, step: int) -> BatchT:
        """The batch of a step, which nothing but the step decides."""

    @abstractmethod
    def losses(self, batch: BatchT) -> tuple[Tensor, Mapping[str, float]]:
        """What is made small, and its parts by name."""

    def rates(self) -> Sequence[float]:
        """The learning rates of this step, by the optimizer's groups."""
        config = self.config
        return [rate_at(self.step, steps=config.steps, rise=config.rise, rate=config.rate)]

    @property
    def parts(self) -> dict[str, Any]:
        """What has a state that is kept in checkpoints."""
        return {"network": self.network, "average": self.average, "optimizer": self.optimizer}

    @property
    def made(self) -> dict[str, Any]:
        """What a checkpoint must share, beside the network's shape, to be gone on from."""
        return {}

    def run(
        self,
        material: MaterialT,
        folder: Path,
        *,
        seconds: float,
        every: int = 100,
        judge: Callable[[], None] | None = None,
    ) -> None:
        """Learn to the schedule's end or for so many seconds; a checkpoint is left in ``folder``.

        Every ``every`` steps the mean losses go into ``losses.csv``, and ``last.pt`` is replaced.
        ``judge`` is called every ``validate_every`` steps of the config, and at the schedule's end.
        """
        begun, config, seen = time.monotonic(), self.config, list[dict[str, float]]()
        workers = 0 if self.device.type == "cpu" else os.cpu_count() or 1
        bar = tqdm(total=config.steps, initial=self.step, desc="training", mininterval=5)
        drawing = Drawing(partial(self.draw, material), range(self.step, config.steps), workers)
        with bar, drawing as batches:
            for batch in batches:
                seen.append(self.learn(batch))
                bar.update()
                done = self.step >= config.steps
                over = done or time.monotonic() - begun > seconds
                due = judge is not None and (done or self.step % config.validate_every == 0)
                if over or due or self.step % every == 0:
                    append_row(folder / "losses.csv", self.step, _means(seen))
                    if judge is not None and due:
                        judge()
                    self.save(folder / "last.pt")
                    seen = []
                if over:
                    return

    def learn(self, batch: BatchT) -> dict[str, float]:
        """One step; the losses by name."""
        for group, rate in zip(self.optimizer.param_groups, self.rates(), strict=True):
            group["lr"] = rate
        self.network.train()
        loss, parts = self.losses(batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.LONGEST)
        self.optimizer.step()
        self.step += 1
        follow(self.average, self.network, self.step, self.config.ema)
        return {"loss": float(loss.detach()), **parts}

    def save(self, path: Path) -> None:
        """Write all that ``resume`` needs; the file is replaced in one go."""
        states = {name: part.state_dict() for name, part in self.parts.items()}
        save_state({"made": self.made, "step": self.step, "best": self.best, **states}, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; raises ``InputError`` for one of another training."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        try:
            if state.get("made", {}) != self.made:
                raise ValueError("made otherwise")
            for name, part in self.parts.items():
                part.load_state_dict(state[name])
        except (RuntimeError, KeyError, ValueError) as error:
            raise InputError(
                f"{path}: was left by a training of another network, teacher or other classes; "
                "choose another --output"
            ) from error
        self.step, self.best = state["step"], state["best"]


def _means(seen: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The means of losses by name, over all steps; one that a step has not counts as 0."""
    names = dict.fromkeys(name for one in seen for name in one)
    return {name: sum(one.get(name, 0.0) for one in seen) / len(seen) for name in names}
