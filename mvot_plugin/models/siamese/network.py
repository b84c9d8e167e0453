"""The base of the networks of SiamMOT, IMSiam and SiamAttn, and the functions that engines run.

A network looks at a frame once for all of its targets (``features``), keeps of each what later
frames need (``enroll``), and answers where it is in its search area, of which each network makes
one box (``compare``). Boxes are in canonical pixels, of which a bin of a search area has 8, from
its middle.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.models.backbones.light import LightBackbone
from mvot_plugin.models.backbones.resnet50 import ResNet50
from mvot_plugin.models.siamese.config import STRIDE
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.runtimes.signature import Signature

__all__ = [
    "SiameseFunctions",
    "SiameseNet",
    "cosine_window",
    "group_layers",
    "group_norm",
    "place_bins",
    "smooth_sizes",
]

LIGHT_WIDTH = 48
"""Channels of siammotion-n's backbone."""


class SiameseNet(nn.Module, ABC):
    """A backbone, a 1 x 1 convolution of each of its levels, and what a network adds."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        is_light = config.backbone == "light"
        self.backbone = LightBackbone(LIGHT_WIDTH) if is_light else ResNet50()
        self.reduce = nn.ModuleList(
            nn.Conv2d(channels, config.width, 1) for channels in self.backbone.channels
        )

    @property
    def levels(self) -> int:
        """The levels of the backbone that are compared, L."""
        return len(self.reduce)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h8 w8 c"]:
        """The features of normalised RGB images; C channels: those of the levels, in order."""
        early = self.backbone.early(images)
        return self.merge(early, self.backbone.late(early))

    def merge(
        self, early: Float[Tensor, "b d h4 w4"], late: list[Float[Tensor, "b _ h8 w8"]]
    ) -> Float[Tensor, "b h8 w8 c"]:
        """The features of images, from what the backbone computes of them."""
        reduced = [layer(level) for layer, level in zip(self.reduce, late, strict=True)]
        return torch.cat(reduced, dim=1).permute(0, 2, 3, 1)

    def split(self, crops: Float[Tensor, "n b b c"]) -> list[Float[Tensor, "n w b b"]]:
        """The features of each level, channels first."""
        width = self.config.width
        levels = crops[..., : width * self.levels].permute(0, 3, 1, 2)
        return list(torch.split(levels, width, dim=1))

    @property
    def channels(self) -> int:
        """The channels of ``features``, C."""
        return int(self.config.width) * self.levels

    @property
    @abstractmethod
    def template_shapes(self) -> dict[str, tuple[int, ...]]:
        """The names of what ``enroll`` returns, and the shapes of a single target's."""

    @property
    def extra_shapes(self) -> dict[str, tuple[int, ...]]:
        """The same of what ``select`` returns besides boxes and log odds."""
        return {}

    @abstractmethod
    def enroll(
        self, crops: Float[Tensor, "n b b c"], sizes: Float[Tensor, "n 2"] | None
    ) -> tuple[Tensor, ...]:
        """What later frames need of N targets.

        Args:
            crops: The features of their search areas.
            sizes: Their (w, h) in canonical pixels; they are in the middle. None for a network
                whose config does not say ``enrolls_sizes``.

        Returns:
            One to three tensors.
        """

    @abstractmethod
    def answer(self, templates: tuple[Tensor, ...], crops: Float[Tensor, "n b b c"]) -> Any:
        """What the network says of N targets at each place of their search areas."""

    @abstractmethod
    def select(self, answers: Any, last: Float[Tensor, "n 2"]) -> tuple[Tensor, ...]:
        """One box for each target (N, 4), as cx, cy, w, h, and its log odds (N,).

        ``last`` are the last (w, h). A network may add what else it says of the targets.
        """


class SiameseFunctions(nn.Module):
    """The functions of a ``SiameseNet`` that an engine runs.

    Half precision is that of the network: images come and boxes go in single precision.
    """

    def __init__(self, network: SiameseNet) -> None:
        super().__init__()
        self.network = network

    @property
    def config(self) -> Any:
        """The network's config."""
        return self.network.config

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b h8 w8 c"]:
        """The features of BGR images whose sides are multiples of the backbone's stride."""
        weight = next(self.network.backbone.parameters())
        return self.network.features(normalize_images(images).to(weight.dtype))

    def enroll(
        self, crops: Float[Tensor, "n b b c"], sizes: Float[Tensor, "n 2"] | None
    ) -> tuple[Tensor, ...]:
        """See ``SiameseNet.enroll``."""
        return self.network.enroll(crops, sizes)

    def compare(self, *arguments: Tensor) -> tuple[Tensor, ...]:
        """Find N targets: the box of each, its log odds, and what else the network says.

        The arguments are what ``enroll`` returned, the features of the search areas (N, B, B, C),
        and the last sizes (N, 2).
        """
        *templates, crops, last = arguments
        return self.network.select(self.network.answer(tuple(templates), crops), last)

    def signatures(self) -> dict[str, Signature]:
        """The functions' arguments and results, for an export."""
        network, bins = self.network, self.config.search_bins
        sizes = {"count": 2, "height": 208, "width": 272}
        crops = {"crops": ("count", bins, bins, network.channels)}
        templates = _batch(network.template_shapes)
        return {
            "features": Signature(
                inputs={"images": ("count", "height", "width", 3)},
                outputs={"features": ("count", "rows", "columns", network.channels)},
                sizes=sizes,
            ),
            "enroll": Signature(
                inputs={**crops, "sizes": ("count", 2) if self.config.enrolls_sizes else None},
                outputs=templates,
                sizes=sizes,
            ),
            "compare": Signature(
                inputs={**templates, **crops, "last": ("count", 2)},
                outputs={
                    "boxes": ("count", 4),
                    "log_odds": ("count",),
                    **_batch(network.extra_shapes),
                },
                sizes=sizes,
            ),
        }


def _batch(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int | str, ...]]:
    return {name: ("count", *shape) for name, shape in shapes.items()}


def group_norm(channels: int) -> nn.GroupNorm:
    """Group norm of about eight channels a group."""
    return nn.GroupNorm(math.gcd(channels, max(channels // 8, 1)), channels)


def group_layers(width: int, count: int) -> list[nn.Module]:
    """Padded 3 x 3 convolutions with group norm and ReLU."""
    layers: list[nn.Module] = []
    for _ in range(count):
        convolution = nn.Conv2d(width, width, 3, padding=1, bias=False)
        layers += [convolution, group_norm(width), nn.ReLU()]
    return layers


def place_bins(count: int) -> Float[Tensor, " count"]:
    """Where ``count`` bins or cells lie along a search area, from its middle."""
    return (torch.arange(count) - (count - 1) / 2) * float(STRIDE)


def cosine_window(count: int) -> Float[Tensor, "count count"]:
    """A cosine (Hann) window that is nowhere 0."""
    line = torch.hann_window(count + 2, periodic=False)[1:-1]
    return line[:, None] * line


def smooth_sizes(
    boxes: Float[TensorCXCYWH, " n"], last: Float[Tensor, "n 2"], share: float
) -> Float[TensorCXCYWH, " n"]:
    """Boxes whose sizes are moved from the last (w, h) by a share of the change (IMSiam Eq. 19)."""
    sizes = last + share * (boxes[:, 2:] - last)
    return torch.cat([boxes[:, :2], sizes], dim=1)
