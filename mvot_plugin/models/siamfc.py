"""The networks of SiamFC and SiamMT: one backbone, one correlation, two ways to come to features.

They have the same parameters, so that SiamFC's weights are SiamMT-W's (SiamMT 3.3).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from mvot_plugin.models.alexnet import CHANNELS, AlexNet
from mvot_plugin.models.settings import config_from
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.pixels import normalised
from mvot_plugin.ops.roi import Cells, roi_crop
from mvot_plugin.ops.warping import cut_out
from mvot_plugin.ops.xcorr import pairwise_xcorr, pairwise_zncc

__all__ = ["PRESETS", "CorrelationConfig", "CorrelationNet", "SiamFCNet", "SiamMTNet"]


@dataclass(frozen=True, kw_only=True)
class CorrelationConfig:
    """The network's shape, and the part of the frame that it looks at; the defaults are SiamFC's.

    ``exemplar`` and ``search`` are pixels of the images of the exemplar area and of the search
    area (SiamFC), ``context`` is ζ of Eq. 5. SiamMT has no such images: the exemplar area's share
    ``view`` (of its side) becomes as many cells as ``exemplar`` pixels make. ``channels`` are the
    backbone's. ``certainty`` is the slope and the offset, measured after training, that make the
    log odds of a target those of a right box; ``frame_certainty`` is the same for SiamMT-W, which
    takes SiamFC's weights, if it was measured.
    """

    exemplar: int = 127
    search: int = 255
    context: float = 0.5
    view: float = 1.0
    channels: tuple[int, ...] = CHANNELS
    certainty: tuple[float, float] = (1.0, 0.0)
    frame_certainty: tuple[float, float] | None = None

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CorrelationConfig":
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return config_from(cls, values, "SiamFC setting")


PRESETS = {
    "siamfc": CorrelationConfig(),
    "siamfc-mi": CorrelationConfig(),
    "siammt": CorrelationConfig(context=0.0),
    "siammt-w": CorrelationConfig(view=48 / 127),
}
"""By engine name. 48 of an exemplar's 127 pixels are what SiamFC's 6 cells of stride 8 are spread
over: SiamMT-W takes its weights, and looks at what it looked at."""


class CorrelationNet(nn.Module):
    """AlexNet, and what makes a cross-correlation log odds: a ``gain`` and a ``bias``.

    The gain is of correlations in units of what those of random features spread.
    """

    def __init__(self, config: CorrelationConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = AlexNet(config.channels)
        field = self.backbone.field
        self.kept, self.searched = field.cells(config.exemplar), field.cells(config.search)
        self.gain = nn.Parameter(torch.tensor(0.2))
        self.bias = nn.Parameter(torch.tensor(0.0))

    @property
    def cells(self) -> int:
        """Places along the score map."""
        return self.searched - self.kept + 1

    def pixels(self, images: UInt8[np.ndarray, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
        """BGR images as the backbone takes them, on its device and in its precision."""
        weight = next(self.backbone.parameters())
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(weight.device)
        ready: Tensor = normalised(pixels).to(weight.dtype)
        return ready

    def features(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n h8 w8 c"]:
        """The backbone's features; channels last, in memory and in shape."""
        features: Tensor = self.backbone(pixels.contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)

    def no_exemplars(self) -> Float[Tensor, "0 k k c"]:
        """The features of no exemplars at all."""
        weight = next(self.backbone.parameters())
        return weight.new_zeros(0, self.kept, self.kept, self.backbone.channels)

    def odds(self, correlation: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n h w"]:
        """Log odds that the target is at each place of score maps; in single precision."""
        spread = self.kept * math.sqrt(self.backbone.channels)
        return correlation.float() / spread * self.gain.float() + self.bias.float()


class SiamFCNet(CorrelationNet):
    """SiamFC: areas are cut out of the image, and each has features of its own (Fig. 4a)."""

    def areas(self, boxes: Float32[np.ndarray, "n 4"], pixels: int) -> Float32[np.ndarray, "n 4"]:
        """The squares about (N, 4) boxes that become so many pixels (Eq. 5)."""
        side = context_side(boxes, self.config.context) * pixels / self.config.exemplar
        return square_areas(boxes, side)

    def crop(
        self, image: UInt8[np.ndarray, "h w 3"], areas: Float32[np.ndarray, "n 4"], pixels: int
    ) -> UInt8[np.ndarray, "n pixels pixels 3"]:
        """κ: each (N, 4) area of an image, resized; beyond its edge is its mean colour."""
        return cut_out(image, areas, pixels)

    def compare(
        self, search: Float[Tensor, "n s hs ws c"], exemplars: Float[Tensor, "n he we c"]
    ) -> Float[Tensor, "n s ho wo"]:
        """⋆: score maps of S search areas for each of N exemplars, one target after another."""
        maps = [
            F.conv2d(areas.permute(0, 3, 1, 2), exemplar.permute(2, 0, 1)[None])[:, 0]
            for areas, exemplar in zip(search, exemplars, strict=True)
        ]
        return self.odds(torch.stack(maps))


class SiamMTNet(CorrelationNet):
    """SiamMT: areas are taken from the features of the whole frame (Fig. 4b)."""

    @property
    def window(self) -> int:
        """Cells of the windows that sizes are told by: an exemplar's, and one on every side."""
        return self.kept + 2

    def areas(self, boxes: Float32[np.ndarray, "n 4"], cells: int) -> Float32[np.ndarray, "n 4"]:
        """The squares about (N, 4) boxes that become so many cells (Eq. 5, Fig. 7c)."""
        side = context_side(boxes, self.config.context) * self.config.view
        return square_areas(boxes, side * cells / self.kept)

    def crop(
        self, features: Cells, areas: Float[Tensor, "n 4"], cells: int
    ) -> Float[Tensor, "n cells cells c"]:
        """κ~: the features of (N, 4) areas of one frame, resized (Fig. 5a)."""
        rows = torch.zeros(len(areas), dtype=torch.int64, device=areas.device)
        return roi_crop(features, areas, rows, cells)

    def compare(
        self, search: Float[Tensor, "n s hs ws c"], exemplars: Float[Tensor, "n he we c"]
    ) -> Float[Tensor, "n s ho wo"]:
        """⋆~: score maps of S search areas for each of N exemplars, all in one call (Alg. 1)."""
        scales = search.shape[1]
        stacked = exemplars.repeat_interleave(scales, 0)[..., None]
        maps = pairwise_xcorr(search.flatten(0, 1), stacked)[..., 0]
        return self.odds(maps.view(-1, scales, *maps.shape[1:]))

    def alike(
        self, windows: Float[Tensor, "n s k2 k2 c"], exemplars: Float[Tensor, "n k k c"]
    ) -> Float[Tensor, "n s d d"]:
        """How alike N exemplars are to S windows, a little larger, at each place there.

        Correlations of areas that differ in scale cannot be compared as they are: features that are
        enlarged are smoother and correlate more, features that are reduced less.
        """
        scales = windows.shape[1]
        stacked = exemplars.repeat_interleave(scales, 0)
        maps = pairwise_zncc(windows.flatten(0, 1), stacked)
        return maps.view(-1, scales, *maps.shape[1:])
