"""What SiamMOT's two motion models share: one map of features, as of a feature pyramid."""

from abc import ABC

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.siamese.network import SiameseNet

__all__ = ["SiamMotNet"]


class SiamMotNet(SiameseNet, ABC):
    """A ``SiameseNet`` whose levels are summed."""

    @property
    def channels(self) -> int:
        """Those of one level."""
        return int(self.config.width)

    def merge(
        self, early: Float[Tensor, "b d h4 w4"], late: list[Float[Tensor, "b _ h8 w8"]]
    ) -> Float[Tensor, "b h8 w8 c"]:
        """The sum of the levels."""
        levels = [layer(level) for layer, level in zip(self.reduce, late, strict=True)]
        return torch.stack(levels).sum(0).permute(0, 2, 3, 1)
