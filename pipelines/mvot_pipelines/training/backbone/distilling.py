"""A pupil that is to see what a teacher sees (FitNets, Romero et al., 2015)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_pipelines.training.imagenet import BACKBONE, package_of, pretrained
from mvot_pipelines.training.running import native_dtype
from mvot_plugin.models.backbones import STRIDES
from mvot_plugin.models.efficientnet import EfficientNetLite
from mvot_plugin.models.folding import fold_batch_norm, fuse_activations
from mvot_plugin.models.resnet import ResNet18
from mvot_plugin.weights import save_weights

__all__ = ["Pupil", "Teacher", "Teaching", "folded"]


@runtime_checkable
class Teaching(Protocol):
    """What makes a pupil, shows it maps of ``channels`` each, and writes what it has learnt.

    ``exact``: what a pupil shows are its teacher's maps themselves, not normalised ones.
    """

    source: str
    exact: bool
    strides: tuple[int, ...]
    channels: tuple[int, ...]
    file: str

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Its maps, of its strides."""

    def pupil(self, width: int, classes: int) -> "Pupil":
        """A ResNet-18 of this width that has learnt nothing, and what comes after it."""

    def save(self, path: Path, pupil: "Pupil", record: Mapping[str, Any]) -> None:
        """Write a weights file of what a pupil has learnt."""


class Teacher:
    """An EfficientNet-Lite with ImageNet's weights, folded, as fast as it goes.

    It shows its maps of strides 4, 8 and 16; what is kept of a pupil is its backbone.
    """

    file = "backbone.safetensors"
    exact = False
    strides: tuple[int, ...] = STRIDES[1:]

    def __init__(self, name: str, device: torch.device) -> None:
        network = pretrained(name)
        self.source = f"{package_of(name)} (ImageNet, Apache-2.0)"
        self.channels: tuple[int, ...] = network.channels[1:]
        self.dtype = native_dtype(device)
        self.network = folded(network, device, self.dtype)

    def __call__(self, pixels: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Its maps of strides 4, 8 and 16."""
        with torch.no_grad():
            maps: list[Tensor] = self.network(pixels.to(self.dtype))
        return maps[1:]

    def pupil(self, width: int, classes: int) -> "Pupil":
        """A ResNet-18, with 1 x 1 convolutions that make its maps the teacher's."""
        backbone = ResNet18(width)
        return Pupil(backbone, _Adapters(backbone.channels[1:], self.channels), self, classes)

    def save(self, path: Path, pupil: "Pupil", record: Mapping[str, Any]) -> None:
        """Write a pupil's backbone."""
        made = {"backbone": "resnet18", "width": pupil.backbone.channels[0]}
        save_weights(path, pupil.backbone, BACKBONE, made, record)


class Pupil(nn.Module):
    """A ResNet-18, an ``after`` that makes of its maps what is compared, and a classifier.

    The teacher's maps are compared with their channels normalised to mean 0 and variance 1; a
    linear layer tells its ``classes`` from means of stride 16.
    """

    def __init__(
        self, backbone: ResNet18, after: nn.Module, teacher: Teaching, classes: int
    ) -> None:
        super().__init__()
        self.backbone, self.after = backbone, after
        self.strides, self.exact = teacher.strides, teacher.exact
        self.norms = nn.ModuleList(nn.BatchNorm2d(n, affine=False) for n in teacher.channels)
        self.classifier = nn.Linear(backbone.channels[-1], classes) if classes else None

    def forward(
        self, pixels: Float[Tensor, "n 3 h w"]
    ) -> tuple[list[Float[Tensor, "n _ _ _"]], Float[Tensor, "n c h16 w16"]]:
        """What it takes for the teacher's maps; and its own of stride 16."""
        maps = self.backbone(pixels)
        return self.after(maps), maps[-1]

    def distances(
        self,
        ours: Sequence[Float[Tensor, "n _ _ _"]],
        theirs: Sequence[Float[Tensor, "n _ _ _"]],
    ) -> dict[str, Float[Tensor, ""]]:
        """How far they are from the teacher's normalised maps, by stride.

        That is the smooth L1 distance and, at each place, 1 - the cosine of the channels: with
        both, either comes out smaller than when it is learnt alone.
        """
        found = {}
        for stride, mine, maps, norm in zip(self.strides, ours, theirs, self.norms, strict=True):
            near, wanted = mine.float(), norm(maps.float())
            if self.exact:
                assert isinstance(norm, nn.BatchNorm2d)
                mean, variance = norm.running_mean, norm.running_var
                near, wanted = (F.batch_norm(x, mean, variance) for x in (near, maps.float()))
            turned = 1 - F.cosine_similarity(near, wanted, dim=1).mean()
            found[f"stride {stride}"] = F.smooth_l1_loss(near, wanted) + turned
        return found

    def logits(
        self, deepest: Float[Tensor, "n c h16 w16"], cells: int
    ) -> Float[Tensor, "n classes cells cells"]:
        """The classes' logits on square cells of its map of stride 16."""
        assert self.classifier is not None
        means = F.adaptive_avg_pool2d(deepest.float(), cells).permute(0, 2, 3, 1)
        logits: Tensor = self.classifier(means)
        return logits.float().permute(0, 3, 1, 2)


def folded(
    backbone: ResNet18 | EfficientNetLite, device: torch.device, dtype: torch.dtype
) -> ResNet18 | EfficientNetLite:
    """The backbone as fast as it goes in a precision, in place: it learns nothing more."""
    backbone.eval().requires_grad_(False)
    fold_batch_norm(backbone)
    backbone.to(device=device, dtype=dtype)
    backbone.to(memory_format=torch.channels_last)
    if device.type == "cpu":
        fuse_activations(backbone)
    return backbone


class _Adapters(nn.ModuleList):
    """A 1 x 1 convolution for each map but the finest."""

    def __init__(self, ours: Sequence[int], theirs: Sequence[int]) -> None:
        pairs = zip(ours, theirs, strict=True)
        super().__init__(nn.Conv2d(mine, other, 1) for mine, other in pairs)

    def forward(self, maps: Sequence[Float[Tensor, "n _ _ _"]]) -> list[Float[Tensor, "n _ _ _"]]:
        return [adapter(mine) for adapter, mine in zip(self, maps[1:], strict=True)]
