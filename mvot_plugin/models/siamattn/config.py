"""The settings of SiamAttn."""

from dataclasses import dataclass
from typing import Annotated

from mvot_plugin.config import Fraction, NonNegative, Positive, Range
from mvot_plugin.models.siamese.config import SquareConfig, check_middle

__all__ = ["PRESETS", "SiamAttnConfig"]


@dataclass(frozen=True, kw_only=True)
class SiamAttnConfig(SquareConfig):
    """The shape of the network, and how it tracks; the defaults are the paper's."""

    kept: Annotated[int, Range(3, 127)] = 7
    """Bins along the middle of the exemplar that is the template, an odd number."""
    ratios: tuple[Positive, ...] = (0.33, 0.5, 1.0, 2.0, 3.0)
    """Height-to-width ratios of the anchors (4.2)."""
    anchor_scale: Annotated[float, Range(1e-2, 1e3)] = 8.0
    """Root of an anchor's area, in bins."""
    hidden: Annotated[int, Range(1, 4096)] = 512
    """Units of the two layers that refine a box (3.3)."""
    mask_width: Annotated[int, Range(2, 1024)] = 256
    """Channels of the layers that predict a mask."""
    early_width: Annotated[int, Range(1, 256)] = 64
    """Channels of the features of stride 4 that masks are predicted from, too."""
    shape: NonNegative = 0.05
    """Strength of the penalty of a change of scale and aspect ratio (SiamRPN)."""
    size_damping: Fraction = 0.4
    """Weight of a new size against the last, before score and penalty (SiamRPN)."""
    refine: bool = True
    """Region refinement and masks (3.3)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_middle(self.kept, self.search_bins)


PRESETS = {
    "siamattn": SiamAttnConfig(
        backbone="light",
        width=48,
        exemplar_bins=9,
        search_bins=17,
        tracking_side=112,
        anchor_scale=4.5,
        hidden=256,
        mask_width=32,
        early_width=12,
        shape=0.15,
        size_damping=0.05,
    )
}
"""By engine name, the trained network, on the backbone of siammotion-n."""
