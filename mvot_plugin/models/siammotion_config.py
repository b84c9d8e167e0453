"""The shape of SiamMOTION's network."""

from dataclasses import dataclass
from typing import Annotated, Any

from jaxtyping import Float, Float32

from mvot_plugin.config import CheckedConfig, Finite, Positive, Range, build_config
from mvot_plugin.errors import UsageError
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.geometry import Geometry
from mvot_plugin.types import XYXY

__all__ = ["PRESETS", "SiamMotionConfig"]

LARGEST_STRIDE = 16
"""Pixels between the cells of the backbone's last level."""
EFFECTIVE_FIELD = 127
"""Side in pixels of the part of a cell's receptive field that matters."""
MOST_SHAPES = 64
"""Ratios of anchors, or scales of search areas."""


@dataclass(frozen=True, kw_only=True)
class SiamMotionConfig(CheckedConfig):
    """The shape of the network; the defaults are the paper's."""

    backbone: str = "resnet18"
    """"resnet18", or an EfficientNet-Lite: "lite0", "lite1", "lite2"."""
    backbone_width: Annotated[int, Range(1, 256)] = 64
    """Channels of the stem of a "resnet18"."""
    width: Annotated[int, Range(1, 1024)] = 256
    """Channels of pyramid, attention and head."""
    context: Annotated[float, Range(0, 10)] = 0.5
    """Context around a box in the exemplar area: ζ of Eq. 6."""
    exemplar_bins: Annotated[int, Range(1, 127)] = 15
    """Bins along an exemplar area; an odd number."""
    exemplar_kept: Annotated[int, Range(1, 127)] = 7
    """Bins along its middle that are kept as the exemplar."""
    search_bins: Annotated[int, Range(1, 127)] = 31
    """Bins along a search area."""
    stride: Annotated[int, Range(1, 256)] = 8
    """Canonical pixels, the unit of proposals, in a bin."""
    anchor_scale: Annotated[float, Range(1e-2, 1e3)] = 8.0
    """Root of an anchor's area, in bins."""
    ratios: tuple[Positive, ...] = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
    """Height-to-width ratios of the anchors."""
    scales: tuple[Positive, ...] = (1 / 1.0375, 1.0, 1.0375)
    """Scales of the search areas of a network without PD-RPN."""
    tower: Annotated[int, Range(0, 16)] = 0
    """Convolutions in PD-RPN after the comparison; the paper has none."""
    known: Annotated[int, Range(2, 100)] = 6
    """Last boxes of a target that inertia takes."""
    inertia_hidden: Annotated[int, Range(1, 1024)] = 64
    """Units of the hidden layers of inertia."""
    calibration: tuple[Finite, Finite] = (1.0, 0.0)
    """Slope and offset of the Platt scaling from logits to the confidence that a box is right,
    measured after training."""
    pyramid: bool = True
    """The feature pyramid: F of the ablation (Table 1)."""
    rpn: bool = True
    """PD-RPN, instead of SiamMT's correlation: R of the ablation."""
    attention: bool = True
    """Channel attention: A of the ablation."""
    penalties: bool = True
    """Distractor masks and morphological penalisation: P of the ablation."""
    inertia: bool = True
    """The inertia module: I of the ablation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.exemplar_kept > min(self.exemplar_bins, self.search_bins):
            raise UsageError("exemplar_kept must be at most exemplar_bins and search_bins")
        if self.exemplar_bins % 2 == 0:
            raise UsageError(f"exemplar_bins must be odd, got {self.exemplar_bins}")
        for name in ("ratios", "scales"):
            if not 1 <= len(getattr(self, name)) <= MOST_SHAPES:
                raise UsageError(f"{name} must be a list of 1 to {MOST_SHAPES}")

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "SiamMotionConfig":
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return build_config(cls, values, noun="SiamMOTION setting")

    @property
    def score_cells(self) -> int:
        """Cells along the score map."""
        return self.search_bins - self.exemplar_kept + 1

    @property
    def tracking_level(self) -> int:
        """The one level that tracking looks at, in frames seen at half-octave scales.

        On level 2 the network needs half as many pixels as on level 3, and tracks as well.
        """
        return 2 if self.pyramid else 3

    @property
    def tracking_side(self) -> int:
        """Pixels along a search area on the scale that it is compared on.

        On level 2, a bin is about 2^(1/2) cells: with a bin a cell, boxes are less accurate.
        """
        return 176 if self.pyramid else self.canonical_side

    @property
    def geometry(self) -> Geometry:
        """Where the cells of that level lie, and what they see."""
        stride = 2**self.tracking_level
        return Geometry(
            stride=stride,
            field=EFFECTIVE_FIELD,
            is_padded=True,
            block=LARGEST_STRIDE // stride,
        )

    @property
    def penalisation(self) -> dict[str, float]:
        """The settings of the engine's penalisation that suit the network.

        With the paper's damping, 0.18, boxes lag behind targets that come nearer.
        """
        return {"size_damping": 0.35}

    @property
    def exclusive(self) -> float:
        """The IoU from which on a place is one target's alone; 0, as in the paper, for none."""
        return 0.0

    @property
    def search_scales(self) -> tuple[float, ...]:
        """Scales of the search areas of each target: one with PD-RPN, SiamMT's three without."""
        return (1.0,) if self.rpn else self.scales

    @property
    def canonical_side(self) -> int:
        """Side of the search area in canonical pixels."""
        return self.stride * self.search_bins

    def exemplar_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The part of each box's exemplar area (Eq. 6) that is kept as the exemplar."""
        return self._bin_areas(boxes, self.exemplar_kept)

    def search_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The search area of each box, in the resolution of its exemplar (SiamMOTION 4.1)."""
        return self._bin_areas(boxes, self.search_bins)

    def sampled_areas(self, areas: Float32[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The squares whose bins are compared: the search areas themselves."""
        return areas

    def _bin_areas(self, boxes: Float[XYXY, " n"], bins: int) -> Float32[XYXY, " n"]:
        """The squares around N boxes that ``bins`` bins cover."""
        side = context_side(boxes, self.context) * bins / self.exemplar_bins
        return square_areas(boxes, side)


PRESETS = {"siammotion": SiamMotionConfig()}
"""By engine name."""
