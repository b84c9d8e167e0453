"""The region refinement of SiamAttn (3.3): a better box, and a mask, of the one region selected.

Where the paper correlates without padding and resizes the maps to 25 x 25 and 64 x 64, correlations
here are padded, in the mean over the template's cells, and each region is sampled at once. Of the
backbone's early stages masks take the one of stride 4 alone, and deformable pooling is of boxes.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.siamese.config import STRIDE
from mvot_plugin.models.siamese.network import group_layers
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.types import MASK_BINS

__all__ = ["DeformableRoiPool", "RegionRefinement", "sample_regions"]

BOX_BINS, MASK_INPUT_BINS = 4, 16
"""Bins along a region, of which a box and a mask are predicted."""
SHIFT = 0.1
"""Sides of the region by which an offset of 1 shifts a bin (Dai et al., 2017)."""


def sample_regions(
    maps: Float[Tensor, "n c h w"],
    regions: Float[TensorCXCYWH, " n"],
    bins: int,
    shifts: Float[Tensor, "n b b 2"] | None = None,
    *,
    stride: float = float(STRIDE),
    offset: float = 0.0,
) -> Float[Tensor, "n c b b"]:
    """Bilinear samples at the centres of the bins of one region of each map; 0 beyond it.

    Args:
        maps: N maps, whose middle is the middle of a search area, plus ``offset``.
        regions: In canonical pixels from the middle of the search area.
        bins: Bins B along a region.
        shifts: Shifts (x, y) of the bins, in sides of the region.
        stride: Canonical pixels from a cell of the maps to the next.
        offset: Canonical pixels from the middle of the search area to that of the maps.
    """
    line = (torch.arange(bins, device=maps.device) + 0.5) / bins - 0.5
    y, x = torch.meshgrid(line, line, indexing="ij")
    places = torch.stack([x, y], dim=-1)[None]
    if shifts is not None:
        places = places + shifts
    points = regions[:, None, None, :2] + places * regions[:, None, None, 2:] - offset
    extent = torch.tensor([maps.shape[3], maps.shape[2]], device=maps.device) * (stride / 2)
    grid = points / extent
    return F.grid_sample(maps.float(), grid.float(), align_corners=False).to(maps.dtype)


class DeformableRoiPool(nn.Module):
    """Deformable RoI pooling (Dai et al., 2017): bins are shifted by what the region shows."""

    def __init__(self, width: int, bins: int) -> None:
        super().__init__()
        self.bins = bins
        self.shifts = nn.Linear(width * bins**2, 2 * bins**2)
        nn.init.zeros_(self.shifts.weight)
        nn.init.zeros_(self.shifts.bias)

    def forward(
        self, maps: Float[Tensor, "n c h w"], regions: Float[TensorCXCYWH, " n"]
    ) -> Float[Tensor, "n c b b"]:
        """The features of one region of each map."""
        regular = sample_regions(maps, regions, self.bins)
        shifts = SHIFT * self.shifts(regular.flatten(1)).view(-1, self.bins, self.bins, 2)
        return sample_regions(maps, regions, self.bins, shifts)


class RegionRefinement(nn.Module):
    """The fusion of correlations, and the heads of boxes and masks."""

    def __init__(
        self, width: int, levels: int, hidden: int, mask_width: int, early_width: int
    ) -> None:
        super().__init__()
        self.fuse = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(levels))
        self.pool = DeformableRoiPool(width, BOX_BINS)
        self.box = nn.Sequential(
            nn.Linear(width * BOX_BINS**2, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 4),
        )
        self.early = nn.Conv2d(early_width, mask_width, 3, padding=1)
        self.fused = nn.Conv2d(width, mask_width, 1)
        self.layers = nn.Sequential(*group_layers(mask_width, 4))
        scale = MASK_BINS // MASK_INPUT_BINS
        self.enlarge = nn.ConvTranspose2d(mask_width, mask_width // 2, scale, scale)
        self.mask = nn.Conv2d(mask_width // 2, 1, 1)

    def forward(self, correlations: list[Float[Tensor, "n c s s"]]) -> Float[Tensor, "n c s s"]:
        """The correlations of all levels, fused."""
        parts = [layer(level) for layer, level in zip(self.fuse, correlations, strict=True)]
        return F.relu(torch.stack(parts).sum(0))

    def refine_boxes(
        self, fused: Float[Tensor, "n c s s"], regions: Float[TensorCXCYWH, " n"]
    ) -> Float[Tensor, "n 4"]:
        """The deltas t from one region of each map to the target's box."""
        deltas: Tensor = self.box(self.pool(fused, regions).flatten(1)).float()
        return deltas

    def predict_masks(
        self,
        fused: Float[Tensor, "n c s s"],
        early: Float[Tensor, "n d s2 s2"],
        regions: Float[TensorCXCYWH, " n"],
    ) -> Float[Tensor, "n m m"]:
        """Log odds of the target in the cells of one region of each map.

        ``early`` are features at half the stride, whose first cell lies on the first bin.
        """
        coarse = sample_regions(fused, regions, MASK_INPUT_BINS)
        stride = STRIDE / 2
        fine = sample_regions(
            self.early(early), regions, MASK_INPUT_BINS, stride=stride, offset=stride / 2
        )
        together = F.relu(self.fused(coarse) + fine)
        masks: Tensor = self.mask(F.relu(self.enlarge(self.layers(together))))
        return masks[:, 0].float()
