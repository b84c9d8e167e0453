"""A tracker that a pupil is to imitate: the pyramid of a trained SiamMOTION network."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_pipelines.training.backbone.distilling import Pupil, folded
from mvot_pipelines.training.running import native_dtype
from mvot_plugin.errors import InputError
from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.resnet import ResNet18
from mvot_plugin.models.siammotion import SiamMotionConfig, SiamMotionNet
from mvot_plugin.weights import load_into, read_weights, save_weights

__all__ = ["Tracker"]

OWN = ("backbone.", "neck.lateral.")
"""What a pupil cannot take over: another backbone, and what makes of its maps the pyramid's."""


class Tracker:
    """A trained SiamMOTION network; it shows the maps of its pyramid.

    Its laterals are linear. A ResNet-18 whose maps make the same pyramid may take over all that
    comes after, and tracks; the whole of that network is kept.
    """

    file = "siammotion.safetensors"
    exact = True
    strides: tuple[int, ...] = STRIDES

    def __init__(self, path: Path, device: torch.device) -> None:
        values, self.tensors = read_weights(path, "siammotion")
        self.source = path.name
        network = SiamMotionNet(SiamMotionConfig.from_dict(values))
        if not isinstance(network.neck, FeaturePyramid):
            raise InputError(f"{path}: its network has no pyramid to imitate; take one that has")
        load_into(network, self.tensors, path)
        self.config = network.config
        self.channels: tuple[int, ...] = (self.config.width,) * len(STRIDES)
        self.dtype = native_dtype(device)
        self.backbone = folded(network.backbone, device, self.dtype)
        self.after = _Pyramid(network.neck).to(device=device, dtype=self.dtype)

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Its maps of strides 2, 4, 8 and 16."""
        with torch.no_grad():
            maps: list[Tensor] = self.after(self.backbone(pixels.to(self.dtype)))
        return maps

    def pupil(self, width: int, classes: int) -> Pupil:
        """A ResNet-18 and a pyramid like the teacher's, but for the laterals."""
        network = self._network(width)
        assert isinstance(network.backbone, ResNet18)
        assert isinstance(network.neck, FeaturePyramid)
        return Pupil(network.backbone, _Pyramid(network.neck), self, classes)

    def save(self, path: Path, pupil: Pupil, record: Mapping[str, Any]) -> None:
        """Write a whole network: a pupil's backbone and pyramid, and the teacher's rest."""
        network = self._network(pupil.backbone.channels[0])
        assert isinstance(pupil.after, _Pyramid)
        network.backbone, network.neck = pupil.backbone, pupil.after.neck
        save_weights(path, network, "siammotion", network.config, record)

    def _network(self, width: int) -> SiamMotionNet:
        """One like the teacher, but for its own backbone and laterals, which are new."""
        config = replace(self.config, backbone="resnet18", backbone_width=width)
        network = SiamMotionNet(config)
        taken = {k: v for k, v in self.tensors.items() if not k.startswith(OWN)}
        network.load_state_dict({**network.state_dict(), **taken})
        return network


class _Pyramid(nn.Module):
    """A neck's maps, channels first; the finest, which is costly, at every second cell.

    There the level above needs no upsampling; and it is left without its 3 x 3 convolution.
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
