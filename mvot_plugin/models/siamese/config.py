"""The settings that the networks of SiamMOT, IMSiam and SiamAttn share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.config import CheckedConfig, Finite, Fraction, Range, build_config
from mvot_plugin.errors import UsageError, unknown_name
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.geometry import Geometry
from mvot_plugin.types import XYXY

__all__ = ["BACKBONES", "STRIDE", "SiameseConfig", "SquareConfig", "check_middle"]

STRIDE = 8
"""Pixels of the image, as the backbone sees it, from a cell to the next; and canonical pixels, the
unit of boxes within a search area, in a bin."""
BACKBONES = {"resnet50": (127, 1), "light": (79, 2)}
"""By name, the side in pixels of the part of a cell's receptive field that matters, and the cells
that the sides of an image are multiples of."""

ConfigT = TypeVar("ConfigT", bound="SiameseConfig")


@dataclass(frozen=True, kw_only=True)
class SiameseConfig(CheckedConfig, ABC):
    """The shape of a network, and how its engine tracks; the defaults are the papers'."""

    enrolls_sizes: ClassVar[bool] = False
    """Whether the function "enroll" takes the sizes of the targets, too."""
    has_squares: ClassVar[bool] = False
    """Whether search areas are squares."""

    backbone: str = "resnet50"
    """"resnet50", dilated to stride 8, or "light", that of siammotion-n."""
    width: Annotated[int, Range(8, 1024)] = 256
    """Channels of each level's features, after a 1 x 1 convolution."""
    exemplar_bins: Annotated[int, Range(1, 127)] = 15
    """Bins along an exemplar area."""
    search_bins: Annotated[int, Range(1, 127)] = 31
    """Bins along a search area."""
    tracking_side: Annotated[int, Range(16, 1024)] = 248
    """Pixels along a search area as the network sees it."""
    window: Fraction = 0.4
    """Weight of the cosine window, against that of the score."""
    confidence: Fraction = 0.0
    """The score below which a target keeps its last box."""
    calibration: tuple[Finite, Finite] = (1.0, 0.0)
    """Slope and offset of the Platt scaling from logits to the confidence that a box is right,
    measured after training."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backbone not in BACKBONES:
            raise unknown_name("backbone", self.backbone, BACKBONES)
        if self.exemplar_bins > self.search_bins:
            raise UsageError("search_bins must be exemplar_bins or more")

    @classmethod
    def from_dict(cls: type[ConfigT], values: dict[str, Any]) -> ConfigT:
        """A config from plain values; raises ``UsageError`` naming the nearest key."""
        return build_config(cls, values, noun="network setting")

    @property
    def geometry(self) -> Geometry:
        """Where the backbone's cells lie, and what they see."""
        field, block = BACKBONES[self.backbone]
        return Geometry(stride=STRIDE, field=field, is_padded=True, block=block)

    @property
    def canonical_side(self) -> int:
        """Side of the search area in canonical pixels."""
        return STRIDE * self.search_bins

    @abstractmethod
    def search_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The search area of each box, with the box in its middle."""


@dataclass(frozen=True, kw_only=True)
class SquareConfig(SiameseConfig):
    """Square search areas with context, as in SiamFC, for IMSiam and SiamAttn."""

    has_squares: ClassVar[bool] = True

    context: Annotated[float, Range(0, 10)] = 0.5
    """Context around a box in its exemplar area: the share of (w + h) that is added to both."""

    def search_areas(self, boxes: Float[XYXY, " n"]) -> Float32[XYXY, " n"]:
        """The search area of each box, in the resolution of its exemplar."""
        side = context_side(boxes, self.context) * (self.search_bins / self.exemplar_bins)
        return np.asarray(square_areas(boxes, side))


def check_middle(bins: int, whole: int, *, name: str = "kept") -> None:
    """Raise ``UsageError`` for a setting that is no odd number of bins in the middle of others."""
    if bins % 2 == 0 or bins > whole or (whole - bins) % 2:
        raise UsageError(
            f"setting {name!r} must be an odd number of bins in the middle of {whole}, got {bins}"
        )
