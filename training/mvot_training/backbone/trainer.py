"""The trainer of ``mvot-train backbone``."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from mvot_plugin.models.backbones.efficientnet import STAGES
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_training.backbone.config import BackboneTrainingConfig
from mvot_training.backbone.crops import (
    CropBatch,
    sample_step,
    sample_validation_crops,
    select_validation_tiles,
)
from mvot_training.backbone.distillation import EfficientNetTeacher, Student, Teacher
from mvot_training.backbone.images import DistillationImages
from mvot_training.backbone.tracker_teacher import TrackerTeacher
from mvot_training.optimization import mixed_precision
from mvot_training.pretrained import load_backbone
from mvot_training.trainer import Trainer

__all__ = ["BackboneTrainer"]

LABEL = "label"
"""The name of the label loss among the parts of the loss."""
VALIDATION_BATCH = 50
"""Images that are validated on at a time."""
SMOOTHING = 0.1
"""Label smoothing (Szegedy et al., 2016)."""


class BackboneTrainer(Trainer[Student, BackboneTrainingConfig, DistillationImages, CropBatch]):
    """Trains a student on its teacher's maps, and on the labels of tiles.

    ``classes`` are the class names of the tiles. ``backbone`` is the source of the ResNet-18's
    initial weights, see ``load_backbone``. ``held_out`` is validated on. ``provenance``
    holds the training's command line and data, for the record of the weights file.
    """

    METRIC = "loss"
    LOWER_IS_BETTER = True

    def __init__(
        self,
        config: BackboneTrainingConfig,
        classes: Sequence[str],
        device: torch.device,
        *,
        backbone: Path | str | None = None,
        held_out: DistillationImages | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.classes, self.teacher = tuple(classes), _load_teacher(config.teacher, device)
        self.held_out, self.provenance = held_out, provenance or {}
        torch.manual_seed(config.seed)
        student = self.teacher.create_student(config.width, len(classes))
        if backbone is not None:
            load_backbone(student.backbone, "resnet18", backbone)
        super().__init__(student, config, device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    @property
    def weights_name(self) -> str:
        """The name that the teacher gives."""
        return self.teacher.weights_name

    @property
    def identity(self) -> dict[str, Any]:
        """The student's width, its teacher, and the classes of the tiles."""
        config = self.config
        return {"width": config.width, "teacher": config.teacher, "classes": list(self.classes)}

    def sample_batch(self, data: DistillationImages, step: int) -> CropBatch:
        """The batch of a step."""
        return sample_step(data, self.classes, self.config, step)

    def compute_loss(self, batch: CropBatch) -> tuple[Tensor, Mapping[str, float]]:
        """The distillation losses, and the label loss."""
        parts, deepest = self._distil(self.network, batch.images)
        labels = torch.as_tensor(batch.labels, device=self.device)
        is_labelled = np.flatnonzero(batch.labels[:, 0, 0] >= 0)
        if len(is_labelled):
            logits = self.network.logits(deepest[is_labelled], labels.shape[1])
            parts[LABEL] = _label_loss(logits, labels[is_labelled])
        return self._total_loss(parts), {k: float(part.detach()) for k, part in parts.items()}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The moving average's loss and its parts on held-out images; with tiles, their top-1."""
        held_out = self.held_out
        if held_out is None or not (held_out.photos or held_out.videos):
            return {}
        accuracy: dict[str, float] = {}
        batch = sample_validation_crops(held_out, self.config, self.config.validation_crops)
        losses = [self._distil(self.average, part)[0] for part in _split_images(batch.images)]
        parts = {name: torch.stack([one[name] for one in losses]).mean() for name in losses[0]}
        if held_out.tiles.images and self.classes:
            batch = select_validation_tiles(held_out, self.classes, self.config.validation_crops)
            labels = torch.as_tensor(batch.labels, device=self.device)
            logits = torch.cat([self._classify(part) for part in _split_images(batch.images)])
            parts[LABEL] = _label_loss(logits, labels)
            accuracy["top1"] = float((logits.argmax(1) == labels).float().mean())
        metrics = {name: float(value) for name, value in parts.items()}
        return {"loss": float(self._total_loss(parts)), **metrics, **accuracy}

    def export(self, path: Path) -> None:
        """Write the student's weights, in the form that the teacher defines."""
        record = {
            "licence": "Apache-2.0",
            "teacher": self.teacher.source,
            **self.provenance,
            "steps": self.step,
            "validation": self.metrics,
            "training": asdict(self.config),
        }
        self.teacher.save(path, self.average, record)

    def _distil(
        self, student: Student, images: UInt8[np.ndarray, "n s s 3"]
    ) -> tuple[dict[str, Float[Tensor, ""]], Float[Tensor, "n c h w"]]:
        """The distillation losses of a student, by stride; and its deepest map."""
        pixels = self._normalize(images)
        teacher_maps = self.teacher(pixels)
        with mixed_precision(self.device):
            student_maps, deepest = student(pixels)
        return student.distillation_losses(student_maps, teacher_maps), deepest

    def _classify(self, images: UInt8[np.ndarray, "n s s 3"]) -> Float[Tensor, "n classes 1 1"]:
        """The moving average's logits of images."""
        with mixed_precision(self.device):
            _, deepest = self.average(self._normalize(images))
        return self.average.logits(deepest, 1)

    def _normalize(self, images: UInt8[np.ndarray, "n s s 3"]) -> Float[Tensor, "n 3 s s"]:
        pixels = normalize_images(torch.as_tensor(images, device=self.device))
        return pixels.contiguous(memory_format=torch.channels_last)

    def _total_loss(self, parts: Mapping[str, Tensor]) -> Tensor:
        """The sum of the distillation losses and the weighted label loss."""
        weighted = [self.config.label_weight * v if k == LABEL else v for k, v in parts.items()]
        return torch.stack(weighted).sum()


def _load_teacher(name: str, device: torch.device) -> Teacher:
    """A tracker, from its weights file, or an EfficientNet-Lite."""
    if name in STAGES:
        return EfficientNetTeacher(name, device)
    return TrackerTeacher(Path(name), device)


def _label_loss(
    logits: Float[Tensor, "n classes k k"], labels: Int64[Tensor, "n k k"]
) -> Float[Tensor, ""]:
    return F.cross_entropy(logits, labels, ignore_index=-1, label_smoothing=SMOOTHING)


def _split_images(images: UInt8[np.ndarray, "n s s 3"]) -> list[UInt8[np.ndarray, "_ s s 3"]]:
    """The images in batches of about equal size."""
    return np.array_split(images, -(-len(images) // VALIDATION_BATCH))
