"""Deformable Siamese attention of SiamAttn (3.2, Fig. 3).

With X the features of one branch, (C, N) at N places, and Z those of the other one:

    spatial  a V(X) A_S + X,  A_S = softmax over columns of Q(X)ᵀ K(X)    (Eqs. 1 and 2)
    channel  b A_C X + X,     A_C = softmax over rows of X Xᵀ / N
    cross    c A_Z X + X,     A_Z = softmax over rows of Z Zᵀ / n         (Eqs. 3 and 4)

with learnt factors a, b and c.

The sum of the three goes through a deformable 3 x 3 convolution. The products of channels are
divided by the number of places, which the paper does not do: else they grow with the size of the
map, and a softmax is 1 for one channel and 0 for all others.
"""

from collections.abc import Collection

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.ops.tensors.deform import deformable_convolution

__all__ = ["DeformableAttention", "DeformableConvolution", "channel_attention"]


def channel_attention(x: Float[Tensor, "n c p"]) -> Float[Tensor, "n c c"]:
    """The weight of channel j in channel i: A_C of one branch, A_Z for the other one."""
    x = x.float()
    return ((x @ x.transpose(1, 2)) / x.shape[2]).softmax(-1)


class DeformableAttention(nn.Module):
    """Self- and cross-attention, with the same weights for template and search area."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(width // 8, 1)
        self.query = nn.Conv2d(width, inner, 1)
        self.key = nn.Conv2d(width, inner, 1)
        self.value = nn.Conv2d(width, width, 1)
        self.spatial = nn.Parameter(torch.zeros(()))
        self.channel = nn.Parameter(torch.zeros(()))
        self.cross = nn.Parameter(torch.zeros(()))
        self.deform = DeformableConvolution(width)

    def switch_off(self, parts: Collection[str]) -> None:
        """Leave "self-attention", "cross-attention" or "deformable convolution" out, in place."""
        factors = {
            "self-attention": (self.spatial, self.channel),
            "cross-attention": (self.cross,),
            "deformable convolution": (self.deform.offsets.weight, self.deform.offsets.bias),
        }
        with torch.no_grad():
            for part in factors.keys() & parts:
                for factor in factors[part]:
                    if factor is not None:
                        factor.zero_()

    def attend_self(
        self, x: Float[Tensor, "n c h w"], own: Float[Tensor, "n c c"]
    ) -> Float[Tensor, "n c h w"]:
        """Spatial plus channel attention; ``own`` is the branch's ``channel_attention``."""
        flat = x.flatten(2)
        query, key = self.query(x).flatten(2).float(), self.key(x).flatten(2).float()
        weights = (query.transpose(1, 2) @ key).softmax(1).to(x.dtype)
        spatial = self.spatial * (self.value(x).flatten(2) @ weights)
        channel = self.channel * (own.to(x.dtype) @ flat)
        attended: Tensor = spatial + channel + 2 * flat
        return attended.view(x.shape)

    def forward(
        self,
        x: Float[Tensor, "n c h w"],
        attended: Float[Tensor, "n c h w"],
        other: Float[Tensor, "n c c"],
    ) -> Float[Tensor, "n c h w"]:
        """The attentional features of a branch.

        Args:
            x: Its features.
            attended: What ``attend_self`` made of them.
            other: The ``channel_attention`` of the other branch.
        """
        flat = x.flatten(2)
        crossed = (self.cross * (other.to(x.dtype) @ flat) + flat).view(x.shape)
        features: Tensor = self.deform(attended + crossed)
        return features


class DeformableConvolution(nn.Module):
    """A 3 x 3 convolution that samples at learnt places (Dai et al., 2017); they begin regular."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.offsets = nn.Conv2d(width, 18, 3, padding=1)
        nn.init.zeros_(self.offsets.weight)
        self.weight = nn.Parameter(nn.Conv2d(width, width, 3).weight.detach())
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The convolution, computed in single precision."""
        arguments = x, self.offsets(x), self.weight, self.bias
        return deformable_convolution(*(part.float() for part in arguments)).to(x.dtype)
