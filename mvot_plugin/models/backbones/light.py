"""A light backbone of 130 thousand weights: strides 2 to 16, no gates, with a top-down step."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["InvertedResidual", "LightBackbone", "convolution"]

CHANNELS = (16, 24, 40, 64)
"""Channels of strides 2, 4, 8 and 16."""


class LightBackbone(nn.Module):
    """Inverted residuals (MobileNetV2) to stride 16, merged at stride 8 (SiamMOTION 3.2.1).

    Each cell depends on its surroundings alone: there is no pooling over the image, so that a
    target is seen the same in any part of any frame.
    """

    early_channels = CHANNELS[1]
    """Channels of stride 4."""

    def __init__(self, width: int, *, top_down: bool = True) -> None:
        super().__init__()
        self.channels = (width,)
        stem, fourth, eighth, sixteenth = CHANNELS
        self.stem = convolution(3, stem, 3, stride=2)
        self.fourth = nn.Sequential(
            convolution(stem, stem, 3, stride=2, groups=stem),
            convolution(stem, fourth, 1, activation=False),
            InvertedResidual(fourth, 72, fourth, 3),
        )
        self.eighth = nn.Sequential(
            InvertedResidual(fourth, 96, eighth, 5, stride=2),
            InvertedResidual(eighth, 120, eighth, 5),
            InvertedResidual(eighth, 120, eighth, 5),
        )
        self.sixteenth = nn.Sequential(
            InvertedResidual(eighth, 160, sixteenth, 5, stride=2),
            InvertedResidual(sixteenth, 192, sixteenth, 5),
            InvertedResidual(sixteenth, 192, sixteenth, 5),
        )
        self.lateral = convolution(eighth, width, 1, activation=False)
        self.top = convolution(sixteenth, width, 1, activation=False)
        self.smooth = nn.Sequential(
            nn.ReLU(),
            convolution(width, width, 5, groups=width),
            nn.Conv2d(width, width, 1),
        )
        self.top_down = top_down

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h8 w8"]:
        """Features of stride 8 of normalised RGB images whose sides are multiples of 16."""
        return self.late(self.early(images))[0]

    def early(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h4 w4"]:
        """Features of stride 4."""
        features: Tensor = self.fourth(self.stem(images))
        return features

    def late(self, early: Float[Tensor, "b d h4 w4"]) -> list[Float[Tensor, "b c h8 w8"]]:
        """The one level of stride 8, of ``channels``, from the features of stride 4."""
        eighth = self.eighth(early)
        merged = self.lateral(eighth)
        if self.top_down:
            coarse = self.top(self.sixteenth(eighth))
            merged = merged + F.interpolate(coarse, scale_factor=2.0, mode="nearest")
        return [self.smooth(merged)]


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; with a shortcut where the shape stays."""

    def __init__(
        self, inputs: int, inner: int, outputs: int, kernel: int, *, stride: int = 1
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            convolution(inputs, inner, 1),
            convolution(inner, inner, kernel, stride=stride, groups=inner),
            convolution(inner, outputs, 1, activation=False),
        )
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Float[Tensor, "b ci h w"]) -> Float[Tensor, "b co h2 w2"]:
        """The block's output, added to its input where it has a shortcut."""
        out: Tensor = self.layers(x)
        return x + out if self.has_shortcut else out


def convolution(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """A padded convolution, its batch norm and, unless it projects, a ReLU."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activation else []))
