"""The settings of SiamFC's network, which import no torch."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float32

from mvot_plugin.config import CheckedConfig, Finite, Range, build_config
from mvot_plugin.errors import UsageError
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.geometry import Geometry
from mvot_plugin.types import XYXY

__all__ = ["CHANNELS", "GEOMETRY", "PRESETS", "CorrelationConfig"]

CHANNELS = (96, 256, 384, 384, 256)
"""Channels of the backbone's five convolutions (SiamMT Fig. 8)."""
GEOMETRY = Geometry(stride=8, field=87, is_padded=False)
"""Where the backbone's cells lie, and what they see."""


@dataclass(frozen=True, kw_only=True)
class CorrelationConfig(CheckedConfig):
    """The shape of the network, and the part of the frame that it sees; defaults are SiamFC's."""

    exemplar: Annotated[int, Range(GEOMETRY.field, 511)] = 127
    """Side in pixels of the image of an exemplar area (SiamFC). SiamMT has no such image; it takes
    as many cells as this makes."""
    search: Annotated[int, Range(GEOMETRY.field, 511)] = 255
    """Side in pixels of the image of a search area (SiamFC)."""
    context: Annotated[float, Range(0, 10)] = 0.5
    """Context around a box in the exemplar area: ζ of SiamMT Eq. 5."""
    view: Annotated[float, Range(1e-2, 10)] = 1.0
    """Share of the exemplar area's side that SiamMT takes the exemplar from."""
    channels: tuple[Annotated[int, Range(1, 1024)], ...] = CHANNELS
    """Channels of the backbone's convolutions."""
    calibration: tuple[Finite, Finite] = (1.0, 0.0)
    """Slope and offset of the Platt scaling from logits to the confidence that a box is right,
    measured after training."""
    frame_calibration: tuple[Finite, Finite] | None = None
    """The same for SiamMT-W, which takes SiamFC's weights; None if it was not measured."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.search < self.exemplar:
            raise UsageError(f"search must be at least exemplar, {self.exemplar}")
        if len(self.channels) != len(CHANNELS):
            raise UsageError(f"channels must be a list of {len(CHANNELS)}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "CorrelationConfig":
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return build_config(cls, values, noun="SiamFC setting")

    @property
    def exemplar_cells(self) -> int:
        """Cells along an exemplar."""
        return _count_cells(self.exemplar)

    @property
    def search_cells(self) -> int:
        """Cells along a search area."""
        return _count_cells(self.search)

    @property
    def score_cells(self) -> int:
        """Cells along a score map."""
        return self.search_cells - self.exemplar_cells + 1

    @property
    def window_cells(self) -> int:
        """Cells of the windows that sizes are compared in: an exemplar's and one on every side."""
        return self.exemplar_cells + 2

    def image_areas(self, boxes: Float32[XYXY, " n"], pixels: int) -> Float32[XYXY, " n"]:
        """The squares around N boxes that SiamFC resizes to ``pixels`` (SiamMT Eq. 5)."""
        return square_areas(boxes, context_side(boxes, self.context) * pixels / self.exemplar)

    def cell_areas(self, boxes: Float32[XYXY, " n"], cells: int) -> Float32[XYXY, " n"]:
        """The squares around N boxes that SiamMT crops to ``cells`` (SiamMT Eq. 5, Fig. 7c)."""
        side = context_side(boxes, self.context) * self.view
        return square_areas(boxes, np.asarray(side * cells / self.exemplar_cells))


PRESETS = {
    "siamfc": CorrelationConfig(),
    "siamfc-mi": CorrelationConfig(),
    "siammt": CorrelationConfig(context=0.0),
    "siammt-w": CorrelationConfig(view=48 / 127),
}
"""By engine name. SiamFC's 6 cells of stride 8 cover 48 of an exemplar's 127 pixels; SiamMT-W,
which takes its weights, sees the same part."""


def _count_cells(pixels: int) -> int:
    """The cells along an image of ``pixels`` pixels."""
    return max((pixels - GEOMETRY.field) // GEOMETRY.stride + 1, 0)
