"""The loss of IMSiam (3.4)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.imsiam.network import ImSiamNet, LevelAnswers
from mvot_training.siamese.config import SiameseLossConfig
from mvot_training.siamese.truth import (
    Truth,
    centerness,
    distances_to_edges,
    iou_of_distances,
    mean,
)

__all__ = ["imsiam_loss"]

CENTRE, IGNORED = 0.75, 1.0
"""Sides of the centre region and of the ignored one around it, in sides of the box: Δ1 and Δ2."""
LEAST_IOU = 1e-3
"""The least IoU of which a logarithm is taken."""


def imsiam_loss(
    config: SiameseLossConfig, network: ImSiamNet, answers: Sequence[LevelAnswers], truth: Truth
) -> dict[str, Float[Tensor, ""]]:
    """Eq. 15: the mean of the levels' losses (Eqs. 11 to 14).

    The positive and the negative places of Eq. 7 have the same total weight.
    """
    edges = distances_to_edges(truth.boxes, network.places)
    x, y = torch.meshgrid(network.places, network.places, indexing="xy")
    offset = torch.stack([x, y]) - truth.boxes[:, :2, None, None]
    apart = (offset / (truth.boxes[:, 2:, None, None] / 2)).abs().amax(1)
    present = truth.present[:, None, None]
    positive = (apart <= CENTRE) & present
    negative = (apart > IGNORED) | ~present
    central = centerness(edges)
    parts = []
    for level in answers:
        entropy = [
            F.cross_entropy(level.classes, torch.full_like(apart, c).long(), reduction="none")
            for c in (0, 1)
        ]
        overlap = iou_of_distances(level.distances, edges)
        regression = -overlap.clamp(min=LEAST_IOU).log()
        cross = F.binary_cross_entropy_with_logits
        middle = cross(level.centerness, central, reduction="none")
        predicted = cross(level.iou, overlap.detach().clamp(0, 1), reduction="none")
        parts.append(
            {
                "classes": (mean(entropy[0], positive) + mean(entropy[1], negative)) / 2,
                "regression": config.regression * mean(regression, positive),
                "centerness": config.centerness * mean(middle, positive),
                "iou": config.iou * mean(predicted, positive),
            }
        )
    return {name: torch.stack([part[name] for part in parts]).mean() for name in parts[0]}
