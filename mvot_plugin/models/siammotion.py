"""SiamMOTION's network: backbone, proposal engine, comparison head (Fig. 2).

It is used in four calls:

    features = network.features(image)                             # once per frame
    table = network.feature_table(features, areas, levels, bins)   # the pyramid's cells of areas
    exemplars = network.enroll(network.crop(table, ...))           # once per target
    proposals = network.compare(exemplars, network.crop(table, ...), last)
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn

from mvot_plugin.errors import UsageError
from mvot_plugin.models.attention import ChannelAttention, Exemplars
from mvot_plugin.models.backbones import STRIDES, build_backbone
from mvot_plugin.models.fpn import TILE, FeaturePyramid
from mvot_plugin.models.heads import PairwiseCorrelation, PairwiseDepthwiseRPN, Proposals
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.models.siammotion_config import SiamMotionConfig
from mvot_plugin.ops.areas import context_side, pyramid_level, square_areas, update_level
from mvot_plugin.ops.roi import FeatureTable, roi_crop
from mvot_plugin.ops.tiles import find_needed_tiles
from mvot_plugin.timing import stage
from mvot_plugin.types import XYXY

__all__ = ["FIRST_CELL", "SiamMotionNet"]

FIRST_CELL = 0.5
"""Pixels from the frame's edge to the centre of a padded network's first cell, at every stride."""


class SiamMotionNet(nn.Module):
    """The network of a ``SiamMotionConfig``; it keeps no state of targets."""

    def __init__(self, config: SiamMotionConfig) -> None:
        super().__init__()
        if config.exemplar_kept > config.exemplar_bins or config.exemplar_bins % 2 == 0:
            raise UsageError("exemplar_bins must be odd, and exemplar_kept at most as large")
        self.config = config
        self.backbone = build_backbone(config.backbone, config.backbone_width)
        self.neck: nn.Module
        if config.pyramid:
            self.neck = FeaturePyramid(self.backbone.channels, config.width)
        else:
            self.neck = nn.Linear(self.backbone.channels[2], config.width)
        self.attention = ChannelAttention(config.width) if config.attention else None
        self.head: nn.Module
        if config.rpn:
            self.head = PairwiseDepthwiseRPN(
                config.width,
                ratios=config.ratios,
                scale=config.anchor_scale,
                stride=float(config.stride),
                cells=config.score_cells,
                tower=config.tower,
            )
        else:
            self.head = PairwiseCorrelation(
                scales=config.scales, stride=float(config.stride), cells=config.score_cells
            )
        self.inertia = Inertia(config.known, config.inertia_hidden) if config.inertia else None

    def features(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The backbone's features of normalised RGB images whose sides are multiples of 16."""
        maps = [images]
        for number, level in enumerate(self.backbone.levels, 1):
            with stage(f"level {number}"):
                maps.append(level(maps[-1]))
        return maps[1:]

    def exemplar_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The part of each box's exemplar area (Eq. 6) that is kept as the exemplar."""
        config = self.config
        side = context_side(boxes, config.context) * config.exemplar_kept / config.exemplar_bins
        return square_areas(boxes, side)

    def search_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The search area of each box, in the resolution of its exemplar (SiamMOTION 4.1)."""
        config = self.config
        side = context_side(boxes, config.context) * config.search_bins / config.exemplar_bins
        return square_areas(boxes, side)

    def levels(self, areas: Float[XYXY, " n"]) -> Int64[np.ndarray, " n"]:
        """The pyramid level of each search area (Eq. 1), and of the exemplar that belongs to it."""
        return pyramid_level(areas, *self.config.levels)

    def update_levels(
        self, areas: Float32[XYXY, " n"], levels: Int64[np.ndarray, " n"], slack: float
    ) -> Int64[np.ndarray, " n"]:
        """The levels to search N targets on, with hysteresis around those of their exemplars."""
        return update_level(areas, levels, slack, *self.config.levels)

    def feature_table(
        self,
        features: Sequence[Float[Tensor, "1 _ _ _"]],
        areas: Float32[XYXY, " n"],
        levels: Int64[np.ndarray, " n"],
        bins: int,
    ) -> FeatureTable:
        """Compute the pyramid of one image where crops of N areas to ``bins`` bins need it."""
        first = self.config.levels[0]
        if not isinstance(self.neck, FeaturePyramid):
            level = self.neck(features[first - 1].permute(0, 2, 3, 1))[0].permute(2, 0, 1)
            return FeatureTable.from_maps([level], [STRIDES[first - 1]], [FIRST_CELL])
        sizes = [(f.shape[3], f.shape[2]) for f in features]
        needed = {
            level: find_needed_tiles(
                areas[levels - first == level],
                bins=bins,
                tile=TILE,
                stride=STRIDES[level],
                origin=FIRST_CELL,
                size=sizes[level],
            )
            for level in np.unique(levels - first).tolist()
        }
        device = features[0].device
        wanted = {k: torch.as_tensor(np.argwhere(v), device=device) for k, v in needed.items()}
        tiles = self.neck.compute_tiles(features, wanted)
        empty = features[-1].new_empty(0, self.config.width)
        values = torch.cat([empty, *(t.flatten(0, 2) for t in tiles.values())])
        return FeatureTable.from_tiles(values, TILE, needed, sizes, STRIDES, FIRST_CELL)

    def crop(
        self,
        table: FeatureTable,
        areas: Float32[XYXY, " n"],
        levels: Int64[np.ndarray, " n"],
        bins: int,
    ) -> Float[Tensor, "n bins bins c"]:
        """Crop the features of N areas from the pyramid of one image."""
        device = table.values.device
        maps = torch.as_tensor(levels - self.config.levels[0], device=device)
        return roi_crop(table, torch.as_tensor(areas, device=device), maps, bins)

    def enroll(self, crops: Float[Tensor, "n b b c"]) -> Exemplars:
        """Compute what later frames need of N exemplars, from their features."""
        x = crops.flatten(1, 2)
        if self.attention is None:
            return Exemplars(own=x)
        exemplars: Exemplars = self.attention.enroll(x)
        return exemplars

    def empty_exemplars(self) -> Exemplars:
        """The tensors of no exemplars."""
        weight, bins = next(self.backbone.parameters()), self.config.exemplar_kept
        return self.enroll(weight.new_zeros(0, bins, bins, self.config.width))

    def attend(
        self, exemplars: Exemplars, crops: Float[Tensor, "m b b c"]
    ) -> tuple[Float[Tensor, "m k k c"], Float[Tensor, "m b b c"]]:
        """Enhance the features of exemplars and of their search areas, one of each (Fig. 5)."""
        own, x = exemplars.own, crops.flatten(1, 2)
        if self.attention is not None:
            own, x = self.attention(exemplars, x)
        side = self.config.exemplar_kept
        return own.view(-1, side, side, own.shape[2]), x.view(crops.shape)

    def compare(
        self,
        exemplars: Exemplars,
        crops: Float[Tensor, "m b b c"],
        last: Float[Tensor, "n 2"],
    ) -> Proposals:
        """Propose boxes for N targets from the features of their search areas.

        Args:
            exemplars: N exemplars.
            crops: The features of the search areas; those of a target, one for each of the config's
                ``search_scales``, are consecutive.
            last: The targets' last (w, h) in canonical pixels.
        """
        count = len(self.config.search_scales)
        if count > 1:
            rows = np.arange(len(exemplars)).repeat(count)
            exemplars = exemplars[rows]
        with stage("attention"):
            own, x = self.attend(exemplars, crops)
        with stage("head"):
            proposals: Proposals = self.head(own[count // 2 :: count], x, last)
        return proposals
