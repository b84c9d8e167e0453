"""What SiamMOTION is trained to do on a batch of pairs (SiamMOTION 4.1; SiamRPN)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32
from torch import Tensor, nn

from mvot_pipelines.training.pairs import PairBatch
from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.heads import PairwiseDepthwiseRPN
from mvot_plugin.models.siammotion import FIRST_CELL, SiamMotionNet
from mvot_plugin.ops.anchors import decode_boxes, encode_boxes
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.ops.pixels import normalised
from mvot_plugin.ops.roi import Cells, roi_crop
from mvot_plugin.ops.voting import iou_with

__all__ = ["PairLoss", "pair_loss"]


@dataclass(frozen=True, kw_only=True)
class PairLoss:
    """Anchors above ``positive`` IoU are targets, below ``negative`` background, others nothing.

    Classification is the mean of both kinds' cross-entropies; regression, of the positives, a
    smooth L1 weighed by ``balance`` and what the boxes lack to an IoU of 1, weighed by ``overlap``.
    Most of a search area is easy to refuse; the ``hardest`` of each pair's anchors that do not
    touch the target, its look-alikes, count once more.
    """

    positive: float = 0.6
    negative: float = 0.3
    balance: float = 1.2
    overlap: float = 1.0
    hardest: int = 32

    def __call__(
        self,
        outputs: tuple[Float[Tensor, "n 2 k h w"], Float[Tensor, "n k h w 4"]],
        anchors: Float[Tensor, "k h w 4"],
        truth: Float[Tensor, "n 4"],
        present: Float[Tensor, " n"],
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """The loss, and its parts by name.

        ``truth`` are boxes (cx, cy, w, h) in canonical pixels, and ``present`` 1 where the box is
        the exemplar's object, 0 in negative pairs.
        """
        logits, deltas = outputs[0].float(), outputs[1].float()
        flat = anchors.reshape(1, -1, 4)
        corners = _corners(truth[:, None])
        overlap = iou_with(_corners(flat).expand(len(truth), -1, 4), corners)
        overlap = overlap.view(len(truth), *anchors.shape[:3])
        there = present[:, None, None, None] > 0
        positive = (overlap > self.positive) & there
        background = (overlap < self.negative) & there
        # the other object at the centre is what a negative pair must learn to refuse
        confusing = (overlap > self.negative) & ~there
        odds = logits[:, 1] - logits[:, 0]
        found = _mean(F.softplus(-odds), positive)
        refusal = F.softplus(odds)
        apart = (refusal * (overlap == 0)).flatten(1)
        hard = apart.topk(min(self.hardest, apart.shape[1])).values
        alike = hard.sum() / max(hard.numel(), 1)
        refused = _mean(refusal, background) + _mean(refusal, confusing) / 2
        wanted = encode_boxes(truth[:, None, None, None], anchors)
        distance = F.smooth_l1_loss(deltas, wanted, beta=0.1, reduction="none").sum(-1)
        placed = _mean(distance, positive)
        boxes = _corners(decode_boxes(deltas, anchors)).flatten(1, 3)
        missed = _mean(1 - iou_with(boxes, corners).view(overlap.shape), positive)
        loss = 0.5 * (found + refused + alike) + self.balance * placed + self.overlap * missed
        values = found, refused, alike, placed, missed
        parts = dict(zip(("found", "refused", "alike", "placed", "missed"), values, strict=True))
        return loss, {name: float(value.detach()) for name, value in parts.items()}


def pair_loss(
    network: SiamMotionNet,
    loss: PairLoss,
    batch: PairBatch,
    level: int,
    backbone: nn.Module | None = None,
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The loss of a batch of pairs whose areas all lie on one pyramid ``level`` (1 to 4).

    ``backbone`` stands in for the network's own.
    """
    backbone = network.backbone if backbone is None else backbone
    config, head = network.config, network.head
    assert isinstance(head, PairwiseDepthwiseRPN)
    device = next(network.parameters()).device
    areas = network.search_areas(batch.priors)
    exemplars = _crops(
        network,
        backbone,
        batch.exemplars,
        network.exemplar_areas(batch.exemplar_boxes),
        level,
        config.exemplar_kept,
    )
    crops = _crops(network, backbone, batch.searches, areas, level, config.search_bins)
    outputs = head.outputs(*network.attend(network.enroll(exemplars), crops))
    truth = torch.as_tensor(canonical(batch.boxes, areas, config.canonical_side), device=device)
    present = torch.as_tensor(batch.positive, device=device).float()
    return loss(outputs, head.anchors, truth, present)


def canonical(
    boxes: Float32[np.ndarray, "n 4"], areas: Float32[np.ndarray, "n 4"], side: int
) -> Float32[np.ndarray, "n 4"]:
    """Boxes (cx, cy, w, h) from the middle of their areas, whose side is ``side`` pixels."""
    centred, about = xyxy_to_cxcywh(boxes), xyxy_to_cxcywh(areas)
    centred[:, :2] -= about[:, :2]
    return np.asarray(centred * (side / about[:, 2:3]), np.float32)


def _crops(
    network: SiamMotionNet,
    backbone: nn.Module,
    images: np.ndarray,
    areas: Float32[np.ndarray, "n 4"],
    level: int,
    bins: int,
) -> Float[Tensor, "n bins bins c"]:
    """Features of one area of each image, from the map of one level."""
    device = next(network.parameters()).device
    assert isinstance(network.neck, FeaturePyramid)
    pixels = normalised(torch.as_tensor(images, device=device))
    pixels = pixels.to(next(backbone.parameters()).dtype)
    features = backbone(pixels.contiguous(memory_format=torch.channels_last))
    maps = network.neck.level(features, level - 1).permute(0, 3, 1, 2)
    cells = Cells.dense(list(maps), [2**level] * len(maps), [FIRST_CELL] * len(maps))
    rows = torch.arange(len(maps), device=device)
    return roi_crop(cells, torch.as_tensor(areas, device=device), rows, bins)


def _mean(values: Float[Tensor, "n k h w"], where: Tensor) -> Float[Tensor, ""]:
    return (values * where).sum() / where.sum().clamp(min=1)


def _corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)
