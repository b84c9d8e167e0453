"""The trainer of ``mvot-train siamfc`` and ``mvot-train siammt``."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.engines.correlation import SiamFCEngine, SiamMTEngine
from mvot_plugin.models.siamfc.functions import SiamFCFunctions
from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_plugin.weights import save_weights
from mvot_training.backbone.distillation import EfficientNetTeacher
from mvot_training.data.training_data import TrainingData
from mvot_training.losses import score_map_loss
from mvot_training.optimization import mixed_precision
from mvot_training.pairs.batches import PairBatch, sample_pairs
from mvot_training.siamfc.comparison import (
    PairComparison,
    compare_frames,
    compare_images,
    score_map_positions,
)
from mvot_training.siamfc.config import SiamFCTrainingConfig, SiamMTTrainingConfig
from mvot_training.siamfc.distillation import FeatureDistillation, pad_images, sample_teacher_maps
from mvot_training.siamfc.size_loss import size_loss
from mvot_training.trainer import Trainer
from mvot_training.validation import Validation, prepare_copy

__all__ = ["SiamFCTrainer", "sample_step"]

Config: TypeAlias = SiamFCTrainingConfig | SiamMTTrainingConfig


class SiamFCTrainer(Trainer[SiamFCNet, Config, TrainingData, PairBatch]):
    """Trains SiamFC's or SiamMT's network, and the layers of the feature distillation with it.

    ``command`` is the training's command line, for the record of the weights file.
    """

    def __init__(
        self,
        network: SiamFCNet,
        config: Config,
        device: torch.device,
        *,
        validation: Validation | None = None,
        command: str = "",
    ) -> None:
        convolutions = network.backbone.layers_by_convolution[: config.frozen_layers]
        self.frozen = nn.ModuleList(layer for layers in convolutions for layer in layers)
        self.frozen.requires_grad_(False)
        super().__init__(network, config, device)
        self.validation, self.command = validation, command
        self.name = "siammt" if isinstance(config, SiamMTTrainingConfig) else "siamfc"
        self.teacher = EfficientNetTeacher(config.teacher, device) if config.teacher else None
        channels = self.teacher.channels[1:] if self.teacher else ()
        self.distillation = FeatureDistillation(network.backbone.channels, channels).to(device)
        trained = [p for p in self.network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [*trained, *self.distillation.parameters()],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )

    @property
    def weights_name(self) -> str:
        """The engine's name."""
        return f"{self.name}.safetensors"

    @property
    def checkpoint_parts(self) -> dict[str, Any]:
        """Those of every trainer, and the layers of the feature distillation."""
        return {**super().checkpoint_parts, "distillation": self.distillation}

    def sample_batch(self, data: TrainingData, step: int) -> PairBatch:
        """The batch of a step."""
        return sample_step(data, self.config, step)

    def compute_loss(self, batch: PairBatch) -> tuple[Tensor, Mapping[str, float]]:
        """The losses of the score maps, of the sizes (SiamMT), and of the feature distillation."""
        config = self.config
        scales = config.window_scales if isinstance(config, SiamMTTrainingConfig) else ()
        self.frozen.eval()
        with mixed_precision(self.device):
            pairs = self._compare(batch)
        present = torch.as_tensor(batch.positive, device=self.device)
        positions = score_map_positions(self.network).to(self.device)
        loss, parts = score_map_loss(
            config.loss, pairs.log_odds, positions, pairs.ground_truth, present.float()
        )
        if isinstance(config, SiamMTTrainingConfig) and scales:
            size = size_loss(pairs.similarity[present], pairs.growth[present])
            loss = loss + config.size_loss_weight * size
            parts["size"] = float(size.detach())
        if self.teacher is not None:
            distillation = self._distillation_loss(batch, pairs.features)
            loss = loss + config.distillation_weight * distillation
            parts["distillation"] = float(distillation.detach())
        return loss, parts

    def _compare(self, batch: PairBatch) -> PairComparison:
        if isinstance(self.config, SiamMTTrainingConfig):
            return compare_frames(self.network, batch, self.config.window_scales)
        return compare_images(self.network, batch)

    def _distillation_loss(
        self, batch: PairBatch, features: Float[Tensor, "n h w c"]
    ) -> Float[Tensor, ""]:
        """The loss of predicting the teacher's features of the search areas from our own."""
        assert self.teacher is not None
        images = torch.as_tensor(batch.searches, device=self.device)
        maps = self.teacher(pad_images(images))[1:]
        field = self.network.backbone.receptive_field
        sampled = sample_teacher_maps(maps, field, features.shape[1])
        with mixed_precision(self.device):
            loss: Tensor = self.distillation(features, sampled)
        return loss

    def validate(self) -> dict[str, float]:
        """How well the moving average tracks what is held out, see ``Validation.measure``."""
        if self.validation is None or not self.validation.sequences:
            return {}
        network = prepare_copy(SiamFCFunctions(self.average))
        kind = SiamMTEngine if self.name == "siammt" else SiamFCEngine
        return self.validation.measure(kind(network=network, batch=16, trained=True))

    def export(self, path: Path) -> None:
        """Write the moving average as weights of SiamFC or SiamMT."""
        record = {
            "licence": "Apache-2.0",
            "command": self.command,
            "steps": self.step,
            "validation": self.best if self.best >= 0 else None,
            "training": asdict(self.config),
        }
        save_weights(path, self.average, self.name, self.average.config, record)


def sample_step(data: TrainingData, config: Config, step: int) -> PairBatch:
    """The batch of a step."""
    rng, geometry = np.random.default_rng([config.seed, step]), config.geometry
    return sample_pairs(data, rng, (geometry, geometry), config.batch, config.sampling)
