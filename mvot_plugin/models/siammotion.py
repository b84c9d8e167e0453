"""SiamMOTION's network: backbone, proposal engine, comparison head (Fig. 2).

It is used in four calls:

    features = network.features(image)                         # once per frame
    cells = network.cells(features, areas, levels, bins)       # where there are areas
    exemplars = network.enroll(network.crop(cells, ...))       # once per target
    proposals = network.compare(exemplars, network.crop(cells, ...), last)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
from mvot_plugin.models.settings import config_from
from mvot_plugin.ops.areas import context_side, pyramid_level, square_areas, steady_level
from mvot_plugin.ops.roi import Cells, roi_crop
from mvot_plugin.ops.tiles import needed_tiles

__all__ = ["PRESETS", "SiamMotionConfig", "SiamMotionNet"]

FIRST_CELL = 0.5
"""Pixels from the frame's edge to the centre of a padded network's first cell, at any stride."""


@dataclass(frozen=True, kw_only=True)
class SiamMotionConfig:
    """The network's shape; the defaults are the paper's.

    ``backbone`` is "resnet18", of ``backbone_width`` channels in its stem, or an EfficientNet-Lite:
    "lite0", "lite1", "lite2". ``width`` is the channels of pyramid, attention and head. ``tower``
    is how many convolutions PD-RPN has after the comparison. ``certainty`` is the slope and the
    offset, measured after training, that make the log odds of a target those of a right box.

    The last five are the ablation's switches (Table 1): feature pyramid (F), PD-RPN (R), attention
    (A), distractor and morphological penalties (P), inertia (I).
    """

    backbone: str = "resnet18"
    backbone_width: int = 64
    width: int = 256
    context: float = 0.5
    exemplar_bins: int = 15
    exemplar_kept: int = 7
    search_bins: int = 31
    stride: int = 8
    anchor_scale: float = 8.0
    ratios: tuple[float, ...] = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
    scales: tuple[float, ...] = (1 / 1.0375, 1.0, 1.0375)
    tower: int = 0
    known: int = 6
    inertia_hidden: int = 64
    certainty: tuple[float, float] = (1.0, 0.0)
    pyramid: bool = True
    rpn: bool = True
    attention: bool = True
    penalties: bool = True
    inertia: bool = True

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SiamMotionConfig":
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return config_from(cls, values, "SiamMOTION setting")

    @property
    def cells(self) -> int:
        """Places along the score map."""
        return self.search_bins - self.exemplar_kept + 1

    @property
    def levels(self) -> tuple[int, int]:
        """The lowest and the highest pyramid level that areas are taken from."""
        return (1, 4) if self.pyramid else (3, 3)

    @property
    def search_scales(self) -> tuple[float, ...]:
        """Search areas tried for each target: one, or SiamMT's scales where nothing regresses."""
        return (1.0,) if self.rpn else self.scales

    @property
    def canonical_side(self) -> int:
        """Side of the search area in canonical pixels, the unit of proposals."""
        return self.stride * self.search_bins


PRESETS = {
    "siammotion": SiamMotionConfig(),
    "siammotion-n": SiamMotionConfig(backbone="lite0", width=64, tower=3),
}
"""By engine name: the paper's network, and a narrow one for CPUs."""


class SiamMotionNet(nn.Module):
    """The network of a ``SiamMotionConfig``. It holds no state of any target."""

    def __init__(self, config: SiamMotionConfig) -> None:
        super().__init__()
        if config.exemplar_kept > config.exemplar_bins or config.exemplar_bins % 2 == 0:
            raise UsageError("an exemplar has an odd number of bins, and keeps at most all of them")
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
                cells=config.cells,
                tower=config.tower,
            )
        else:
            self.head = PairwiseCorrelation(
                scales=config.scales, stride=float(config.stride), cells=config.cells
            )
        self.inertia = Inertia(config.known, config.inertia_hidden) if config.inertia else None

    def features(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The backbone's features of normalised RGB images whose sides are multiples of 16."""
        maps: list[Tensor] = self.backbone(images)
        return maps

    def exemplar_areas(self, boxes: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 4"]:
        """The part of each box's exemplar area (Eq. 6) that is kept."""
        config = self.config
        side = context_side(boxes, config.context) * config.exemplar_kept / config.exemplar_bins
        return square_areas(boxes, side)

    def search_areas(self, boxes: Float[np.ndarray, "n 4"]) -> Float32[np.ndarray, "n 4"]:
        """Each box's search area, in the resolution of its exemplar (SiamMOTION 4.1)."""
        config = self.config
        side = context_side(boxes, config.context) * config.search_bins / config.exemplar_bins
        return square_areas(boxes, side)

    def levels(self, areas: Float[np.ndarray, "n 4"]) -> Int64[np.ndarray, " n"]:
        """The pyramid level of each search area (Eq. 1); an exemplar takes that of its own."""
        return pyramid_level(areas, *self.config.levels)

    def steady_levels(
        self, areas: Float32[np.ndarray, "n 4"], levels: Int64[np.ndarray, " n"], slack: float
    ) -> Int64[np.ndarray, " n"]:
        """The ``levels`` of (N,) exemplars, where their search areas still fit them."""
        return steady_level(areas, levels, slack, *self.config.levels)

    def cells(
        self,
        features: Sequence[Float[Tensor, "1 _ _ _"]],
        areas: Float32[np.ndarray, "n 4"],
        levels: Int64[np.ndarray, " n"],
        bins: int,
    ) -> Cells:
        """The pyramid of one image, where crops of (N, 4) areas in ``bins`` bins will need it."""
        first = self.config.levels[0]
        if not isinstance(self.neck, FeaturePyramid):
            only = self.neck(features[first - 1].permute(0, 2, 3, 1))[0].permute(2, 0, 1)
            return Cells.dense([only], [STRIDES[first - 1]], [FIRST_CELL])
        sizes = [(f.shape[3], f.shape[2]) for f in features]
        needed = {
            level: needed_tiles(
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
        tiles = self.neck.tiles(features, wanted)
        empty = features[-1].new_empty(0, self.config.width)
        values = torch.cat([empty, *(t.flatten(0, 2) for t in tiles.values())])
        return Cells.tiled(values, TILE, needed, sizes, STRIDES, FIRST_CELL)

    def crop(
        self,
        cells: Cells,
        areas: Float32[np.ndarray, "n 4"],
        levels: Int64[np.ndarray, " n"],
        bins: int,
    ) -> Float[Tensor, "n bins bins c"]:
        """Features of (N, 4) areas from the pyramid of one image."""
        device = cells.values.device
        maps = torch.as_tensor(levels - self.config.levels[0], device=device)
        return roi_crop(cells, torch.as_tensor(areas, device=device), maps, bins)

    def enroll(self, crops: Float[Tensor, "n b b c"]) -> Exemplars:
        """What to keep of N exemplars' features."""
        x = crops.flatten(1, 2)
        kept: Exemplars = Exemplars(own=x) if self.attention is None else self.attention.enroll(x)
        return kept

    def attend(
        self, exemplars: Exemplars, crops: Float[Tensor, "m b b c"]
    ) -> tuple[Float[Tensor, "m k k c"], Float[Tensor, "m b b c"]]:
        """Enhanced features of exemplars and of their search areas (Fig. 5), one to one."""
        own, x = exemplars.own, crops.flatten(1, 2)
        if self.attention is not None:
            own, x = self.attention(exemplars, x)
        kept = self.config.exemplar_kept
        return own.view(-1, kept, kept, own.shape[2]), x.view(crops.shape)

    def compare(
        self,
        exemplars: Exemplars,
        crops: Float[Tensor, "m b b c"],
        last: Float[Tensor, "n 2"],
    ) -> Proposals:
        """Proposals for N targets of ``last`` (w, h) in canonical pixels, from their search areas.

        A target's areas, one for each of the config's ``search_scales``, follow each other.
        """
        count = len(self.config.search_scales)
        if count > 1:
            rows = np.arange(len(exemplars)).repeat(count)
            own, x = self.attend(exemplars[rows], crops)
            own = own[count // 2 :: count]
        else:
            own, x = self.attend(exemplars, crops)
        proposals: Proposals = self.head(own, x, last)
        return proposals
