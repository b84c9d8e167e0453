"""The trainer of ``mvot-train light``."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.models.light.config import COARSEST_STRIDE, IMAGE_STRIDE
from mvot_plugin.models.light.functions import LightFunctions
from mvot_plugin.models.light.network import LightNet
from mvot_plugin.ops.geometry import FIRST_CELL
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.weights import save_weights
from mvot_training.data.training_data import TrainingData
from mvot_training.light.config import LightTrainingConfig
from mvot_training.light.losses import Truth, feature_loss, pair_losses
from mvot_training.light.teacher import NanoTrackTeacher
from mvot_training.pairs.augmentation import SEARCH_PER_EXEMPLAR
from mvot_training.pairs.batches import PairBatch, PairGeometry, sample_pairs
from mvot_training.trainer import Trainer
from mvot_training.validation import Validation, prepare_copy

__all__ = ["LightTrainer", "Student", "pair_geometries"]

EXEMPLAR_MARGIN = 4
"""Bins of an exemplar's image around the exemplar area, which its features depend on."""


class Student(nn.Module):
    """The network, and the layers that map its features to the teacher's."""

    def __init__(self, network: LightNet, channels: int) -> None:
        super().__init__()
        self.network = network
        self.adapter = nn.Linear(network.config.width, channels)
        self.norm = nn.BatchNorm2d(channels, affine=False)


class LightTrainer(Trainer[Student, LightTrainingConfig, TrainingData, PairBatch]):
    """Trains the light network on pairs of images, with a teacher that sees the same crops."""

    SAMPLERS = 1

    def __init__(
        self,
        student: Student,
        config: LightTrainingConfig,
        teacher: NanoTrackTeacher,
        *,
        validation: Validation | None = None,
        record: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(student, config, teacher.device)
        self.teacher, self.validation, self.record = teacher, validation, record or {}
        backbone = list(self.network.network.backbone.parameters())
        excluded = {id(p) for p in backbone}
        if self.network.network.inertia is not None:
            excluded |= {id(p) for p in self.network.network.inertia.parameters()}
        others = [p for p in self.network.parameters() if id(p) not in excluded]
        self.optimizer = torch.optim.AdamW(
            [{"params": others}, {"params": backbone}],
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )

    @property
    def weights_name(self) -> str:
        """That of the engine."""
        return "siammotion-n.safetensors"

    def sample_batch(self, data: TrainingData, step: int) -> PairBatch:
        """The batch of a step."""
        rng = np.random.default_rng([self.config.seed, step])
        geometries = pair_geometries(self.network.network)
        return sample_pairs(data, rng, geometries, self.config.batch, self.config.sampling)

    def compute_loss(self, batch: PairBatch) -> tuple[Tensor, Mapping[str, float]]:
        """The losses of ``pair_losses`` and of the features, with batch norms in training."""
        student, network = self.network, self.network.network
        parts = batch.exemplars, batch.searches
        images = [torch.as_tensor(part, device=self.device) for part in parts]
        lesson = self.teacher.teach(*images)
        side = self.config.image_sides[self.step % len(self.config.image_sides)]
        shape = network.config
        kept = self._see(images[0], side, EXEMPLAR_MARGIN // 2, shape.exemplar_kept)
        searches = self._see(images[1], side, 0, shape.search_bins)
        answers = network.answer(network.enroll(kept), searches)
        truth = self._truth(batch)
        losses = pair_losses(self.config.loss, answers, lesson, truth, network.places)
        if self.config.loss.features:
            taught = ((kept, lesson.exemplars), (searches, lesson.searches))
            distances = [feature_loss(student.adapter, student.norm, *pair) for pair in taught]
            losses["features"] = self.config.loss.features * torch.stack(distances).sum()
        total = torch.stack(list(losses.values())).sum()
        return total, {name: float(loss.detach()) for name, loss in losses.items()}

    def learning_rates(self) -> Sequence[float]:
        """The learning rates of the head and of the backbone."""
        (rate,) = super().learning_rates()
        return [rate, rate * self.config.backbone_rate_factor]

    def validate(self) -> dict[str, float]:
        """The moving average's ``Validation.measure``; none without held-out sequences."""
        if self.validation is None or not self.validation.sequences:
            return {}
        functions = LightFunctions(deepcopy(self.average.network))
        engine = SiamMotionEngine.from_network(prepare_copy(functions))
        return self.validation.measure(engine)

    def export(self, path: Path) -> None:
        """Write the moving average as a weights file."""
        record = {
            "licence": "Apache-2.0",
            **self.record,
            "steps": self.step,
            "validation": self.metrics,
            "training": asdict(self.config),
        }
        network = self.average.network
        save_weights(path, network, "siammotion-n", network.config, record)

    def _see(
        self, images: UInt8[Tensor, "n h h 3"], side: int, first: int, bins: int
    ) -> Float[Tensor, "n bins bins c"]:
        """The network's features of ``bins`` x ``bins`` bins of images, from bin ``first`` on.

        The images have the teacher's resolution; the network sees a search area in ``side`` pixels.
        Its cells are cropped and resized to bins, as the engine does it.
        """
        config = self.network.network.config
        zoom = side / config.canonical_side
        pixels = round(images.shape[1] * zoom)
        reduced = F.interpolate(
            normalize_images(images), (pixels, pixels), mode="bilinear", antialias=True
        )
        beyond = -pixels % COARSEST_STRIDE
        padded = F.pad(reduced, (0, beyond, 0, beyond))
        maps = self.network.network.backbone(padded.contiguous(memory_format=torch.channels_last))
        middles = (torch.arange(bins) + first) * config.stride + config.canonical_side / 2
        middles = middles + config.cell_offset - config.search_bins // 2 * config.stride
        places = (middles * zoom - FIRST_CELL) / IMAGE_STRIDE
        line = ((2 * places + 1) / maps.shape[2] - 1).to(self.device)
        y, x = torch.meshgrid(line, line, indexing="ij")
        grid = torch.stack([x, y], dim=-1).expand(len(maps), -1, -1, -1)
        crops = F.grid_sample(maps, grid, padding_mode="border", align_corners=False)
        return crops.permute(0, 2, 3, 1)

    def _truth(self, batch: PairBatch) -> Truth:
        """The ground truth, from the middle of the search images on."""
        middle = batch.searches.shape[1] / 2
        return Truth(
            boxes=torch.as_tensor(batch.boxes - np.float32(middle), device=self.device),
            visible=torch.as_tensor(batch.positive, device=self.device),
            labelled=torch.as_tensor(batch.labelled, device=self.device),
        )


def pair_geometries(network: LightNet) -> tuple[PairGeometry, PairGeometry]:
    """The sizes of exemplar and search images: a bin of each is ``stride`` pixels."""
    config = network.config
    area = float(config.exemplar_kept * config.stride) * SEARCH_PER_EXEMPLAR
    geometry = PairGeometry(
        search_size=config.canonical_side,
        exemplar_size=(config.exemplar_kept + EXEMPLAR_MARGIN) * config.stride,
        min_side=area,
        max_side=area,
    )
    return geometry, geometry
