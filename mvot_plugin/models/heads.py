"""Comparison heads: proposals for N pairs of an exemplar and a search area.

Lengths are in canonical pixels (a bin of the search area has ``stride``), from its middle.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.ops.tensors.anchors import anchor_boxes, decode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.xcorr import pairwise_depthwise_xcorr, pairwise_xcorr

__all__ = ["PairwiseCorrelation", "PairwiseDepthwiseRPN", "Proposals"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposals:
    """K boxes for each of N targets at each cell of the score map, with their scores."""

    logits: Float[Tensor, "n k h w"]
    """Log odds of target against background."""
    boxes: Float[TensorCXCYWH, "n k h w"]
    """The boxes, in canonical pixels."""


class PairwiseDepthwiseRPN(nn.Module):
    """PD-RPN (SiamMOTION Fig. 6): every anchor is classified and regressed.

    A 3 x 3 convolution, with batch norm and ReLU as in SiamRPN++, specialises the features of
    exemplar and search area for classification and for regression; its channels are those of the
    two branches, one after the other. A ``tower`` of depthwise separable 3 x 3 convolutions may
    follow in each branch before its 1 x 1 filters, to include the comparisons of neighbouring
    cells; the paper has none.
    """

    anchors: Float[TensorCXCYWH, "k h w"]

    def __init__(
        self,
        width: int,
        *,
        ratios: Sequence[float],
        scale: float,
        stride: float,
        cells: int,
        tower: int = 0,
    ) -> None:
        super().__init__()
        self.exemplar = _branch_convolution(width)
        self.search = _branch_convolution(width)
        self.classify_tower = nn.Sequential(*(_separable_convolution(width) for _ in range(tower)))
        self.regress_tower = nn.Sequential(*(_separable_convolution(width) for _ in range(tower)))
        self.classify = nn.Linear(width, 2 * len(ratios))
        self.regress = nn.Linear(width, 4 * len(ratios))
        anchors = anchor_boxes(ratios, scale=scale, stride=stride, cells=cells)
        self.register_buffer("anchors", anchors, persistent=False)

    def forward(
        self,
        exemplars: Float[Tensor, "n he he c"],
        search: Float[Tensor, "n hs hs c"],
        last: Float[Tensor, "n 2"],
    ) -> Proposals:
        """Proposals from enhanced features; the ``last`` sizes are not used."""
        outputs, deltas = self.outputs(exemplars, search)
        logits = (outputs[:, 1] - outputs[:, 0]).float()
        return Proposals(logits=logits, boxes=decode_boxes(deltas.float(), self.anchors))

    def outputs(
        self, exemplars: Float[Tensor, "n he he c"], search: Float[Tensor, "n hs hs c"]
    ) -> tuple[Float[Tensor, "n 2 k h w"], Float[Tensor, "n k h w 4"]]:
        """The logits of background and target, and the regression, of each anchor."""
        kernels = self.exemplar(exemplars.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        areas = self.search(search.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        correlated = pairwise_depthwise_xcorr(areas, kernels)
        width = correlated.shape[-1] // 2
        n, h, w = correlated.shape[:3]
        anchors = len(self.anchors)
        classified, regressed = correlated[..., :width], correlated[..., width:]
        classified = self.classify(_apply_tower(self.classify_tower, classified))
        classes = classified.view(n, h, w, 2, anchors)
        regressed = self.regress(_apply_tower(self.regress_tower, regressed))
        deltas = regressed.view(n, h, w, anchors, 4)
        return classes.permute(0, 3, 4, 1, 2), deltas.permute(0, 3, 1, 2, 4)


class PairwiseCorrelation(nn.Module):
    """SiamMT's comparison, the ablation's baseline: one correlation at several scales.

    There is a search area for each of K ``scales``; the proposals of a scale have the target's last
    size times the scale, at every cell of its score map. Correlations are mostly positive and far
    from log odds; a batch norm of the map, ``adjust``, makes them logits.
    """

    places: Float[Tensor, "h w 2"]
    scales: Float[Tensor, " k"]

    def __init__(self, *, scales: Sequence[float], stride: float, cells: int) -> None:
        super().__init__()
        self.adjust = nn.BatchNorm2d(1)
        places = anchor_boxes([1.0], scale=1.0, stride=stride, cells=cells)[0, ..., :2]
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("scales", torch.tensor(scales), persistent=False)

    def forward(
        self,
        exemplars: Float[Tensor, "n he he c"],
        search: Float[Tensor, "nk hs hs c"],
        last: Float[Tensor, "n 2"],
    ) -> Proposals:
        """Proposals of N targets, the K search areas of each being consecutive in ``search``."""
        count = len(self.scales)
        maps = self.logits(exemplars.repeat_interleave(count, 0), search)
        logits = maps.view(-1, count, *maps.shape[1:])
        scales = self.scales[:, None, None, None]
        centre = (self.places * scales).expand(*logits.shape, 2)
        size = (last[:, None, None, None] * scales).expand(*logits.shape, 2)
        return Proposals(logits=logits, boxes=torch.cat([centre, size], dim=-1))

    def logits(
        self, exemplars: Float[Tensor, "n he he c"], search: Float[Tensor, "n hs hs c"]
    ) -> Float[Tensor, "n h w"]:
        """The log odds of the target at each cell of N search areas, one for each exemplar."""
        maps = pairwise_xcorr(search, exemplars[..., None]) / math.prod(exemplars.shape[1:])
        adjusted: Tensor = self.adjust(maps.permute(0, 3, 1, 2))
        return adjusted[:, 0].float()


def _apply_tower(tower: nn.Sequential, x: Float[Tensor, "n h w c"]) -> Float[Tensor, "n h w c"]:
    if not len(tower):
        return x
    refined: Tensor = tower(x.permute(0, 3, 1, 2))
    return refined.permute(0, 2, 3, 1)


def _separable_convolution(width: int) -> nn.Sequential:
    depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
    pointwise = nn.Conv2d(width, width, 1, bias=False)
    return nn.Sequential(depthwise, pointwise, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _branch_convolution(width: int) -> nn.Sequential:
    convolution = nn.Conv2d(width, 2 * width, 3, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True))
