"""The settings of SiamMOT's motion models."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.config import Fraction, Range
from mvot_plugin.models.siamese.config import SiameseConfig
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.types import XYXY

__all__ = ["PRESETS", "SiamMotConfig"]


@dataclass(frozen=True, kw_only=True)
class SiamMotConfig(SiameseConfig):
    """The shape of a motion model, and how it tracks; the defaults are the paper's (4.2).

    The backbone is not: there it is that of the detector, a DLA-34 with a feature pyramid.
    """

    search_bins: Annotated[int, Range(1, 127)] = 30
    """Bins along a search area: 30 of EMM; IMM has 15."""
    tracking_side: Annotated[int, Range(16, 1024)] = 240
    """The root of the pixels of a search area as the network sees it."""
    region: Annotated[float, Range(1, 8)] = 2.0
    """Sides of a search area, in sides of the box: r of 3.1."""
    hidden: Annotated[int, Range(1, 4096)] = 512
    """Units of the hidden layer of IMM."""
    scale_deviation: Annotated[float, Range(1e-3, 1e3)] = 0.3
    """Standard deviation of the Gaussian of a change in width or height (logarithm), of Eq. 5."""
    smoothing: Fraction = 1.0
    """Weight of a new size against the last; 1 as in the paper, whose detector measures sizes on
    every frame."""
    confidence: Fraction = 0.4
    """The visibility below which a target keeps its last box: alpha of 3.4."""

    def search_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The boxes, enlarged about their centres: S of 3.1."""
        areas = xyxy_to_cxcywh(boxes)
        areas[:, 2:] *= self.region
        return np.asarray(cxcywh_to_xyxy(areas), np.float32)


PRESETS = {
    "siammot-emm": SiamMotConfig(
        backbone="light",
        width=48,
        exemplar_bins=8,
        search_bins=16,
        tracking_side=96,
        scale_deviation=0.15,
        smoothing=0.05,
        confidence=0.0,
    ),
    "siammot-imm": SiamMotConfig(
        backbone="light",
        width=16,
        exemplar_bins=4,
        search_bins=8,
        tracking_side=112,
        smoothing=0.2,
        confidence=0.2,
    ),
}
"""By engine name, the trained networks, on the backbone of siammotion-n."""
