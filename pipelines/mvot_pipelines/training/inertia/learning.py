"""The loop that inertia learns in: it can stop anywhere and go on to the same result."""

import csv
import math
import time
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from mvot_pipelines.training.inertia.figures import judge, overlaps, rollout
from mvot_pipelines.training.inertia.material import Material
from mvot_pipelines.training.inertia.settings import InertiaConfig
from mvot_pipelines.training.inertia.windows import Windows
from mvot_pipelines.training.running import rate_at, save_state
from mvot_plugin.errors import UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.ops.anchors import encode_boxes

__all__ = ["InertiaTraining", "inertia_loss"]

LINEAR_FROM = 0.02
"""Differences, in sides, from which on the loss is linear: motion has rare, large leaps."""


def inertia_loss(
    inertia: Inertia,
    seen: Float[Tensor, "n known 4"],
    true: Float[Tensor, "n ahead 4"],
    weight: float,
) -> Float[Tensor, ""]:
    """What predictions in a row lack: the first's loss, and ``weight`` times the later ones' mean.

    Of each box, a smooth L1 of its difference from the true one (Eq. 2), and what is missing to an
    IoU of 1.
    """
    boxes = rollout(inertia, seen, true.shape[1])
    off = encode_boxes(boxes, true)
    apart = F.smooth_l1_loss(off, torch.zeros_like(off), beta=LINEAR_FROM, reduction="none")
    lacking = (apart.sum(2) + 1 - overlaps(boxes, true)).mean(0)
    later = lacking[1:].mean() if len(lacking) > 1 else lacking.new_zeros(())
    return lacking[0] + weight * later


class InertiaTraining:
    """An inertia module and its optimizer at some step of a schedule, and the best one so far.

    Step n draws its batch from a generator seeded by n, and all that counts is in the checkpoint,
    so that a run that goes on does as if it had not been broken off. ``origin`` names what it
    started from; another's checkpoint is refused.
    """

    def __init__(
        self,
        inertia: Inertia,
        config: InertiaConfig,
        material: Material,
        held_out: Mapping[str, Windows],
        origin: str = "",
    ) -> None:
        self.inertia, self.config, self.origin = inertia, config, origin
        self.material, self.held_out = material, held_out
        self.optimizer = torch.optim.AdamW(
            inertia.parameters(), lr=config.rate, weight_decay=config.weight_decay
        )
        self.step, self.summed = 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.quality = -math.inf
        self._look()

    def run(self, folder: Path, *, seconds: float) -> None:
        """Learn to the schedule's end or for so many seconds; ``inertia.pt`` is left in ``folder``.

        So is ``inertia.csv``, the losses and the held-out figures by step.
        """
        begun = time.monotonic()
        bar = tqdm(total=self.config.steps, initial=self.step, desc="training", mininterval=5)
        with bar:
            while self.step < self.config.steps:
                self.learn()
                bar.update()
                due = self.step % self.config.every == 0 or self.step == self.config.steps
                if due:
                    self._look()
                over = time.monotonic() - begun > seconds
                if due or over:
                    self.save(folder)
                if over:
                    return

    def learn(self) -> float:
        """One step; its loss."""
        config = self.config
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.step, steps=config.steps, rise=config.rise, rate=config.rate)
        batch = self.material.draw(np.random.default_rng([config.seed, self.step]), config)
        known = self.inertia.known
        seen, true = torch.from_numpy(batch.seen), torch.from_numpy(batch.true[:, known:])
        loss = inertia_loss(self.inertia, seen, true, config.rollout)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.inertia.parameters(), 1)
        self.optimizer.step()
        self.step += 1
        self.summed += float(loss.detach())
        return float(loss.detach())

    def save(self, folder: Path) -> None:
        """Write the curve, and all that ``resume`` needs; files are replaced in one go."""
        state = {
            "origin": self.origin,
            "step": self.step,
            "summed": self.summed,
            "inertia": self.inertia.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "best": self.best,
            "quality": self.quality,
            "curve": self.curve,
        }
        save_state(state, folder / "inertia.pt")
        with (folder / "inertia.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, self.curve[0])
            writer.writeheader()
            writer.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in self.curve)

    def resume(self, folder: Path) -> None:
        """Go on from the checkpoint in ``folder``; raises ``UsageError`` if it is another run's."""
        state: dict[str, Any] = torch.load(folder / "inertia.pt", weights_only=True)
        if state["origin"] != self.origin:
            raise UsageError(
                f"{folder} holds a training of other weights, data or settings; "
                "give another --output, or remove its inertia.pt"
            )
        self.step, self.summed = state["step"], state["summed"]
        self.inertia.load_state_dict(state["inertia"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best, self.quality = state["best"], state["quality"]
        self.curve = state["curve"]

    def _look(self) -> None:
        """Measure on what is held out, and keep the weights if they are the best so far."""
        found = {kind: judge(self.inertia, w) for kind, w in self.held_out.items() if len(w)}
        quality = sum(f.overlap + f.overlap_ahead for f in found.values()) / (2 * len(found))
        since = self.step % self.config.every or self.config.every
        row = {
            "step": self.step,
            "loss": self.summed / since if self.step else math.nan,
            "quality": quality,
        }
        for kind, figures in found.items():
            row |= {f"{kind} {name}": value for name, value in vars(figures).items()}
        self.curve.append(row)
        self.summed = 0.0
        if quality > self.quality:
            self.quality, self.best = quality, deepcopy(self.inertia.state_dict())
