"""The network of SiamFC and SiamMT: one backbone and one correlation, on crops or whole frames."""

import math

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from mvot_plugin.models.backbones.alexnet import AlexNet
from mvot_plugin.models.siamfc.config import CorrelationConfig
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.ops.tensors.xcorr import pairwise_xcorr, pairwise_zncc

__all__ = ["SiamFCNet"]


class SiamFCNet(nn.Module):
    """AlexNet, and a ``gain`` and a ``bias`` that turn cross-correlations into logits.

    The gain applies to correlations in units of the standard deviation of random features. SiamMT
    has the same network, so that SiamMT-W takes SiamFC's weights (SiamMT 3.3).
    """

    def __init__(self, config: CorrelationConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = AlexNet(config.channels)
        self.gain = nn.Parameter(torch.tensor(0.2))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b h8 w8 c"]:
        """The backbone's features of BGR images; channels last, in memory and in shape."""
        weight = next(self.backbone.parameters())
        pixels = normalize_images(images).to(weight.dtype)
        features: Tensor = self.backbone(pixels.contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)

    def compare(
        self, search: Float[Tensor, "m hs ws c"], exemplars: Float[Tensor, "n he we c"]
    ) -> Float[Tensor, "n s ho wo"]:
        """⋆~: score maps of S search areas of each of N exemplars, in one call (SiamMT Alg. 1).

        They are log odds that the target is at a cell, in single precision. The search areas are
        given one target after another.
        """
        maps = pairwise_xcorr(search, _repeat(exemplars, search)[..., None])[..., 0]
        deviation = self.config.exemplar_cells * math.sqrt(self.backbone.channels)
        logits = maps.float() / deviation * self.gain.float() + self.bias.float()
        return _group(logits, exemplars)

    def similarity(
        self, windows: Float[Tensor, "m k2 k2 c"], exemplars: Float[Tensor, "n k k c"]
    ) -> Float[Tensor, "n s d d"]:
        """Normalised similarity of N exemplars to S larger windows, at each of D x D offsets.

        Plain correlations of areas of different scales cannot be compared: enlarged features are
        smoother and correlate more, reduced ones less. The windows are given one target after
        another.
        """
        return _group(pairwise_zncc(windows, _repeat(exemplars, windows)), exemplars)


def _repeat(
    exemplars: Float[Tensor, "n k k c"], areas: Float[Tensor, "m h w c"]
) -> Float[Tensor, "m k k c"]:
    """Each exemplar as often as it has areas."""
    times = areas.shape[0] // exemplars.shape[0]
    return exemplars[:, None].expand(-1, times, -1, -1, -1).flatten(0, 1)


def _group(
    maps: Float[Tensor, "m h w"], exemplars: Float[Tensor, "n k k c"]
) -> Float[Tensor, "n s h w"]:
    """The maps of each exemplar."""
    count = exemplars.shape[0]
    return maps.view(count, maps.shape[0] // count, *maps.shape[1:])
