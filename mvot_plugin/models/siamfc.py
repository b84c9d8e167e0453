"""The networks of SiamFC and SiamMT: one backbone and one correlation, on crops or on whole frames.

They have the same parameters, so that SiamMT-W takes SiamFC's weights (SiamMT 3.3).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from mvot_plugin.config import build_config
from mvot_plugin.models.backbones.alexnet import CHANNELS, AlexNet
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.images import crop_areas, normalize_images
from mvot_plugin.ops.roi import FeatureTable, roi_crop
from mvot_plugin.ops.tensor_boxes import TensorXYXY
from mvot_plugin.ops.xcorr import pairwise_xcorr, pairwise_zncc
from mvot_plugin.types import XYXY

__all__ = ["PRESETS", "CorrelationConfig", "CorrelationNet", "SiamFCNet", "SiamMTNet"]


@dataclass(frozen=True, kw_only=True)
class CorrelationConfig:
    """The shape of the network, and the part of the frame that it sees; defaults are SiamFC's."""

    exemplar: int = 127
    """Side in pixels of the image of an exemplar area (SiamFC). SiamMT has no such image; it takes
    as many cells as this makes."""
    search: int = 255
    """Side in pixels of the image of a search area (SiamFC)."""
    context: float = 0.5
    """Context around a box in the exemplar area: ζ of SiamMT Eq. 5."""
    view: float = 1.0
    """Share of the exemplar area's side that SiamMT takes the exemplar from."""
    channels: tuple[int, ...] = CHANNELS
    """Channels of the backbone's convolutions."""
    calibration: tuple[float, float] = (1.0, 0.0)
    """Slope and offset of the Platt scaling from logits to the confidence that a box is right,
    measured after training."""
    frame_calibration: tuple[float, float] | None = None
    """The same for SiamMT-W, which takes SiamFC's weights; None if it was not measured."""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CorrelationConfig":
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return build_config(cls, values, noun="SiamFC setting")


PRESETS = {
    "siamfc": CorrelationConfig(),
    "siamfc-mi": CorrelationConfig(),
    "siammt": CorrelationConfig(context=0.0),
    "siammt-w": CorrelationConfig(view=48 / 127),
}
"""By engine name. SiamFC's 6 cells of stride 8 cover 48 of an exemplar's 127 pixels; SiamMT-W,
which takes its weights, sees the same part."""


class CorrelationNet(nn.Module):
    """AlexNet, and a ``gain`` and a ``bias`` that turn cross-correlations into logits.

    The gain applies to correlations in units of the standard deviation of random features.
    """

    def __init__(self, config: CorrelationConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = AlexNet(config.channels)
        count_cells = self.backbone.receptive_field.count_cells
        self.exemplar_cells = count_cells(config.exemplar)
        self.search_cells = count_cells(config.search)
        self.gain = nn.Parameter(torch.tensor(0.2))
        self.bias = nn.Parameter(torch.tensor(0.0))

    @property
    def score_cells(self) -> int:
        """Cells along the score map."""
        return self.search_cells - self.exemplar_cells + 1

    def normalize(self, images: UInt8[np.ndarray, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
        """Convert BGR images to normalised RGB, on the backbone's device and in its precision."""
        weight = next(self.backbone.parameters())
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(weight.device)
        normalized: Tensor = normalize_images(pixels).to(weight.dtype)
        return normalized

    def features(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n h8 w8 c"]:
        """The backbone's features of normalised images; channels last, in memory and in shape."""
        features: Tensor = self.backbone(pixels.contiguous(memory_format=torch.channels_last))
        return features.permute(0, 2, 3, 1)

    def empty_exemplars(self) -> Float[Tensor, "0 k k c"]:
        """The features of no exemplars."""
        weight, side = next(self.backbone.parameters()), self.exemplar_cells
        return weight.new_zeros(0, side, side, self.backbone.channels)

    def logits(self, correlation: Float[Tensor, "*n h w"]) -> Float[Tensor, "*n h w"]:
        """Log odds that the target is at each cell of score maps; in single precision."""
        deviation = self.exemplar_cells * math.sqrt(self.backbone.channels)
        return correlation.float() / deviation * self.gain.float() + self.bias.float()


class SiamFCNet(CorrelationNet):
    """SiamFC: areas are cropped from the image, and features computed for each (SiamMT Fig. 4a)."""

    def areas(self, boxes: Float32[XYXY, " n"], pixels: int) -> Float32[XYXY, " n"]:
        """The squares around N boxes that are resized to ``pixels`` (SiamMT Eq. 5)."""
        side = context_side(boxes, self.config.context) * pixels / self.config.exemplar
        return square_areas(boxes, side)

    def crop(
        self, image: UInt8[np.ndarray, "h w 3"], areas: Float32[XYXY, " n"], pixels: int
    ) -> UInt8[np.ndarray, "n pixels pixels 3"]:
        """κ: crop N areas of an image and resize them; beyond its edge is its mean colour."""
        return crop_areas(image, areas, pixels)

    def compare(
        self, search: Float[Tensor, "n s hs ws c"], exemplars: Float[Tensor, "n he we c"]
    ) -> Float[Tensor, "n s ho wo"]:
        """⋆: score maps of S search areas of each of N exemplars, one target after another."""
        maps = [
            F.conv2d(areas.permute(0, 3, 1, 2), exemplar.permute(2, 0, 1)[None])[:, 0]
            for areas, exemplar in zip(search, exemplars, strict=True)
        ]
        return self.logits(torch.stack(maps))


class SiamMTNet(CorrelationNet):
    """SiamMT: areas are cropped from the features of the whole frame (SiamMT Fig. 4b)."""

    @property
    def window_cells(self) -> int:
        """Cells of the windows that sizes are compared in: an exemplar's and one on every side."""
        return self.exemplar_cells + 2

    def areas(self, boxes: Float32[XYXY, " n"], cells: int) -> Float32[XYXY, " n"]:
        """The squares around N boxes that are cropped to ``cells`` (SiamMT Eq. 5, Fig. 7c)."""
        side = context_side(boxes, self.config.context) * self.config.view
        return square_areas(boxes, side * cells / self.exemplar_cells)

    def crop(
        self, features: FeatureTable, areas: Float[TensorXYXY, " n"], cells: int
    ) -> Float[Tensor, "n cells cells c"]:
        """κ~: crop the features of N areas of one frame and resize them (SiamMT Fig. 5a)."""
        maps = torch.zeros(len(areas), dtype=torch.int64, device=areas.device)
        return roi_crop(features, areas, maps, cells)

    def compare(
        self, search: Float[Tensor, "n s hs ws c"], exemplars: Float[Tensor, "n he we c"]
    ) -> Float[Tensor, "n s ho wo"]:
        """⋆~: score maps of S search areas of each of N exemplars, in one call (SiamMT Alg. 1)."""
        scales = search.shape[1]
        stacked = exemplars.repeat_interleave(scales, 0)[..., None]
        maps = pairwise_xcorr(search.flatten(0, 1), stacked)[..., 0]
        return self.logits(maps.view(-1, scales, *maps.shape[1:]))

    def similarity(
        self, windows: Float[Tensor, "n s k2 k2 c"], exemplars: Float[Tensor, "n k k c"]
    ) -> Float[Tensor, "n s d d"]:
        """Normalised similarity of N exemplars to S larger windows, at each of D x D offsets.

        Plain correlations of areas of different scales cannot be compared: enlarged features are
        smoother and correlate more, reduced ones less.
        """
        scales = windows.shape[1]
        stacked = exemplars.repeat_interleave(scales, 0)
        maps = pairwise_zncc(windows.flatten(0, 1), stacked)
        return maps.view(-1, scales, *maps.shape[1:])
