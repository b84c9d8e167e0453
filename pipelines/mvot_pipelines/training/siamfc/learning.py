"""What ``mvot-train siamfc`` and ``siammt`` draw and make small, step by step."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_pipelines.training.backbone.distilling import Teacher
from mvot_pipelines.training.library import Library
from mvot_pipelines.training.pairs import PairBatch, sample_pairs
from mvot_pipelines.training.running import mixed_precision
from mvot_pipelines.training.siamfc.comparing import compared, places
from mvot_pipelines.training.siamfc.settings import SiamFCSchedule, SiamMTSchedule
from mvot_pipelines.training.siamfc.sizing import size_loss
from mvot_pipelines.training.siamfc.teaching import Retelling, beside, padded
from mvot_pipelines.training.trainer import Trainer
from mvot_plugin.models.siamfc import CorrelationNet

__all__ = ["Correlating", "drawn_at"]


Schedules = SiamFCSchedule | SiamMTSchedule


class Correlating(Trainer[CorrelationNet, Schedules, Library, PairBatch]):
    """SiamFC's or SiamMT's network in training, and what tells its features to a teacher."""

    def __init__(self, network: CorrelationNet, config: Schedules, device: torch.device) -> None:
        layers = network.backbone.convolutions[: config.frozen]
        self.frozen = nn.ModuleList(part for parts in layers for part in parts)
        self.frozen.requires_grad_(False)
        super().__init__(network, config, device)
        self.teacher = Teacher(config.teacher, device) if config.teacher else None
        told = self.teacher.channels[1:] if self.teacher else ()
        self.retelling = Retelling(network.backbone.channels, told).to(device=device)
        learnt = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [*learnt, *self.retelling.parameters()],
            lr=config.rate,
            weight_decay=config.weight_decay,
        )

    @property
    def parts(self) -> dict[str, Any]:
        """What tells the features to a teacher, too."""
        return {**super().parts, "retelling": self.retelling}

    def draw(self, material: Library, step: int) -> PairBatch:
        """The batch of a step."""
        return drawn_at(material, self.config, step)

    def losses(self, batch: PairBatch) -> tuple[Tensor, Mapping[str, float]]:
        """Those of places, of sizes, and of what the teacher is told."""
        config = self.config
        sizes = config.sizes if isinstance(config, SiamMTSchedule) else ()
        self.frozen.eval()
        with mixed_precision(self.device):
            found = compared(self.network, batch, sizes)
        present = torch.as_tensor(batch.positive, device=self.device)
        at = places(self.network).to(self.device)
        loss, parts = config.loss.centred(found.odds, at, found.truth, present.float())
        if isinstance(config, SiamMTSchedule) and sizes:
            sized = size_loss(found.alike[present], found.growth[present])
            loss = loss + config.sizing * sized
            parts["sized"] = float(sized.detach())
        if self.teacher is not None:
            taught = self._taught(batch, found.features)
            loss = loss + config.teaching * taught
            parts["taught"] = float(taught.detach())
        return loss, parts

    def _taught(self, batch: PairBatch, features: Float[Tensor, "n h w c"]) -> Float[Tensor, ""]:
        """How far the search areas' features are from telling what the teacher sees there."""
        assert self.teacher is not None
        images = torch.as_tensor(batch.searches, device=self.device)
        maps = self.teacher(padded(images))[1:]
        wanted = beside(maps, self.network.backbone.field, features.shape[1])
        with mixed_precision(self.device):
            told: Tensor = self.retelling(features, wanted)
        return told


def drawn_at(library: Library, config: Schedules, step: int) -> PairBatch:
    """The batch of a step."""
    rng, grade = np.random.default_rng([config.seed, step]), config.grade
    return sample_pairs(library, rng, (grade, grade), config.batch, config.mixture)
