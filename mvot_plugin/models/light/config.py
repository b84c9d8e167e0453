"""The shape of the light network of SiamMOTION."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.config import CheckedConfig, Finite, Range, build_config
from mvot_plugin.errors import UsageError
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.geometry import FIRST_CELL, Geometry
from mvot_plugin.types import XYXY

__all__ = ["COARSEST_STRIDE", "IMAGE_STRIDE", "PRESETS", "LightConfig"]

IMAGE_STRIDE = 8
"""Pixels of the image, as the backbone sees it, from a cell to the next."""
COARSEST_STRIDE = 16
"""The stride of the backbone's last level."""
EFFECTIVE_FIELD = 79
"""Side in pixels of the part of a cell's receptive field that matters."""


@dataclass(frozen=True, kw_only=True)
class LightConfig(CheckedConfig):
    """The shape of the network."""

    width: Annotated[int, Range(8, 1024)] = 48
    """Channels of the features."""
    head_width: Annotated[int, Range(8, 1024)] = 64
    """Channels of the comparison head."""
    context: Annotated[float, Range(0, 10)] = 0.5
    """Context around a box in its exemplar area: ζ of Eq. 6."""
    exemplar_kept: Annotated[int, Range(2, 16)] = 8
    """Bins along an exemplar area."""
    search_bins: Annotated[int, Range(4, 64)] = 16
    """Bins along a search area, and cells along its score map."""
    tracking_side: Annotated[int, Range(16, 1024)] = 128
    """Pixels along a search area as the network sees it. NanoTrack sees 255: half of that costs a
    quarter, and less than 0.01 of IoU."""
    known: Annotated[int, Range(2, 100)] = 6
    """Last boxes of a target that inertia takes."""
    inertia_hidden: Annotated[int, Range(1, 1024)] = 64
    """Units of the hidden layers of inertia."""
    calibration: tuple[Finite, Finite] = (1.0, 0.0)
    """Slope and offset of the Platt scaling from logits to the confidence that a box is right,
    measured after training."""
    pyramid: bool = True
    """The top-down step from stride 16 to stride 8: F of the ablation (Table 1)."""
    rpn: bool = True
    """The regression of boxes, instead of the last size: R of the ablation."""
    attention: bool = True
    """Channel attention: A of the ablation."""
    penalties: bool = True
    """Distractor masks and morphological penalisation: P of the ablation."""
    inertia: bool = True
    """The inertia module: I of the ablation."""
    visibility: bool = True
    """The output that says whether a target is in sight: V of the ablation, which is ours."""

    def __post_init__(self) -> None:
        super().__post_init__()
        border = self.search_bins - self.exemplar_kept
        if border < 0 or border % 2:
            raise UsageError("search_bins must be exemplar_kept and an even number more")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LightConfig":
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return build_config(cls, values, noun="siammotion-n setting")

    @property
    def stride(self) -> int:
        """Canonical pixels, the unit of proposals, in a bin."""
        return 16

    @property
    def score_cells(self) -> int:
        """Cells along the score map."""
        return self.search_bins

    @property
    def geometry(self) -> Geometry:
        """Where the cells lie, and what they see."""
        return Geometry(
            stride=IMAGE_STRIDE,
            field=EFFECTIVE_FIELD,
            is_padded=True,
            block=COARSEST_STRIDE // IMAGE_STRIDE,
        )

    @property
    def penalisation(self) -> dict[str, float | bool]:
        """The settings of the engine's penalisation that suit the network, chosen on crowds.

        Its score maps are of 16 x 16 cells, and a small target's peak is one of them: erosion would
        remove it.
        """
        return {
            "hann": 0.5,
            "erosion": False,
            "size_damping": 0.25,
            "vote_iou": 0.6,
            "distractor": 0.2,
        }

    @property
    def exclusive(self) -> float:
        """The IoU from which on a place is one target's alone."""
        return 0.6

    @property
    def search_scales(self) -> tuple[float, ...]:
        """Scales of the search areas of each target."""
        return (1.0,)

    @property
    def canonical_side(self) -> int:
        """Side of the search area in canonical pixels."""
        return self.stride * self.search_bins

    @property
    def cell_offset(self) -> float:
        """Canonical pixels from the middle of a search area to its cell ``search_bins`` // 2.

        An image of a search area, with its first pixel in the area's corner, has its cells there.
        """
        return 2 * FIRST_CELL

    def search_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The search area of each box, in the resolution of its exemplar (SiamMOTION 4.1)."""
        side = context_side(boxes, self.context) * (self.search_bins / self.exemplar_kept)
        return square_areas(boxes, side)

    def sampled_areas(self, areas: Float32[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The squares whose bins are centred on the cells of search areas."""
        shift = self.cell_offset - self.stride / 2
        unit = (areas[:, 2:3] - areas[:, 0:1]) / np.float32(self.canonical_side)
        return np.asarray(areas + np.float32(shift) * unit)


PRESETS = {"siammotion-n": LightConfig()}
"""By engine name."""
