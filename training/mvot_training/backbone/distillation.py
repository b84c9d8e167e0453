"""Distillation: a student learns a teacher's feature maps (FitNets, Romero et al., 2015)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.backbones.efficientnet import EfficientNetLite
from mvot_plugin.models.backbones.resnet import ResNet18
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.weights import save_weights
from mvot_training.optimization import native_dtype
from mvot_training.pretrained import BACKBONE, load_pretrained, package_name

__all__ = ["EfficientNetTeacher", "Student", "Teacher", "fold_backbone"]


@runtime_checkable
class Teacher(Protocol):
    """A trained network whose feature maps a student learns.

    ``source`` names it in the record of the student's weights. The maps have these ``strides`` and
    ``channels``. Where ``exact``, the student is to compute the maps themselves, or else the maps
    with their channels normalised. ``weights_name`` is the file that the student is saved as.
    """

    source: str
    exact: bool
    strides: tuple[int, ...]
    channels: tuple[int, ...]
    weights_name: str

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """The teacher's maps, one for each stride."""

    def create_student(self, width: int, classes: int) -> "Student":
        """An untrained ResNet-18 of this width, and the layers from its maps to the teacher's."""

    def save(self, path: Path, student: "Student", record: Mapping[str, Any]) -> None:
        """Write a weights file of the student: a backbone, or a whole network."""


class EfficientNetTeacher:
    """An EfficientNet-Lite with ImageNet's weights, folded to be fast.

    Its maps are those of strides 4, 8 and 16; of a student, the backbone is saved.
    """

    weights_name = "backbone.safetensors"
    exact = False
    strides: tuple[int, ...] = STRIDES[1:]

    def __init__(self, name: str, device: torch.device) -> None:
        network = load_pretrained(name)
        self.source = f"{package_name(name)} (ImageNet, Apache-2.0)"
        self.channels: tuple[int, ...] = network.channels[1:]
        self.dtype = native_dtype(device)
        self.network = fold_backbone(network, device, self.dtype)

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """The maps of strides 4, 8 and 16."""
        with torch.no_grad():
            maps: list[Tensor] = self.network(pixels.to(self.dtype))
        return maps[1:]

    def create_student(self, width: int, classes: int) -> "Student":
        """A ResNet-18, with 1 x 1 convolutions from its maps to the teacher's."""
        backbone = ResNet18(width)
        return Student(backbone, _Adapters(backbone.channels[1:], self.channels), self, classes)

    def save(self, path: Path, student: "Student", record: Mapping[str, Any]) -> None:
        """Write a student's backbone."""
        config = {"backbone": "resnet18", "width": student.backbone.channels[0]}
        save_weights(path, student.backbone, BACKBONE, config, record)


class Student(nn.Module):
    """A ResNet-18, a ``projection`` of its maps to the teacher's, and a classifier.

    Maps are compared with their channels normalised to mean 0 and variance 1. The classifier is a
    linear layer on the mean of the map of stride 16.
    """

    def __init__(
        self, backbone: ResNet18, projection: nn.Module, teacher: Teacher, classes: int
    ) -> None:
        super().__init__()
        self.backbone, self.projection = backbone, projection
        self.strides, self.exact = teacher.strides, teacher.exact
        self.norms = nn.ModuleList(nn.BatchNorm2d(n, affine=False) for n in teacher.channels)
        self.classifier = nn.Linear(backbone.channels[-1], classes) if classes else None

    def forward(
        self, pixels: Float[Tensor, "n 3 h w"]
    ) -> tuple[list[Float[Tensor, "n _ _ _"]], Float[Tensor, "n c h16 w16"]]:
        """The projected maps, to be compared with the teacher's; the backbone's of stride 16."""
        maps = self.backbone(pixels)
        return self.projection(maps), maps[-1]

    def distillation_losses(
        self,
        student_maps: Sequence[Float[Tensor, "n _ _ _"]],
        teacher_maps: Sequence[Float[Tensor, "n _ _ _"]],
    ) -> dict[str, Float[Tensor, ""]]:
        """The losses of the projected maps, by stride.

        Each is the sum of the smooth L1 distance and, at each position, 1 - the cosine of the
        channels; trained together, both get smaller than when trained alone.
        """
        losses = {}
        rows = zip(self.strides, student_maps, teacher_maps, self.norms, strict=True)
        for stride, student_map, teacher_map, norm in rows:
            predicted, target = student_map.float(), norm(teacher_map.float())
            if self.exact:
                assert isinstance(norm, nn.BatchNorm2d)
                mean, variance = norm.running_mean, norm.running_var
                maps = (predicted, teacher_map.float())
                predicted, target = (F.batch_norm(x, mean, variance) for x in maps)
            cosine = 1 - F.cosine_similarity(predicted, target, dim=1).mean()
            losses[f"stride {stride}"] = F.smooth_l1_loss(predicted, target) + cosine
        return losses

    def logits(
        self, deepest: Float[Tensor, "n c h16 w16"], cells: int
    ) -> Float[Tensor, "n classes cells cells"]:
        """The classes' logits on ``cells`` x ``cells`` squares of the map of stride 16."""
        assert self.classifier is not None
        means = F.adaptive_avg_pool2d(deepest.float(), cells).permute(0, 2, 3, 1)
        logits: Tensor = self.classifier(means)
        return logits.float().permute(0, 3, 1, 2)


def fold_backbone(
    backbone: ResNet18 | EfficientNetLite, device: torch.device, dtype: torch.dtype
) -> ResNet18 | EfficientNetLite:
    """Make a backbone fast for inference in a precision, in place; it can no longer be trained."""
    backbone.eval().requires_grad_(False)
    fold_batch_norm(backbone)
    backbone.to(device=device, dtype=dtype)
    backbone.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        fuse_activations(backbone)
    return backbone


class _Adapters(nn.ModuleList):
    """A 1 x 1 convolution for each map but the finest."""

    def __init__(self, student_channels: Sequence[int], teacher_channels: Sequence[int]) -> None:
        pairs = zip(student_channels, teacher_channels, strict=True)
        super().__init__(nn.Conv2d(inputs, outputs, 1) for inputs, outputs in pairs)

    def forward(self, maps: Sequence[Float[Tensor, "n _ _ _"]]) -> list[Float[Tensor, "n _ _ _"]]:
        return [adapter(features) for adapter, features in zip(self, maps[1:], strict=True)]
