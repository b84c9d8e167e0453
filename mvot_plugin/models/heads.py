"""Comparison heads: what they propose for N pairs of an exemplar and a search area.

Lengths are in pixels of the canonical search area (31 bins of stride 8), from its middle.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.ops.anchors import anchor_boxes, decode_boxes
from mvot_plugin.ops.xcorr import pairwise_depthwise_xcorr, pairwise_xcorr

__all__ = ["PairwiseCorrelation", "PairwiseDepthwiseRPN", "Proposals"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Proposals:
    """For N targets, K boxes (cx, cy, w, h) at each place of the score map, and their scores.

    ``logits`` are the log odds of target against background.
    """

    logits: Float[Tensor, "n k h w"]
    boxes: Float[Tensor, "n k h w 4"]


class PairwiseDepthwiseRPN(nn.Module):
    """PD-RPN (SiamMOTION Fig. 6): every anchor is classified and regressed.

    A 3 x 3 convolution, with batch norm and ReLU as in SiamRPN++, specialises exemplar and search
    area for classification and for regression; both branches lie side by side in its channels.
    A ``tower`` of depthwise separable 3 x 3 convolutions may follow in each branch before its 1 x 1
    filters, so that a place sees how its neighbours compare; the paper has none.
    """

    anchors: Float[Tensor, "k h w 4"]

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
        self.exemplar = _specialised(width)
        self.search = _specialised(width)
        self.classify_tower = nn.Sequential(*(_separable(width) for _ in range(tower)))
        self.regress_tower = nn.Sequential(*(_separable(width) for _ in range(tower)))
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
        """Proposals from the enhanced features; ``last`` sizes are not used."""
        outputs, deltas = self.outputs(exemplars, search)
        logits = (outputs[:, 1] - outputs[:, 0]).float()
        return Proposals(logits=logits, boxes=decode_boxes(deltas.float(), self.anchors))

    def outputs(
        self, exemplars: Float[Tensor, "n he he c"], search: Float[Tensor, "n hs hs c"]
    ) -> tuple[Float[Tensor, "n 2 k h w"], Float[Tensor, "n k h w 4"]]:
        """Background and target logits, and the regression of each anchor."""
        kernels = self.exemplar(exemplars.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        areas = self.search(search.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        compared = pairwise_depthwise_xcorr(areas, kernels)
        width = compared.shape[-1] // 2
        n, h, w = compared.shape[:3]
        anchors = len(self.anchors)
        found, placed = compared[..., :width], compared[..., width:]
        classes = self.classify(_through(self.classify_tower, found)).view(n, h, w, 2, anchors)
        deltas = self.regress(_through(self.regress_tower, placed)).view(n, h, w, anchors, 4)
        return classes.permute(0, 3, 4, 1, 2), deltas.permute(0, 3, 1, 2, 4)


class PairwiseCorrelation(nn.Module):
    """SiamMT's comparison, the ablation's baseline: one correlation, tried at several scales.

    The search area comes once for each of K ``scales``; a scale's proposals have the target's last
    size times the scale, at every place of its score map. Products of features
    are far from log odds, most of them positive; a batch norm of the map ``adjust``s them.
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
        """Proposals of N targets whose K search areas follow each other in ``search``."""
        count = len(self.scales)
        odds = self.odds(exemplars.repeat_interleave(count, 0), search)
        logits = odds.view(-1, count, *odds.shape[1:])
        scaled = self.scales[:, None, None, None]
        centre = (self.places * scaled).expand(*logits.shape, 2)
        size = (last[:, None, None, None] * scaled).expand(*logits.shape, 2)
        return Proposals(logits=logits, boxes=torch.cat([centre, size], dim=-1))

    def odds(
        self, exemplars: Float[Tensor, "n he he c"], search: Float[Tensor, "n hs hs c"]
    ) -> Float[Tensor, "n h w"]:
        """The log odds of the target at each place of N search areas, one to an exemplar."""
        maps = pairwise_xcorr(search, exemplars[..., None]) / math.prod(exemplars.shape[1:])
        adjusted: Tensor = self.adjust(maps.permute(0, 3, 1, 2))
        return adjusted[:, 0].float()


def _through(tower: nn.Sequential, x: Float[Tensor, "n h w c"]) -> Float[Tensor, "n h w c"]:
    if not len(tower):
        return x
    refined: Tensor = tower(x.permute(0, 3, 1, 2))
    return refined.permute(0, 2, 3, 1)


def _separable(width: int) -> nn.Sequential:
    spread = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
    mix = nn.Conv2d(width, width, 1, bias=False)
    return nn.Sequential(spread, mix, nn.BatchNorm2d(width), nn.ReLU(inplace=True))


def _specialised(width: int) -> nn.Sequential:
    convolution = nn.Conv2d(width, 2 * width, 3, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True))
