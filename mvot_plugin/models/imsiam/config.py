"""The settings of IMSiam."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from mvot_plugin.config import Fraction, Range
from mvot_plugin.models.siamese.config import SquareConfig, check_middle

__all__ = ["PRESETS", "ImSiamConfig"]


@dataclass(frozen=True, kw_only=True)
class ImSiamConfig(SquareConfig):
    """The shape of the network, and how it tracks; the defaults are the paper's."""

    enrolls_sizes: ClassVar[bool] = True

    kept: Annotated[int, Range(1, 127)] = 7
    """Bins along the middle of the exemplar that is correlated, an odd number: d of 3.2.3."""
    depth: Annotated[int, Range(1, 16)] = 3
    """Convolutions in each branch of the head (3.3)."""
    smoothing: Fraction = 0.4
    """Weight of a new size against the last: gamma of Eq. 19."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_middle(self.kept, self.exemplar_bins)
        check_middle(self.exemplar_bins, self.search_bins, name="exemplar_bins")


PRESETS = {
    "imsiam": ImSiamConfig(
        backbone="light",
        width=32,
        exemplar_bins=9,
        search_bins=17,
        tracking_side=112,
        kept=5,
        depth=2,
        smoothing=0.05,
    )
}
"""By engine name, the trained network, on the backbone of siammotion-n."""
