"""The losses of SiamMOT's motion models (Eqs. 3 and 6)."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.siammot.emm import EmmAnswers, ExplicitMotionModel
from mvot_plugin.models.siammot.imm import ImmAnswers, ImplicitMotionModel
from mvot_plugin.ops.tensors.anchors import encode_boxes
from mvot_training.siamese.config import SiameseLossConfig
from mvot_training.siamese.truth import (
    Truth,
    centerness,
    distances_to_edges,
    focal_loss,
    iou_of_distances,
    mean,
)

__all__ = ["emm_loss", "imm_loss"]


def emm_loss(
    config: SiameseLossConfig, network: ExplicitMotionModel, answers: EmmAnswers, truth: Truth
) -> dict[str, Float[Tensor, ""]]:
    """Eq. 6: the focal loss of all places, and the IoU loss of those within the box.

    A place counts in the second one as far as it is central in the box.
    """
    edges = distances_to_edges(truth.boxes, network.places)
    inside = (edges > 0).all(1) & truth.present[:, None, None]
    visibility = focal_loss(answers.visibility, inside).sum() / inside.sum().clamp(min=1)
    overlap = iou_of_distances(answers.distances, edges.clamp(min=0))
    location = mean(1 - overlap, centerness(edges) * inside)
    return {"visibility": visibility, "location": config.region * location}


def imm_loss(
    config: SiameseLossConfig, network: ImplicitMotionModel, answers: ImmAnswers, truth: Truth
) -> dict[str, Float[Tensor, ""]]:
    """Eq. 3: the focal loss of the visibility, and the smooth L1 of m where the target is visible.

    It is visible where its centre lies in the search area.
    """
    side = network.config.canonical_side
    near = (truth.boxes[:, :2].abs() < side / 2).all(1)
    visible = truth.present & near
    visibility = focal_loss(answers.visibility, visible).sum() / visible.sum().clamp(min=1)
    extent = truth.boxes[:, 2:].new_full((1, 2), side / network.config.region)
    before = F.pad(extent, (2, 0)).expand(len(truth.boxes), -1)
    distance = F.smooth_l1_loss(
        answers.motion, encode_boxes(truth.boxes, before), beta=0.1, reduction="none"
    )
    return {"visibility": visibility, "motion": config.region * mean(distance.sum(1), visible)}
