"""NanoTrack v2 as a torch module: a MobileNetV3, and a head that correlates pixel by pixel.

Batch norms are folded into the convolutions, as in the published weights, and the backbone's gates
are constants, so that it sees a target the same in any part of any frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.runtimes.signature import Signature

__all__ = ["BlockShape", "BranchShape", "NanoTrackNet", "NanoTrackShape"]


@dataclass(frozen=True, kw_only=True)
class BlockShape:
    """The shape of an inverted residual block (MobileNetV3, Fig. 4)."""

    inputs: int
    """Channels that it is given."""
    expanded: int
    """Channels of its depthwise convolution; where they are its inputs, it does not expand them."""
    outputs: int
    """Channels that it returns; where they are its inputs, and it has no stride, it adds both."""
    kernel: int
    """Side of the depthwise convolution's kernel."""
    stride: int
    """Stride of the depthwise convolution."""
    has_gate: bool
    """Whether its channels are weighed."""
    is_hard: bool
    """Whether its activations are hard swishes, not ReLUs."""


@dataclass(frozen=True, kw_only=True)
class BranchShape:
    """The shape of one of the head's two branches."""

    channels: int
    """Channels of the features."""
    places: int
    """Cells of an exemplar: channels of what the correlation returns."""
    width: int
    """Channels of the tower."""
    depth: int
    """Separable convolutions in the tower."""
    outputs: int
    """Numbers that are predicted at each cell."""


@dataclass(frozen=True, kw_only=True)
class NanoTrackShape:
    """The shape of the network."""

    blocks: tuple[BlockShape, ...]
    """Of the backbone, after its first convolution, whose stride is 2."""
    classify: BranchShape
    """The branch that tells targets from background."""
    regress: BranchShape
    """The branch that measures boxes."""


class NanoTrackNet(nn.Module):
    """The network; ``config`` has the engine's settings of it."""

    def __init__(self, shape: NanoTrackShape, config: Any) -> None:
        super().__init__()
        self.shape, self.config = shape, config
        first = nn.Conv2d(3, shape.blocks[0].inputs, 3, stride=2, padding=1)
        self.backbone = nn.Sequential(first, nn.Hardswish(), *map(InvertedResidual, shape.blocks))
        self.classify, self.regress = Branch(shape.classify), Branch(shape.regress)

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b h16 w16 c"]:
        """The features of BGR images."""
        weight = next(self.backbone.parameters())
        pixels = images.permute(0, 3, 1, 2).to(weight.dtype)
        computed: Tensor = self.backbone(pixels)
        return computed.permute(0, 2, 3, 1)

    def enroll(self, features: Float[Tensor, "n k k c"]) -> Float[Tensor, "n 2 places c"]:
        """The kernels of N exemplars: of the classification, and of the regression."""
        exemplars = features.permute(0, 3, 1, 2)
        return torch.stack([self.classify.enroll(exemplars), self.regress.enroll(exemplars)], dim=1)

    def compare(
        self, kernels: Float[Tensor, "n 2 places c"], crops: Float[Tensor, "n s s c"]
    ) -> tuple[Float[Tensor, "n s s"], Float[Tensor, "n 4 s s"]]:
        """Find N targets in the features of their search areas.

        Returns:
            The log odds of the target at each cell, and the distances in pixels from the cell's
            centre to the left, top, right and bottom of the box; both in single precision.
        """
        search = crops.permute(0, 3, 1, 2)
        classes = self.classify(kernels[:, 0], search).float()
        distances = self.regress(kernels[:, 1], search).float().exp()
        return classes[:, 1] - classes[:, 0], distances

    def signatures(self) -> dict[str, Signature]:
        """The functions' arguments and results, for an export."""
        branch, cells = self.shape.classify, self.config.cells
        channels, side = branch.channels, round(branch.places**0.5)
        kernels = {"kernels": ("count", 2, branch.places, channels)}
        sizes = {"count": 2, "height": 127, "width": 143}
        return {
            "features": Signature(
                inputs={"images": ("count", "height", "width", 3)},
                outputs={"features": ("count", "rows", "columns", channels)},
                sizes=sizes,
            ),
            "enroll": Signature(
                inputs={"features": ("count", side, side, channels)}, outputs=kernels, sizes=sizes
            ),
            "compare": Signature(
                inputs={**kernels, "crops": ("count", cells, cells, channels)},
                outputs={
                    "logits": ("count", cells, cells),
                    "distances": ("count", 4, cells, cells),
                },
                sizes=sizes,
            ),
        }


class Gate(nn.Module):
    """A constant factor for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The channels times their factors."""
        return x * self.factors


class InvertedResidual(nn.Module):
    """A block of MobileNetV3: expand, convolve each channel, weigh the channels, project."""

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        wide, kernel = shape.expanded, shape.kernel
        activation = nn.Hardswish if shape.is_hard else nn.ReLU
        depthwise = nn.Conv2d(wide, wide, kernel, shape.stride, padding=kernel // 2, groups=wide)
        gate = [Gate(wide)] if shape.has_gate else []
        layers: list[nn.Module] = [depthwise, *gate, activation()]
        if wide == shape.inputs:
            layers = [depthwise, activation(), *gate]
        else:
            layers = [nn.Conv2d(shape.inputs, wide, 1), activation(), *layers]
        self.layers = nn.Sequential(*layers, nn.Conv2d(wide, shape.outputs, 1))
        self.is_residual = shape.stride == 1 and shape.inputs == shape.outputs

    def forward(self, x: Float[Tensor, "b ci h w"]) -> Float[Tensor, "b co h2 w2"]:
        """The block's features."""
        computed: Tensor = self.layers(x)
        return x + computed if self.is_residual else computed


class Branch(nn.Module):
    """A branch of the head: correlation pixel by pixel, attention to its channels, a tower."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__()
        channels, places = shape.channels, shape.places
        self.kernel = nn.Conv2d(channels, channels, 1)
        self.search = nn.Conv2d(channels, channels, 1)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(places, places, 1),
            nn.ReLU(),
            nn.Conv2d(places, places, 1),
            nn.Sigmoid(),
        )
        widths = [places] + [shape.width] * shape.depth
        self.tower = nn.Sequential(*_separable_convolutions(widths))
        self.predict = nn.Conv2d(shape.width, shape.outputs, 1)

    def enroll(self, exemplars: Float[Tensor, "n c k k"]) -> Float[Tensor, "n places c"]:
        """The kernels of N exemplars: 1 x 1 filters, one for each of their cells."""
        filters: Tensor = self.kernel(exemplars)
        return filters.flatten(2).transpose(1, 2)

    def forward(
        self, kernels: Float[Tensor, "n places c"], search: Float[Tensor, "n c s s"]
    ) -> Float[Tensor, "n o s s"]:
        """What is predicted at each cell of N search areas."""
        areas: Tensor = self.search(search)
        maps = (kernels @ areas.flatten(2)).view(len(areas), -1, *areas.shape[2:])
        predicted: Tensor = self.predict(self.tower(maps * self.attention(maps)))
        return predicted


def _separable_convolutions(widths: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        layers += [depthwise, nn.Conv2d(inputs, outputs, 1), nn.ReLU6()]
    return layers
