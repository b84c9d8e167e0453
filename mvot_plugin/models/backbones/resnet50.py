"""ResNet-50 with dilated last stages: three levels of stride 8, as SiamRPN++ has them.

IMSiam (3.1) and SiamAttn (4.2) compare the features of its last three stages.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["Bottleneck", "ResNet50"]

STAGES = ((64, 3, 1, 1), (128, 4, 2, 1), (256, 6, 1, 2), (512, 3, 1, 4))
"""Of each stage, the inner channels, the blocks, the stride and the dilation; the first block of a
stage has the dilation of the stage before, as torchvision's has."""
EXPANSION = 4


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions and a shortcut (He et al., 2016)."""

    def __init__(self, inputs: int, inner: int, stride: int, dilation: int) -> None:
        super().__init__()
        outputs = EXPANSION * inner
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(
            inner, inner, 3, stride, padding=dilation, dilation=dilation, bias=False
        )
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Float[Tensor, "b ci h w"]) -> Float[Tensor, "b co h2 w2"]:
        """The residual of the block added to its shortcut."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return F.relu(out, inplace=True)


class ResNet50(nn.Module):
    """Stem and layers 1 to 4; parameters have the names of torchvision's, whose weights fit."""

    early_channels = 256
    """Channels of stride 4."""
    channels = (512, 1024, 2048)
    """Channels of the three levels of stride 8."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs, before, layers = 64, 1, []
        for inner, blocks, stride, dilation in STAGES:
            first = Bottleneck(inputs, inner, stride, before)
            inputs, before = EXPANSION * inner, dilation
            others = [Bottleneck(inputs, inner, 1, dilation) for _ in range(blocks - 1)]
            layers.append(nn.Sequential(first, *others))
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def early(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h4 w4"]:
        """The features of stride 4."""
        stem = F.relu(self.bn1(self.conv1(images)), inplace=True)
        features: Tensor = self.layer1(F.max_pool2d(stem, 3, 2, 1))
        return features

    def late(self, early: Float[Tensor, "b c h4 w4"]) -> list[Float[Tensor, "b _ h8 w8"]]:
        """The features of the last three stages, from those of stride 4."""
        second = self.layer2(early)
        third = self.layer3(second)
        return [second, third, self.layer4(third)]
