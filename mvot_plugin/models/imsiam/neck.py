"""The matching-adaptive neck of IMSiam (3.2, Figs. 4 and 5).

Three maps are compared with each other: the difference of each cell to the target's mean (L1), the
cell itself, and the correlation with the template, channel by channel (here in the mean over its
cells, in the paper in their sum). Two 1 x 1 convolutions take
from them what classification and regression need.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.siamese.network import group_norm
from mvot_plugin.ops.tensors.boxes import TensorXYXY
from mvot_plugin.ops.tensors.prroi import precise_roi_pool
from mvot_plugin.ops.tensors.xcorr import pairwise_depthwise_xcorr

__all__ = ["MatchingNeck", "group_layer"]


class MatchingNeck(nn.Module):
    """The neck of one level of features."""

    def __init__(self, width: int, kept: int) -> None:
        super().__init__()
        self.kept = kept
        self.shared = _batch_layer(width)
        self.template = _batch_layer(width)
        self.search = _batch_layer(width)
        self.classify = group_layer(3 * width, width, 1)
        self.regress = group_layer(3 * width, width, 1)

    def enroll(
        self, maps: Float[Tensor, "n c e e"], boxes: Float[TensorXYXY, " n"]
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d d c"]]:
        """The target's vector v (Eq. 1) and the template, from exemplars and boxes in cells."""
        vectors = precise_roi_pool(self.shared(maps).permute(0, 2, 3, 1), boxes)
        begin = (int(maps.shape[2]) - self.kept) // 2
        middle = maps[:, :, begin : begin + self.kept, begin : begin + self.kept]
        return vectors, self.template(middle).permute(0, 2, 3, 1)

    def forward(
        self,
        vectors: Float[Tensor, "n c"],
        kernels: Float[Tensor, "n d d c"],
        search: Float[Tensor, "n c s s"],
    ) -> tuple[Float[Tensor, "n c s s"], Float[Tensor, "n c s s"]]:
        """U_cls and U_reg (Eqs. 2 to 4)."""
        identity = self.shared(search)
        difference = (identity - vectors[..., None, None]).abs()
        areas = F.pad(self.search(search), [self.kept // 2] * 4).permute(0, 2, 3, 1)
        correlation = pairwise_depthwise_xcorr(areas, kernels) / self.kept**2
        fused = torch.cat([difference, identity, correlation.permute(0, 3, 1, 2)], dim=1)
        return self.classify(fused), self.regress(fused)


def group_layer(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """A padded convolution with group norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        group_norm(outputs),
        nn.ReLU(),
    )


def _batch_layer(width: int) -> nn.Sequential:
    """A padded 3 x 3 convolution with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )
