"""The loop that SiamFC and SiamMT are taught in: it can stop anywhere and go on the same."""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_pipelines.training.backbone.distilling import Teacher
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.pairs import PairBatch, sample_pairs
from mvot_pipelines.training.running import (
    follow,
    mixed_precision,
    rate_at,
    run_steps,
    save_state,
)
from mvot_pipelines.training.siamfc.comparing import compared, places
from mvot_pipelines.training.siamfc.settings import SiamFCSchedule, SiamMTSchedule
from mvot_pipelines.training.siamfc.sizing import size_loss
from mvot_pipelines.training.siamfc.teaching import Retelling, beside, padded
from mvot_plugin.errors import InputError
from mvot_plugin.models.siamfc import CorrelationNet

__all__ = ["Correlating", "drawn_at"]


class Correlating:
    """A network, its moving average and its optimizer, at some step of a schedule.

    Step n draws its batch from a generator seeded by n, so that a run resumed from a checkpoint
    goes on as if it had not been broken off.
    """

    def __init__(
        self,
        network: CorrelationNet,
        config: SiamFCSchedule | SiamMTSchedule,
        device: torch.device,
    ) -> None:
        self.config, self.device, self.step, self.best = config, device, 0, -inf
        self.network = network.to(device=device)
        self.network.to(memory_format=torch.channels_last)
        layers = self.network.backbone.convolutions[: config.frozen]
        self.frozen = nn.ModuleList(part for parts in layers for part in parts)
        self.frozen.requires_grad_(False)
        self.average = deepcopy(self.network).eval().requires_grad_(False)
        self.teacher = Teacher(config.teacher, device) if config.teacher else None
        told = self.teacher.channels[1:] if self.teacher else ()
        self.retelling = Retelling(network.backbone.channels, told).to(device=device)
        learnt = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [*learnt, *self.retelling.parameters()],
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
        judge: Callable[["Correlating"], None] | None = None,
    ) -> None:
        """Learn to the schedule's end or for so many seconds; see ``run_steps``."""
        run_steps(
            self,
            self.config.steps,
            partial(drawn_at, library, self.config),
            self.learn,
            folder,
            seconds=seconds,
            every=every,
            judge_every=self.config.validate_every,
            judge=None if judge is None else partial(judge, self),
        )

    def learn(self, batch: PairBatch) -> dict[str, float]:
        """One step; the losses by name."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.step, steps=config.steps, rise=config.rise, rate=config.rate)
        self.network.train()
        self.frozen.eval()
        with mixed_precision(self.device):
            found = compared(self.network, batch, config.sizes)
        present = torch.as_tensor(batch.positive, device=self.device)
        at = places(self.network).to(self.device)
        loss, parts = config.loss.centred(found.odds, at, found.truth, present.float())
        if config.sizes:
            sized = size_loss(found.alike[present], found.growth[present])
            loss = loss + config.sizing * sized
            parts["sized"] = float(sized.detach())
        if self.teacher is not None:
            taught = self._taught(batch, found.features)
            loss = loss + config.teaching * taught
            parts["taught"] = float(taught.detach())
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5)
        self.optimizer.step()
        self.step += 1
        follow(self.average, self.network, self.step, config.ema)
        return {"loss": float(loss.detach()), **parts}

    def save(self, path: Path) -> None:
        """Write all that ``resume`` needs; the file is replaced in one go."""
        state = {
            "step": self.step,
            "best": self.best,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "retelling": self.retelling.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(state, path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint; raises ``InputError`` for one of another network or teacher."""
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        try:
            self.network.load_state_dict(state["network"])
            self.retelling.load_state_dict(state["retelling"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise InputError(
                f"{path}: was left by a training of another network; choose another --output"
            ) from error
        self.average.load_state_dict(state["average"])
        self.step, self.best = state["step"], state["best"]

    def _taught(self, batch: PairBatch, features: Float[Tensor, "n h w c"]) -> Float[Tensor, ""]:
        """How far the search areas' features are from telling what the teacher sees there."""
        assert self.teacher is not None
        images = torch.as_tensor(batch.searches, device=self.device)
        maps = self.teacher(padded(images))[1:]
        wanted = beside(maps, self.network.backbone.field, features.shape[1])
        with mixed_precision(self.device):
            told: Tensor = self.retelling(features, wanted)
        return told


def drawn_at(library: Library, config: SiamFCSchedule | SiamMTSchedule, step: int) -> PairBatch:
    """The batch of a step."""
    rng, grade = np.random.default_rng([config.seed, step]), config.grade
    return sample_pairs(library, rng, (grade, grade), config.batch, config.mixture)
