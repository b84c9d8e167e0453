"""What ``mvot-train siammotion`` draws and makes small, step by step."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from mvot_pipelines.training.library import Library
from mvot_pipelines.training.losses import pair_loss
from mvot_pipelines.training.pairs import PairBatch, sample_batch
from mvot_pipelines.training.running import mixed_precision, native_dtype, rate_at
from mvot_pipelines.training.settings import TrainingConfig
from mvot_pipelines.training.trainer import Trainer
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.resnet import ResNet18
from mvot_plugin.models.siammotion import SiamMotionNet

__all__ = ["Training", "drawn_at"]


class Training(Trainer[SiamMotionNet, TrainingConfig, Library, tuple[int, PairBatch]]):
    """SiamMOTION's network in training; a batch is of one pyramid level, which is given with it."""

    LONGEST = 10.0

    def __init__(
        self, network: SiamMotionNet, config: TrainingConfig, device: torch.device
    ) -> None:
        network.backbone.requires_grad_(False)
        super().__init__(network, config, device)
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

    def draw(self, material: Library, step: int) -> tuple[int, PairBatch]:
        """The pyramid level and the batch of a step."""
        return drawn_at(material, self.config, step)

    def losses(self, batch: tuple[int, PairBatch]) -> tuple[Tensor, Mapping[str, float]]:
        """Those of ``pair_loss``."""
        level, pairs = batch
        learning = self.rates()[1] > 0
        _freeze_statistics(self.network.backbone)
        for parameter in self.thawed:
            parameter.requires_grad_(learning)
        if learning not in self._backbones:
            deep = self.deep if learning else []
            self._backbones[learning] = _partly_folded(self.network.backbone, deep, self.device)
        with mixed_precision(self.device):
            return pair_loss(
                self.network, self.config.loss, pairs, level, self._backbones[learning]
            )

    def rates(self) -> tuple[float, float]:
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
