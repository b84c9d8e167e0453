"""AlexNet without padding, as SiamFC and SiamMT use it (SiamMT Fig. 8)."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.ops.fields import Field

__all__ = ["CHANNELS", "AlexNet"]

CHANNELS = (96, 256, 384, 384, 256)
"""Of the five convolutions."""
SLOPE = 0.1
"""Of the leaky ReLUs, which the paper does not tell."""


class AlexNet(nn.Module):
    """Five convolutions, the second, fourth and fifth in two groups; nothing is padded.

    A batch norm and a leaky ReLU follow all but the last. That has a batch norm alone, where Fig. 8
    has nothing: trained from nothing, features must not have means that drown their correlation.
    It is folded into the convolution for tracking. 127 pixels make 6 cells, 255 make 22.
    """

    def __init__(self, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        first, second, third, fourth, fifth = channels
        self.channels = fifth
        self.layers = nn.Sequential(
            *_activated(nn.Conv2d(3, first, 11, stride=2)),
            nn.MaxPool2d(3, stride=2),
            *_activated(nn.Conv2d(first, second, 5, groups=2)),
            nn.MaxPool2d(3, stride=2),
            *_activated(nn.Conv2d(second, third, 3)),
            *_activated(nn.Conv2d(third, fourth, 3, groups=2)),
            nn.Conv2d(fourth, fifth, 3, groups=2),
            nn.BatchNorm2d(fifth),
        )
        for part in self.layers:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        self.field = Field.of(self.layers)

    @property
    def convolutions(self) -> list[list[nn.Module]]:
        """The layers, from each convolution to the next."""
        parts: list[list[nn.Module]] = []
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                parts.append([])
            parts[-1].append(layer)
        return parts

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h8 w8"]:
        """Features of stride 8."""
        features: Tensor = self.layers(images)
        return features


def _activated(convolution: nn.Conv2d) -> list[nn.Module]:
    width = convolution.out_channels
    return [convolution, nn.BatchNorm2d(width), nn.LeakyReLU(SLOPE, inplace=True)]
