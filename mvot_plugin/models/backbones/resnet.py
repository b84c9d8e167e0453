"""ResNet-18 with padding, up to its third layer: the feature extractor (SiamMOTION 3.1)."""

from collections.abc import Callable

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["BasicBlock", "ResNet18"]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut (He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Float[Tensor, "b ci h w"]) -> Float[Tensor, "b co h2 w2"]:
        """The residual of the block added to its shortcut."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return F.relu(out, inplace=True)


class ResNet18(nn.Module):
    """Stem and layers 1 to 3; parameters have the names of torchvision's, whose weights fit.

    ``width`` is the number of channels of stem and layer 1 (64 in the paper); each further layer
    doubles it.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.channels = (width, width, 2 * width, 4 * width)
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.layer1 = nn.Sequential(BasicBlock(width, width, 1), BasicBlock(width, width, 1))
        self.layer2 = nn.Sequential(
            BasicBlock(width, 2 * width, 2), BasicBlock(2 * width, 2 * width, 1)
        )
        self.layer3 = nn.Sequential(
            BasicBlock(2 * width, 4 * width, 2), BasicBlock(4 * width, 4 * width, 1)
        )
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    @property
    def layers_by_level(self) -> list[list[nn.Module]]:
        """The layers that each level adds to those of the level before."""
        return [[self.conv1, self.bn1], [self.layer1], [self.layer2], [self.layer3]]

    @property
    def levels(self) -> tuple[Callable[[Tensor], Tensor], ...]:
        """The computation of each level's features from those of the level before."""
        return self._stem, self._first, self.layer2, self.layer3

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """Features of stem, layer1, layer2 and layer3: strides 2, 4, 8 and 16."""
        maps = [images]
        for level in self.levels:
            maps.append(level(maps[-1]))
        return maps[1:]

    def _stem(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h2 w2"]:
        return F.relu(self.bn1(self.conv1(images)), inplace=True)

    def _first(self, stem: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        features: Tensor = self.layer1(F.max_pool2d(stem, 3, 2, 1))
        return features
