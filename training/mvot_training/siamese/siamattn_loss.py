"""The loss of SiamAttn (3.4)."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.siamattn.network import AttnAnswers, SiamAttnNet
from mvot_plugin.models.siamattn.refinement import RegionRefinement, sample_regions
from mvot_plugin.ops.tensors.anchors import encode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.types import MASK_BINS
from mvot_training.losses import PairLossConfig, rpn_loss
from mvot_training.siamese.config import SiameseLossConfig
from mvot_training.siamese.truth import Truth

__all__ = ["siamattn_loss"]

SHIFT, GROWTH = 0.15, 0.25
"""How far regions are shifted, in sides of the box, and grown (logarithm), at most: their IoU with
the ground truth is mostly above 0.5."""


def siamattn_loss(
    config: SiameseLossConfig, network: SiamAttnNet, answers: AttnAnswers, truth: Truth
) -> dict[str, Float[Tensor, ""]]:
    """Eq. 5: the proposals' losses, as PD-RPN's, those of refined boxes, and of masks."""
    outputs = answers.classes, answers.deltas
    proposals, _ = rpn_loss(
        PairLossConfig(), outputs, network.anchors, truth.boxes, truth.present.float()
    )
    losses = {"proposals": proposals}
    if network.refinement is None:
        return losses
    rows = truth.present.nonzero()[:, 0]
    losses["refinement"] = config.refinement * _refine(
        network.refinement, answers, truth, rows, config.regions
    )
    if truth.masks is not None:
        rows = (truth.present & truth.masked).nonzero()[:, 0]
        losses["masks"] = config.masks * _predict_masks(network.refinement, answers, truth, rows)
    return losses


def _refine(
    refinement: RegionRefinement, answers: AttnAnswers, truth: Truth, rows: Tensor, count: int
) -> Float[Tensor, ""]:
    """The smooth L1 of the deltas of ``count`` regions of each row."""
    assert answers.fused is not None
    if not len(rows):
        return answers.fused.sum() * 0
    repeated = rows.repeat_interleave(count)
    boxes = truth.boxes[repeated]
    regions = _sample_regions(boxes)
    deltas = refinement.refine_boxes(answers.fused[repeated], regions)
    return F.smooth_l1_loss(deltas, encode_boxes(boxes, regions), beta=0.1)


def _predict_masks(
    refinement: RegionRefinement, answers: AttnAnswers, truth: Truth, rows: Tensor
) -> Float[Tensor, ""]:
    """The cross-entropy of the masks of a region of each row."""
    assert answers.fused is not None
    assert answers.early is not None
    assert truth.masks is not None
    if not len(rows):
        return answers.fused.sum() * 0
    regions = _sample_regions(truth.boxes[rows])
    predicted = refinement.predict_masks(answers.fused[rows], answers.early[rows], regions)
    pixels = truth.to_pixels(regions, rows)
    wanted = sample_regions(truth.masks[rows, None], pixels, MASK_BINS, stride=1.0)[:, 0]
    return F.binary_cross_entropy_with_logits(predicted, wanted)


def _sample_regions(boxes: Float[TensorCXCYWH, " n"]) -> Float[TensorCXCYWH, " n"]:
    """Boxes about those of the ground truth."""
    noise = 2 * torch.rand(len(boxes), 4, device=boxes.device) - 1
    centre = boxes[:, :2] + SHIFT * noise[:, :2] * boxes[:, 2:]
    return torch.cat([centre, boxes[:, 2:] * (GROWTH * noise[:, 2:]).exp()], dim=1)
