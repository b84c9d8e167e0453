"""The trainer of ``mvot-train siammotion``."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.models.backbones.efficientnet import EfficientNetLite
from mvot_plugin.models.backbones.resnet import ResNet18
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_functions import SiamMotionFunctions
from mvot_plugin.weights import save_weights
from mvot_training.data.training_data import TrainingData
from mvot_training.losses import pair_loss
from mvot_training.optimization import learning_rate_at, mixed_precision, native_dtype
from mvot_training.pairs.batches import PairBatch, sample_batch
from mvot_training.siammotion.config import SiamMotionTrainingConfig
from mvot_training.trainer import Trainer
from mvot_training.validation import Validation, prepare_copy

__all__ = ["SiamMotionTrainer", "sample_step"]


class SiamMotionTrainer(
    Trainer[SiamMotionNet, SiamMotionTrainingConfig, TrainingData, tuple[int, PairBatch]]
):
    """Trains SiamMOTION's network; a batch comes with the pyramid level that its pairs are for."""

    MAX_GRADIENT_NORM = 10.0

    def __init__(
        self,
        network: SiamMotionNet,
        config: SiamMotionTrainingConfig,
        device: torch.device,
        *,
        validation: Validation | None = None,
    ) -> None:
        network.backbone.requires_grad_(False)
        super().__init__(network, config, device)
        self.validation = validation
        backbone = list(self.network.backbone.parameters())
        self.trained_layers = list(
            chain.from_iterable(self.network.backbone.layers_by_level[-config.thawed_levels :])
        )
        self.trained_parameters = [p for layer in self.trained_layers for p in layer.parameters()]
        self._folded_backbones: dict[bool, nn.Module] = {}
        inertia = [] if self.network.inertia is None else list(self.network.inertia.parameters())
        excluded = {id(p) for p in (*backbone, *inertia)}
        others = [p for p in self.network.parameters() if id(p) not in excluded]
        self.optimizer = torch.optim.AdamW(
            [{"params": others}, {"params": self.trained_parameters}],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )

    @property
    def weights_name(self) -> str:
        """That of the engine."""
        return "siammotion.safetensors"

    def sample_batch(self, data: TrainingData, step: int) -> tuple[int, PairBatch]:
        """The pyramid level and the batch of a step."""
        return sample_step(data, self.config, step)

    def compute_loss(self, batch: tuple[int, PairBatch]) -> tuple[Tensor, Mapping[str, float]]:
        """The loss of ``pair_loss``, with the layers that do not train folded."""
        level, pairs = batch
        trains_backbone = self.learning_rates()[1] > 0
        _freeze_batch_norm(self.network.backbone)
        for parameter in self.trained_parameters:
            parameter.requires_grad_(trains_backbone)
        if trains_backbone not in self._folded_backbones:
            trained = self.trained_layers if trains_backbone else []
            folded = _fold_frozen_layers(self.network.backbone, trained, self.device)
            self._folded_backbones[trains_backbone] = folded
        backbone = self._folded_backbones[trains_backbone]
        with mixed_precision(self.device):
            return pair_loss(self.network, self.config.loss, pairs, level, backbone)

    def learning_rates(self) -> tuple[float, float]:
        """The learning rates of all but the backbone, and of the backbone."""
        config = self.config
        rate = learning_rate_at(
            self.step,
            steps=config.steps,
            warmup_steps=config.warmup_steps,
            learning_rate=config.learning_rate,
        )
        is_frozen = min(self.step / config.steps, 1) < config.frozen_fraction
        return rate, 0.0 if is_frozen else rate * config.backbone_rate_factor

    def validate(self) -> dict[str, float]:
        """How well the moving average tracks what is held out, see ``Validation.measure``."""
        if self.validation is None or not self.validation.sequences:
            return {}
        network = prepare_copy(SiamMotionFunctions(self.average))
        engine = SiamMotionEngine.from_network(network, trained=True)
        return self.validation.measure(engine)

    def export(self, path: Path) -> None:
        """Write the moving average as weights of SiamMOTION."""
        record = {
            "licence": "Apache-2.0",
            "steps": self.step,
            "validation": self.best if self.best >= 0 else None,
            "training": asdict(self.config),
        }
        save_weights(path, self.average, "siammotion", self.average.config, record)


def sample_step(
    data: TrainingData, config: SiamMotionTrainingConfig, step: int
) -> tuple[int, PairBatch]:
    """The pyramid level and the batch of a step."""
    rng = np.random.default_rng([config.seed, step])
    shares = np.array(config.level_shares) / sum(config.level_shares)
    level = 1 + int(rng.choice(len(config.level_shares), p=shares))
    count = config.batch if level < 3 else config.batch // 2
    other = int(np.clip(level + rng.choice([-1, 1]), 1, len(config.level_shares)))
    exemplar_level = other if rng.random() < config.cross_level_share else level
    return level, sample_batch(data, rng, level, count, config.sampling, exemplar_level)


def _fold_frozen_layers(
    backbone: ResNet18 | EfficientNetLite, trained: Sequence[nn.Module], device: torch.device
) -> nn.Module:
    """A faster backbone that shares the ``trained`` layers; copies of the others are folded."""
    folded = deepcopy(backbone, {id(layer): layer for layer in trained})
    for layer in chain.from_iterable(folded.layers_by_level):
        if layer not in trained:
            layer.eval()
            fold_batch_norm(layer)
            layer.to(native_dtype(device))
            if device.type == "cpu":
                fuse_activations(layer)
    return folded


def _freeze_batch_norm(backbone: nn.Module) -> None:
    """Keep the statistics of a backbone's batch norms; crops in small batches would spoil them."""
    for layer in backbone.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.eval()
