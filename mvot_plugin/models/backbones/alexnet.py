"""AlexNet without padding, as SiamFC and SiamMT use it (SiamMT Fig. 8)."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.backbones.receptive_field import ReceptiveField

__all__ = ["AlexNet"]

NEGATIVE_SLOPE = 0.1
"""Of the leaky ReLUs; the paper does not give it."""


class AlexNet(nn.Module):
    """Five convolutions, the second, fourth and fifth in two groups; nothing is padded.

    A batch norm and a leaky ReLU follow all but the last. The last has a batch norm, where Fig. 8
    has none: in training from random weights, features with large means would dominate their
    correlation. For tracking it is folded into the convolution. 127 pixels make 6 cells, 255 make
    22.

    Args:
        channels: Channels of the five convolutions.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        first, second, third, fourth, fifth = channels
        self.channels = fifth
        self.layers = nn.Sequential(
            *_convolution_block(nn.Conv2d(3, first, 11, stride=2)),
            nn.MaxPool2d(3, stride=2),
            *_convolution_block(nn.Conv2d(first, second, 5, groups=2)),
            nn.MaxPool2d(3, stride=2),
            *_convolution_block(nn.Conv2d(second, third, 3)),
            *_convolution_block(nn.Conv2d(third, fourth, 3, groups=2)),
            nn.Conv2d(fourth, fifth, 3, groups=2),
            nn.BatchNorm2d(fifth),
        )
        for part in self.layers:
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        self.receptive_field = ReceptiveField.from_layers(self.layers)

    @property
    def layers_by_convolution(self) -> list[list[nn.Module]]:
        """Each convolution with the layers up to the next."""
        groups: list[list[nn.Module]] = []
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                groups.append([])
            groups[-1].append(layer)
        return groups

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b c h8 w8"]:
        """Features of stride 8."""
        features: Tensor = self.layers(images)
        return features


def _convolution_block(convolution: nn.Conv2d) -> list[nn.Module]:
    width = convolution.out_channels
    return [convolution, nn.BatchNorm2d(width), nn.LeakyReLU(NEGATIVE_SLOPE, inplace=True)]
