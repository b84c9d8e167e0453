"""The training loop: steps that can stop anywhere and go on to the same result."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from mvot_pipelines.training.library import Library
from mvot_pipelines.training.losses import pair_loss
from mvot_pipelines.training.pairs import PairBatch, sample_batch
from mvot_pipelines.training.running import (
    follow,
    mixed_precision,
    native_dtype,
    rate_at,
    run_steps,
    save_state,
)
from mvot_pipelines.training.settings import TrainingConfig
from mvot_plugin.errors import InputError
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.resnet import ResNet18
from mvot_plugin.models.siammotion import SiamMotionNet

__all__ = ["Training", "drawn_at"]


class Training:
    """A network, its moving average and its optimizer, at some step of a schedule.

    Step n draws its batch from a generator seeded by n, so that a run resumed from a checkpoint
    goes on as if it had not been broken off.
    """

    def __init__(
        self, network: SiamMotionNet, config: TrainingConfig, device: torch.device
    ) -> None:
        self.config, self.device, self.step = config, device, 0
        self.best = -inf
        self.network = network.to(device=device)
        self.network.backbone.requires_grad_(False)
        self.network.to(memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        backbone = list(self.network.backbone.parameters())
        self.deep = list(chain.from_iterable(self.network.backbone.parts[-config.thawed :]))
        self.thawed = [p for part in self.deep for p in part.parameters()]
        self._backbones: dict[bool, nn.Module] = {}
        inertia = [] if network.inertia is None else list(network.inertia.parameters())
        apart = {id(p) for p in (*backbone, *inertia)}
        rest = [p for p in self.network.parameters() if id(p) not in apart]
        self.optimizer = torch.optim.AdamW(
            [{"params": rest}, {"params": self.thawed}],
            lr=config.rate,
            weight_decay=config.weight_decay,
        )

    def run(
        self,
        library: Library,
        folder: Path,
        *,
        seconds: float,
        every: int = 100,
        judge: Callable[["Training"], None] | None = None,
    ) -> None:
        """Learn to the schedule's end or for so many seconds; a checkpoint is left in ``folder``.

        Every ``every`` steps the mean losses go into ``losses.csv``, and ``last.pt`` is replaced.
        ``judge`` is called every ``validate_every`` steps of the config, and at the schedule's end.
        """
        run_steps(
            self,
            self.config.steps,
            partial(drawn_at, library, self.config),
            lambda drawn: self.learn(drawn[1], drawn[0]),
            folder,
            seconds=seconds,
            every=every,
            judge_every=self.config.validate_every,
            judge=None if judge is None else partial(judge, self),
        )

    def learn(self, batch: PairBatch, level: int) -> dict[str, float]:
        """One step; the losses by name."""
        rates = self._rates()
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self.network.train()
        _freeze_statistics(self.network.backbone)
        for parameter in self.thawed:
            parameter.requires_grad_(rates[1] > 0)
        learning = rates[1] > 0
        if learning not in self._backbones:
            deep = self.deep if learning else []
            self._backbones[learning] = _partly_folded(self.network.backbone, deep, self.device)
        backbone = self._backbones[learning]
        with mixed_precision(self.device):
            loss, parts = pair_loss(self.network, self.config.loss, batch, level, backbone)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 10)
        self.optimizer.step()
        self.step += 1
        follow(self.average, self.network, self.step, self.config.ema)
        return {"loss": float(loss.detach()), **parts}

    def save(self, path: Path) -> None:
        """Write all that ``resume`` needs; the file is replaced in one go."""
        state = {
            "step": self.step,
            "best": self.best,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(state, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; raises ``InputError`` for one of another network."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.step, self.best = state["step"], state["best"]
        try:
            self.network.load_state_dict(state["network"])
        except RuntimeError as error:
            raise InputError(
                f"{path}: was left by a training of another network; choose another --output"
            ) from error
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])

    def _rates(self) -> tuple[float, float]:
        """The learning rates of this step: of all but the backbone, and of the backbone."""
        config = self.config
        rate = rate_at(self.step, steps=config.steps, rise=config.rise, rate=config.rate)
        frozen = min(self.step / config.steps, 1) < config.frozen
        return rate, 0.0 if frozen else rate * config.backbone_rate


def drawn_at(library: Library, config: TrainingConfig, step: int) -> tuple[int, PairBatch]:
    """The pyramid level and the batch of a step."""
    rng = np.random.default_rng([config.seed, step])
    shares = np.array(config.levels) / sum(config.levels)
    level = 1 + int(rng.choice(len(config.levels), p=shares))
    count = config.batch if level < 3 else config.batch // 2
    other = int(np.clip(level + rng.choice([-1, 1]), 1, len(config.levels)))
    exemplar_level = other if rng.random() < config.across else level
    return level, sample_batch(library, rng, level, count, config.mixture, exemplar_level)


def _partly_folded(
    backbone: ResNet18 | EfficientNetLite, kept: Sequence[nn.Module], device: torch.device
) -> nn.Module:
    """A backbone that shares the layers ``kept``; the others are folded, as fast as they go."""
    folded = deepcopy(backbone, {id(part): part for part in kept})
    for part in chain.from_iterable(folded.parts):
        if part not in kept:
            part.eval()
            fold_batch_norm(part)
            part.to(native_dtype(device))
            if device.type == "cpu":
                fuse_activations(part)
    return folded


def _freeze_statistics(backbone: nn.Module) -> None:
    """Keep a backbone's batch norms as they are; crops in small batches would spoil them."""
    for part in backbone.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
