"""Channel self- and cross-attention of an exemplar and its search area (SiamMOTION 3.2.3, Fig. 5).

With X a feature tensor of one target, (P, C), and the 1 x 1 convolutions Q, K, V^s and V^c:

    A   = softmax(cosine similarity of the channels of Q(X) and of K(X))          (C, C)
    X^s = A V^s(X), X^c = A' V^c(X), where A' is the mask of the other branch
    out = X + w^s X^s + w^c X^c

The sum is linear in X, so V^s and V^c are not projected at P places: its three terms are one
(C, C) map applied to X. (Q and K are projected: cosines from XᵀX are inaccurate in half precision.)
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.exemplars import Exemplars

__all__ = ["AttentionBranch", "ChannelAttention"]


class AttentionBranch(nn.Module):
    """The projections of one branch, and the weights w^s and w^c of its sum, which start at 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.cross = nn.Linear(width, width, bias=False)
        self.weights = nn.Parameter(torch.zeros(2))

    def mask(self, x: Float[Tensor, "n p c"]) -> Float[Tensor, "n c c"]:
        """A: the weight of channel j in channel i."""
        query, key = (
            _normalize_channels(F.linear(x, part.weight.to(x.dtype)))
            for part in (self.query, self.key)
        )
        return (query.transpose(-1, -2) @ key).float().softmax(-1).to(x.dtype)

    def self_map(self, mask: Float[Tensor, "n c c"]) -> Float[Tensor, "n c c"]:
        """M with X M = w^s X^s."""
        return self._map(self.value, self.weights[0], mask)

    def cross_map(self, mask: Float[Tensor, "n c c"]) -> Float[Tensor, "n c c"]:
        """M with X M = w^c X^c, where ``mask`` is that of the other branch."""
        return self._map(self.cross, self.weights[1], mask)

    @staticmethod
    def _map(
        projection: nn.Linear, weight: Float[Tensor, ""], mask: Float[Tensor, "n c c"]
    ) -> Float[Tensor, "n c c"]:
        return F.linear(mask, (weight * projection.weight).t().to(mask.dtype)).transpose(-1, -2)


class ChannelAttention(nn.Module):
    """Both branches; the exemplars' tensors are computed once, and kept by the caller."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.exemplar = AttentionBranch(width)
        self.search = AttentionBranch(width)

    def enroll(self, x: Float[Tensor, "n p c"]) -> Exemplars:
        """Compute what later frames need of N exemplars X_E of P places."""
        branch = self.exemplar
        mask = branch.mask(x)
        weight = (branch.weights[1] * branch.cross.weight).to(x.dtype)
        return Exemplars(
            own=x + x @ branch.self_map(mask),
            value=F.linear(x, weight),
            mask=self.search.cross_map(mask),
        )

    def forward(
        self,
        exemplars: Exemplars,
        x: Float[Tensor, "n q c"],
        compared: Float[Tensor, "n r c"] | None = None,
    ) -> tuple[Float[Tensor, "n p c"], Float[Tensor, "n q c"]]:
        """Enhance the features of N exemplars and of their search areas X_S of Q places.

        Channels of a search area are compared at all places, or at those R that are given.
        """
        assert exemplars.value is not None
        assert exemplars.mask is not None
        mask = self.search.mask(x if compared is None else compared)
        mixing = self.search.self_map(mask) + exemplars.mask
        own = torch.baddbmm(exemplars.own, exemplars.value, mask.transpose(-1, -2))
        return own, torch.baddbmm(x, x, mixing)


def _normalize_channels(x: Float[Tensor, "n p c"]) -> Float[Tensor, "n p c"]:
    """Scale each channel's P values to length 1; lengths are computed in single precision."""
    length = x.float().square().sum(1, keepdim=True).clamp(min=1e-12).rsqrt()
    return x * length.to(x.dtype)
