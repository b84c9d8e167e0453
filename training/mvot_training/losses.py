"""The loss of a batch of pairs (SiamMOTION 4.1; SiamRPN)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.heads import PairwiseCorrelation, PairwiseDepthwiseRPN
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.ops.geometry import FIRST_CELL
from mvot_plugin.ops.tensors.anchors import decode_boxes, encode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH, batched_iou, cxcywh_to_xyxy
from mvot_plugin.ops.tensors.normalization import normalize_images
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop
from mvot_plugin.types import CXCYWH, XYXY
from mvot_training.pairs.batches import PairBatch

__all__ = [
    "PairLossConfig",
    "classification_loss",
    "pair_loss",
    "rpn_loss",
    "score_map_loss",
    "to_canonical_pixels",
]


@dataclass(frozen=True, kw_only=True)
class PairLossConfig:
    """Settings of the loss of a batch of pairs (SiamMOTION 4.1; SiamRPN)."""

    positive_iou: float = 0.6
    """Anchors with an IoU above this with the ground truth are positive."""
    negative_iou: float = 0.3
    """Anchors with an IoU below this are negative; those between the two do not count."""
    box_weight: float = 1.2
    """Weight of the box regression, a smooth L1 of the positive anchors' deltas."""
    iou_weight: float = 1.0
    """Weight of the IoU loss, 1 - IoU, of the positive anchors' boxes."""
    hardest: int = 32
    """Of each pair's anchors that do not touch the target, so many with the largest loss count
    once more: these are its distractors."""
    radius: float = 16.0
    """Without regression: positions up to so many canonical pixels from the target's centre are
    positive, all others negative (SiamMT Eq. 3)."""


def rpn_loss(
    config: PairLossConfig,
    outputs: tuple[Float[Tensor, "n 2 k h w"], Float[Tensor, "n k h w 4"]],
    anchors: Float[TensorCXCYWH, "k h w"],
    ground_truth: Float[TensorCXCYWH, " n"],
    present: Float[Tensor, " n"],
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The loss of a region proposal network's logits and deltas, and its parts by name.

    ``ground_truth`` is in canonical pixels; ``present`` is 1 where that is the exemplar's object, 0
    in negative pairs.
    """
    logits, deltas = outputs[0].float(), outputs[1].float()
    corners = cxcywh_to_xyxy(ground_truth[:, None])
    overlap = batched_iou(
        cxcywh_to_xyxy(anchors.reshape(1, -1, 4)).expand(len(ground_truth), -1, 4), corners
    )
    overlap = overlap.view(len(ground_truth), *anchors.shape[:3])
    is_present = present[:, None, None, None] > 0
    positive = (overlap > config.positive_iou) & is_present
    background = (overlap < config.negative_iou) & is_present
    # the other object at the centre is what a negative pair must learn to reject
    confusing = (overlap > config.negative_iou) & ~is_present
    log_odds = logits[:, 1] - logits[:, 0]
    score, parts = classification_loss(
        config, log_odds, positive, background, confusing, overlap == 0
    )
    target_deltas = encode_boxes(ground_truth[:, None, None, None], anchors)
    distance = F.smooth_l1_loss(deltas, target_deltas, beta=0.1, reduction="none").sum(-1)
    box_loss = _masked_mean(distance, positive)
    boxes = cxcywh_to_xyxy(decode_boxes(deltas, anchors)).flatten(1, 3)
    iou_loss = _masked_mean(1 - batched_iou(boxes, corners).view(overlap.shape), positive)
    loss = score + config.box_weight * box_loss + config.iou_weight * iou_loss
    return loss, {**parts, "box": float(box_loss.detach()), "iou": float(iou_loss.detach())}


def score_map_loss(
    config: PairLossConfig,
    log_odds: Float[Tensor, "n h w"],
    positions: Float[Tensor, "h w 2"],
    ground_truth: Float[TensorCXCYWH, " n"],
    present: Float[Tensor, " n"],
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The loss of a score map's log odds, by the positions' distance to the target (SiamMT Eq. 3).

    Unlike there, targets are not in the middle; positive and negative positions have the same total
    weight, as in SiamFC.
    """
    offset = positions - ground_truth[:, None, None, :2]
    near, is_present = offset.norm(dim=-1) <= config.radius, present[:, None, None] > 0
    apart = (offset.abs() > ground_truth[:, None, None, 2:]).any(-1)
    return classification_loss(
        config, log_odds, near & is_present, ~near & is_present, near & ~is_present, apart
    )


def classification_loss(
    config: PairLossConfig,
    log_odds: Float[Tensor, "n *k h w"],
    positive: Bool[Tensor, "n *k h w"],
    background: Bool[Tensor, "n *k h w"],
    confusing: Bool[Tensor, "n *k h w"],
    apart: Bool[Tensor, "n *k h w"],
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The cross-entropies of positives, of negatives, and of the hardest negatives once more.

    ``confusing`` is where negative pairs have the other object; the hardest negatives are
    searched where it is ``apart`` from the target.
    """
    rejection = F.softplus(log_odds)
    positive_loss = _masked_mean(F.softplus(-log_odds), positive)
    negative_loss = _masked_mean(rejection, background) + _masked_mean(rejection, confusing) / 2
    others = (rejection * apart).flatten(1)
    hard = others.topk(min(config.hardest, others.shape[1])).values
    hardest_loss = hard.sum() / max(hard.numel(), 1)
    parts = {"positive": positive_loss, "negative": negative_loss, "hardest": hardest_loss}
    loss = 0.5 * (positive_loss + negative_loss + hardest_loss)
    return loss, {name: float(part.detach()) for name, part in parts.items()}


def pair_loss(
    network: SiamMotionNet,
    config: PairLossConfig,
    batch: PairBatch,
    level: int,
    backbone: nn.Module | None = None,
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The loss of a batch of pairs whose search areas are all of one pyramid ``level`` (1 to 4).

    ``backbone`` replaces the network's own, as a faster copy of it.
    """
    backbone = network.backbone if backbone is None else backbone
    shape, head = network.config, network.head
    device = next(network.parameters()).device
    areas = shape.search_areas(batch.priors)
    exemplars = _crop_features(
        network,
        backbone,
        batch.exemplars,
        shape.exemplar_areas(batch.exemplar_boxes),
        batch.exemplar_level,
        shape.exemplar_kept,
    )
    crops = _crop_features(network, backbone, batch.searches, areas, level, shape.search_bins)
    attended = network.attend(network.enroll(exemplars), crops)
    ground_truth = torch.as_tensor(
        to_canonical_pixels(batch.boxes, areas, shape.canonical_side), device=device
    )
    present = torch.as_tensor(batch.positive, device=device).float()
    if isinstance(head, PairwiseDepthwiseRPN):
        return rpn_loss(config, head.outputs(*attended), head.anchors, ground_truth, present)
    assert isinstance(head, PairwiseCorrelation)
    return score_map_loss(config, head.logits(*attended), head.places, ground_truth, present)


def to_canonical_pixels(
    boxes: Float32[XYXY, " n"], areas: Float32[XYXY, " n"], side: int
) -> Float32[CXCYWH, " n"]:
    """Boxes relative to the middle of their areas, in pixels of areas of ``side`` x ``side``."""
    relative, centred_areas = xyxy_to_cxcywh(boxes), xyxy_to_cxcywh(areas)
    relative[:, :2] -= centred_areas[:, :2]
    return np.asarray(relative * np.tile(side / centred_areas[:, 2:], 2), np.float32)


def _crop_features(
    network: SiamMotionNet,
    backbone: nn.Module,
    images: np.ndarray,
    areas: Float32[XYXY, " n"],
    level: int,
    bins: int,
) -> Float[Tensor, "n bins bins c"]:
    """Features of one area of each image, from the map of one level, or of the only one."""
    device = next(network.parameters()).device
    pixels = normalize_images(torch.as_tensor(images, device=device))
    pixels = pixels.to(next(backbone.parameters()).dtype)
    features = backbone(pixels.contiguous(memory_format=torch.channels_last))
    if isinstance(network.neck, FeaturePyramid):
        maps = network.neck.compute_level(features, level - 1)
    else:
        level = network.config.tracking_level
        maps = network.neck(features[level - 1].permute(0, 2, 3, 1))
    maps = maps.permute(0, 3, 1, 2)
    cells = FeatureTable.from_maps(list(maps), [2**level] * len(maps), [FIRST_CELL] * len(maps))
    rows = torch.arange(len(maps), device=device)
    return roi_crop(cells, torch.as_tensor(areas, device=device), rows, bins)


def _masked_mean(values: Float[Tensor, "n *k h w"], mask: Tensor) -> Float[Tensor, ""]:
    return (values * mask).sum() / mask.sum().clamp(min=1)
