"""What the networks are to answer, and parts of the papers' losses that they share."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from mvot_plugin.ops.tensors.boxes import TensorCXCYWH, cxcywh_to_xyxy

__all__ = ["Truth", "centerness", "distances_to_edges", "focal_loss", "iou_of_distances", "mean"]

FOCAL_SHARE, FOCAL_POWER = 0.25, 2.0
"""alpha and gamma of the focal loss (Lin et al., 2017)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """The ground truth of N pairs, in canonical pixels from the middle of the search area."""

    boxes: Float[TensorCXCYWH, " n"]
    present: Bool[Tensor, " n"]
    """Whether the exemplar's object is in sight in that box."""
    areas: Float[TensorCXCYWH, " n"]
    """The search areas, in pixels from the middle of the search images."""
    side: int
    """Canonical pixels along a search area."""
    masked: Bool[Tensor, " n"]
    """Whether the object's mask is known."""
    masks: Float[Tensor, "n h w"] | None = None
    """1 where the pixel of the search image shows the object, else 0; None without masks."""

    def to_pixels(
        self, regions: Float[TensorCXCYWH, " n"], rows: Int64[Tensor, " n"]
    ) -> Float[TensorCXCYWH, " n"]:
        """Regions of the search areas of some rows, in pixels from the middle of the images."""
        areas = self.areas[rows]
        unit = areas[:, 2:] / self.side
        return torch.cat([areas[:, :2] + regions[:, :2] * unit, regions[:, 2:] * unit], dim=1)


def distances_to_edges(
    boxes: Float[TensorCXCYWH, " n"], places: Float[Tensor, " p"]
) -> Float[Tensor, "n 4 p p"]:
    """From each place to the left, top, right and bottom; negative where it is outside."""
    edges = cxcywh_to_xyxy(boxes)[..., None, None]
    x, y = torch.meshgrid(places, places, indexing="xy")
    points = torch.stack([x, y])
    return torch.cat([points - edges[:, :2], edges[:, 2:] - points], dim=1)


def centerness(distances: Float[Tensor, "n 4 p p"]) -> Float[Tensor, "n p p"]:
    """How central each place is in its box (FCOS; SiamMOT's w, IMSiam Eq. 9); 0 outside."""
    inside = distances.clamp(min=0)
    across, down = inside[:, 0::2], inside[:, 1::2]
    ratios = across.amin(1) * down.amin(1) / (across.amax(1) * down.amax(1)).clamp(min=1e-6)
    return ratios.sqrt()


def iou_of_distances(
    one: Float[Tensor, "n 4 p p"], other: Float[Tensor, "n 4 p p"]
) -> Float[Tensor, "n p p"]:
    """IoU of the boxes with these distances from the same places."""
    low = torch.minimum(one, other)
    shared = (low[:, 0] + low[:, 2]).clamp(min=0) * (low[:, 1] + low[:, 3]).clamp(min=0)
    areas = [(d[:, 0] + d[:, 2]) * (d[:, 1] + d[:, 3]) for d in (one, other)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-6)


def focal_loss(logits: Float[Tensor, "*n"], positive: Bool[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """The focal loss of each (Lin et al., 2017)."""
    target = positive.float()
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    missed = (logits.sigmoid() - target).abs()
    share = FOCAL_SHARE * target + (1 - FOCAL_SHARE) * (1 - target)
    return share * missed**FOCAL_POWER * entropy


def mean(values: Float[Tensor, "*n"], weights: Tensor) -> Float[Tensor, ""]:
    """The weighted mean; 0 where all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=1e-6)
