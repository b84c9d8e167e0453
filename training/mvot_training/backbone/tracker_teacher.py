"""A trained tracker as a teacher: the pyramid of a SiamMOTION network is distilled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.errors import InputError
from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.backbones.resnet import ResNet18
from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.weights import load_parameters, read_weights, save_weights
from mvot_training.backbone.distillation import Student, fold_backbone
from mvot_training.optimization import native_dtype

__all__ = ["TrackerTeacher"]

STUDENT_PREFIXES = ("backbone.", "neck.lateral.")
"""The tensors that a student does not take over: it has another backbone, and its laterals."""


class TrackerTeacher:
    """A trained SiamMOTION network, whose maps are those of its pyramid.

    A ResNet-18 that is trained to the same pyramid can take over all layers after it, and track: of
    a student, a whole network is saved.
    """

    weights_name = "siammotion.safetensors"
    exact = True
    strides: tuple[int, ...] = STRIDES

    def __init__(self, path: Path, device: torch.device) -> None:
        values, self.tensors = read_weights(path, "siammotion")
        self.source = path.name
        network = SiamMotionNet(SiamMotionConfig.from_dict(values))
        if not isinstance(network.neck, FeaturePyramid):
            raise InputError(f"{path}: its network has no pyramid to distil; use one that has")
        load_parameters(network, self.tensors, path)
        self.config = network.config
        self.channels: tuple[int, ...] = (self.config.width,) * len(STRIDES)
        self.dtype = native_dtype(device)
        self.backbone = fold_backbone(network.backbone, device, self.dtype)
        self.pyramid = _Pyramid(network.neck).to(device=device, dtype=self.dtype)

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """The pyramid's maps of strides 2, 4, 8 and 16."""
        with torch.no_grad():
            maps: list[Tensor] = self.pyramid(self.backbone(pixels.to(self.dtype)))
        return maps

    def create_student(self, width: int, classes: int) -> Student:
        """A ResNet-18, and the teacher's pyramid but for the laterals."""
        network = self._create_network(width)
        assert isinstance(network.backbone, ResNet18)
        assert isinstance(network.neck, FeaturePyramid)
        return Student(network.backbone, _Pyramid(network.neck), self, classes)

    def save(self, path: Path, student: Student, record: Mapping[str, Any]) -> None:
        """Write a whole network: a student's backbone and pyramid, the rest from the teacher."""
        network = self._create_network(student.backbone.channels[0])
        assert isinstance(student.projection, _Pyramid)
        network.backbone, network.neck = student.backbone, student.projection.neck
        save_weights(path, network, "siammotion", network.config, record)

    def _create_network(self, width: int) -> SiamMotionNet:
        """A network like the teacher, but with an untrained ResNet-18 and untrained laterals."""
        config = replace(self.config, backbone="resnet18", backbone_width=width)
        network = SiamMotionNet(config)
        shared = {k: v for k, v in self.tensors.items() if not k.startswith(STUDENT_PREFIXES)}
        network.load_state_dict({**network.state_dict(), **shared})
        return network


class _Pyramid(nn.Module):
    """The maps of a pyramid, channels first; the finest, which is costly, at every second cell.

    There the level above needs no upsampling; the 3 x 3 convolution of the finest is left out.
    """

    def __init__(self, neck: FeaturePyramid) -> None:
        super().__init__()
        self.neck = neck

    def forward(self, maps: Sequence[Float[Tensor, "n _ _ _"]]) -> list[Float[Tensor, "n _ _ _"]]:
        maps = [each.permute(0, 2, 3, 1) for each in maps]
        merged = self.neck.merge(maps, 1)
        finest = (self.neck.lateral[0](maps[0][:, ::2, ::2]) + merged[0]) / 2
        smoothed = zip(list(self.neck.smooth)[1:], merged, strict=True)
        first = finest.permute(0, 3, 1, 2)
        return [first, *(smooth(each.permute(0, 3, 1, 2)) for smooth, each in smoothed)]
