"""What ``mvot-train backbone`` draws and makes small, step by step."""

from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from mvot_pipelines.training.backbone.crops import CropBatch, crops_of, drawn_at, tiles_of
from mvot_pipelines.training.backbone.distilling import Pupil, Teacher, Teaching
from mvot_pipelines.training.backbone.imitating import Tracker
from mvot_pipelines.training.backbone.material import Material
from mvot_pipelines.training.backbone.settings import BackboneConfig
from mvot_pipelines.training.imagenet import load_backbone
from mvot_pipelines.training.running import mixed_precision
from mvot_pipelines.training.trainer import Trainer
from mvot_plugin.models.efficientnet import STAGES
from mvot_plugin.ops.pixels import normalised

__all__ = ["Distilling"]

LABEL = "label"
AT_ONCE = 50
"""Images that are judged at once."""
SMOOTHING = 0.1
"""Of the labels (Szegedy et al., 2016)."""


class Distilling(Trainer[Pupil, BackboneConfig, Material, CropBatch]):
    """A pupil in training.

    ``classes`` are what tiles may show. ``backbone`` is where the ResNet-18's first weights come
    from, see ``load_backbone``.
    """

    WORST = inf

    def __init__(
        self,
        config: BackboneConfig,
        classes: Sequence[str],
        device: torch.device,
        backbone: Path | str | None = None,
    ) -> None:
        self.classes, self.teacher = tuple(classes), _teacher(config.teacher, device)
        torch.manual_seed(config.seed)
        pupil = self.teacher.pupil(config.width, len(classes))
        if backbone is not None:
            load_backbone(pupil.backbone, "resnet18", backbone)
        super().__init__(pupil, config, device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=config.rate, weight_decay=config.weight_decay
        )

    @property
    def made(self) -> dict[str, Any]:
        """What a checkpoint must share."""
        config = self.config
        return {"width": config.width, "teacher": config.teacher, "classes": list(self.classes)}

    def draw(self, material: Material, step: int) -> CropBatch:
        """The batch of a step."""
        return drawn_at(material, self.classes, self.config, step)

    def losses(self, batch: CropBatch) -> tuple[Tensor, Mapping[str, float]]:
        """The strides' distances from the teacher, and the labels' loss."""
        parts, deepest = self._compared(self.network, batch.images)
        labels = torch.as_tensor(batch.labels, device=self.device)
        tiled = np.flatnonzero(batch.labels[:, 0, 0] >= 0)
        if len(tiled):
            logits = self.network.logits(deepest[tiled], labels.shape[1])
            parts[LABEL] = _label_loss(logits, labels[tiled])
        return self._total(parts), {name: float(part.detach()) for name, part in parts.items()}

    @torch.no_grad()
    def judge(self, held_out: Material) -> dict[str, float]:
        """The moving average's ``loss`` on pictures and its parts; with tiles, their ``top1``."""
        right: dict[str, float] = {}
        batch = crops_of(held_out, self.config, self.config.judged)
        found = [self._compared(self.average, some)[0] for some in _split(batch.images)]
        parts = {name: torch.stack([one[name] for one in found]).mean() for name in found[0]}
        if held_out.tiles.images and self.classes:
            batch = tiles_of(held_out, self.classes, self.config.judged)
            labels = torch.as_tensor(batch.labels, device=self.device)
            logits = torch.cat([self._logits(some) for some in _split(batch.images)])
            parts[LABEL] = _label_loss(logits, labels)
            right["top1"] = float((logits.argmax(1) == labels).float().mean())
        losses = {name: float(value) for name, value in parts.items()}
        return {"loss": float(self._total(parts)), **losses, **right}

    def _compared(
        self, pupil: Pupil, images: UInt8[np.ndarray, "n s s 3"]
    ) -> tuple[dict[str, Float[Tensor, ""]], Float[Tensor, "n c h w"]]:
        """How far a pupil's maps are from the teacher's, by stride; and its deepest map."""
        pixels = self._pixels(images)
        theirs = self.teacher(pixels)
        with mixed_precision(self.device):
            adapted, deepest = pupil(pixels)
        return pupil.distances(adapted, theirs), deepest

    def _logits(self, images: UInt8[np.ndarray, "n s s 3"]) -> Float[Tensor, "n classes 1 1"]:
        """What the moving average takes images to show."""
        with mixed_precision(self.device):
            _, deepest = self.average(self._pixels(images))
        return self.average.logits(deepest, 1)

    def _pixels(self, images: UInt8[np.ndarray, "n s s 3"]) -> Float[Tensor, "n 3 s s"]:
        pixels = normalised(torch.as_tensor(images, device=self.device))
        return pixels.contiguous(memory_format=torch.channels_last)

    def _total(self, parts: Mapping[str, Tensor]) -> Tensor:
        """What is made small: the strides' distances, and the labels' loss by its weight."""
        weighted = [self.config.labels * v if k == LABEL else v for k, v in parts.items()]
        return torch.stack(weighted).sum()


def _teacher(name: str, device: torch.device) -> Teaching:
    """A tracker, from its weights file, or an EfficientNet-Lite."""
    return Teacher(name, device) if name in STAGES else Tracker(Path(name), device)


def _label_loss(
    logits: Float[Tensor, "n classes k k"], labels: Int64[Tensor, "n k k"]
) -> Float[Tensor, ""]:
    return F.cross_entropy(logits, labels, ignore_index=-1, label_smoothing=SMOOTHING)


def _split(images: UInt8[np.ndarray, "n s s 3"]) -> list[UInt8[np.ndarray, "_ s s 3"]]:
    """The images in parts, about as large each."""
    return np.array_split(images, -(-len(images) // AT_ONCE))
