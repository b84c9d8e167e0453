"""The training loop: steps that can stop anywhere and go on to the same result."""

import math
import os
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mvot_pipelines.training.curves import append_row
from mvot_pipelines.training.drawing import Drawing
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.losses import pair_loss
from mvot_pipelines.training.pairs import PairBatch
from mvot_pipelines.training.settings import TrainingConfig
from mvot_plugin.errors import InputError
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.resnet import ResNet18
from mvot_plugin.models.siammotion import SiamMotionNet

__all__ = ["Training"]


class Training:
    """A network, its moving average and its optimizer, at some step of a schedule.

    Step n draws its batch from a generator seeded by n, so that a run resumed from a checkpoint
    goes on as if it had not been broken off.
    """

    def __init__(
        self, network: SiamMotionNet, config: TrainingConfig, device: torch.device
    ) -> None:
        self.config, self.device, self.step = config, device, 0
        self.best = -math.inf
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
        begun, sums, counted = time.monotonic(), dict[str, float](), 0
        workers = 0 if self.device.type == "cpu" else os.cpu_count() or 1
        bar = tqdm(total=self.config.steps, initial=self.step, desc="training", mininterval=5)
        with bar, Drawing(library, self.config, self.step, workers) as batches:
            for level, batch in batches:
                for name, value in self.learn(batch, level).items():
                    sums[name] = sums.get(name, 0) + value
                counted += 1
                bar.update()
                done = self.step >= self.config.steps
                over = time.monotonic() - begun > seconds or done
                due = judge is not None and (done or self.step % self.config.validate_every == 0)
                if over or due or self.step % every == 0:
                    means = {k: v / counted for k, v in sums.items()}
                    append_row(folder / "losses.csv", self.step, means)
                    if judge is not None and due:
                        judge(self)
                    self.save(folder / "last.pt")
                    sums, counted = {}, 0
                if over:
                    return

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
        with torch.autocast(self.device.type, torch.bfloat16):
            loss, parts = pair_loss(self.network, self.config.loss, batch, level, backbone)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 10)
        self.optimizer.step()
        self.step += 1
        self._average()
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
        unfinished = path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(path)

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
        done = min(self.step / config.steps, 1)
        rate = config.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
        rate *= min((self.step + 1) / config.rise, 1)
        return rate, 0.0 if done < config.frozen else rate * config.backbone_rate

    def _average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            current = self.network.state_dict()
            for name, kept in self.average.state_dict().items():
                _blend(kept, current[name], decay)


def _partly_folded(
    backbone: ResNet18 | EfficientNetLite, kept: Sequence[nn.Module], device: torch.device
) -> nn.Module:
    """A backbone that shares the layers ``kept``; the others are folded, in half precision."""
    folded = deepcopy(backbone, {id(part): part for part in kept})
    for part in chain.from_iterable(folded.parts):
        if part not in kept:
            part.eval()
            fold_batch_norm(part)
            if device.type == "cpu":
                fuse_activations(part)
            part.to(torch.bfloat16)
    return folded


def _blend(kept: Tensor, current: Tensor, decay: float) -> None:
    if kept.is_floating_point():
        kept.lerp_(current, 1 - decay)
    else:
        kept.copy_(current)


def _freeze_statistics(backbone: nn.Module) -> None:
    """Keep a backbone's batch norms as they are; crops in small batches would spoil them."""
    for part in backbone.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eval()
