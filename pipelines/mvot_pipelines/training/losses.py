"""What SiamMOTION is trained to do on a batch of pairs (SiamMOTION 4.1; SiamRPN)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

from mvot_pipelines.training.pairs import PairBatch
from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.heads import PairwiseCorrelation, PairwiseDepthwiseRPN
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
    touch the target, its look-alikes, count once more. Where nothing is regressed, places up to
    ``radius`` canonical pixels from the target's centre are targets, and others background.
    """

    positive: float = 0.6
    negative: float = 0.3
    balance: float = 1.2
    overlap: float = 1.0
    hardest: int = 32
    radius: float = 16.0

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
        score, parts = self._classified(odds, positive, background, confusing, overlap == 0)
        wanted = encode_boxes(truth[:, None, None, None], anchors)
        distance = F.smooth_l1_loss(deltas, wanted, beta=0.1, reduction="none").sum(-1)
        placed = _mean(distance, positive)
        boxes = _corners(decode_boxes(deltas, anchors)).flatten(1, 3)
        missed = _mean(1 - iou_with(boxes, corners).view(overlap.shape), positive)
        loss = score + self.balance * placed + self.overlap * missed
        return loss, {**parts, "placed": float(placed.detach()), "missed": float(missed.detach())}

    def centred(
        self,
        odds: Float[Tensor, "n h w"],
        places: Float[Tensor, "h w 2"],
        truth: Float[Tensor, "n 4"],
        present: Float[Tensor, " n"],
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """The loss of log odds alone, by how far ``places`` are from the target (SiamMT Eq. 3).

        Other than there, targets are not in the middle, and both kinds of places weigh the same,
        as in SiamFC.
        """
        offset = places - truth[:, None, None, :2]
        near, there = offset.norm(dim=-1) <= self.radius, present[:, None, None] > 0
        apart = (offset.abs() > truth[:, None, None, 2:]).any(-1)
        return self._classified(odds, near & there, ~near & there, near & ~there, apart)

    def _classified(
        self,
        odds: Float[Tensor, "n *k h w"],
        positive: Bool[Tensor, "n *k h w"],
        background: Bool[Tensor, "n *k h w"],
        confusing: Bool[Tensor, "n *k h w"],
        apart: Bool[Tensor, "n *k h w"],
    ) -> tuple[Float[Tensor, ""], dict[str, float]]:
        """What is to be found and what refused; look-alikes are sought where it is ``apart``."""
        refusal = F.softplus(odds)
        found = _mean(F.softplus(-odds), positive)
        refused = _mean(refusal, background) + _mean(refusal, confusing) / 2
        others = (refusal * apart).flatten(1)
        hard = others.topk(min(self.hardest, others.shape[1])).values
        alike = hard.sum() / max(hard.numel(), 1)
        parts = {"found": found, "refused": refused, "alike": alike}
        return 0.5 * (found + refused + alike), {k: float(v.detach()) for k, v in parts.items()}


def pair_loss(
    network: SiamMotionNet,
    loss: PairLoss,
    batch: PairBatch,
    level: int,
    backbone: nn.Module | None = None,
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The loss of a batch of pairs whose search areas all lie on one pyramid ``level`` (1 to 4).

    ``backbone`` stands in for the network's own.
    """
    backbone = network.backbone if backbone is None else backbone
    config, head = network.config, network.head
    device = next(network.parameters()).device
    areas = network.search_areas(batch.priors)
    exemplars = _crops(
        network,
        backbone,
        batch.exemplars,
        network.exemplar_areas(batch.exemplar_boxes),
        batch.exemplar_level,
        config.exemplar_kept,
    )
    crops = _crops(network, backbone, batch.searches, areas, level, config.search_bins)
    compared = network.attend(network.enroll(exemplars), crops)
    truth = torch.as_tensor(canonical(batch.boxes, areas, config.canonical_side), device=device)
    present = torch.as_tensor(batch.positive, device=device).float()
    if isinstance(head, PairwiseDepthwiseRPN):
        return loss(head.outputs(*compared), head.anchors, truth, present)
    assert isinstance(head, PairwiseCorrelation)
    return loss.centred(head.odds(*compared), head.places, truth, present)


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
    """Features of one area of each image, from the map of one level, or of the only one."""
    device = next(network.parameters()).device
    pixels = normalised(torch.as_tensor(images, device=device))
    pixels = pixels.to(next(backbone.parameters()).dtype)
    features = backbone(pixels.contiguous(memory_format=torch.channels_last))
    if isinstance(network.neck, FeaturePyramid):
        maps = network.neck.level(features, level - 1)
    else:
        level = network.config.levels[0]
        maps = network.neck(features[level - 1].permute(0, 2, 3, 1))
    maps = maps.permute(0, 3, 1, 2)
    cells = Cells.dense(list(maps), [2**level] * len(maps), [FIRST_CELL] * len(maps))
    rows = torch.arange(len(maps), device=device)
    return roi_crop(cells, torch.as_tensor(areas, device=device), rows, bins)


def _mean(values: Float[Tensor, "n *k h w"], where: Tensor) -> Float[Tensor, ""]:
    return (values * where).sum() / where.sum().clamp(min=1)


def _corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)
