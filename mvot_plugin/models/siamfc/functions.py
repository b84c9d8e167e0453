"""What the engines of SiamFC's family run of its network: pure functions of tensors."""

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor, nn

from mvot_plugin.models.siamfc.network import SiamFCNet
from mvot_plugin.models.siamfc.peaks import choose_scale, locate_peaks, upsample_maps
from mvot_plugin.runtimes.signature import Signature

__all__ = ["SiamFCFunctions"]


class SiamFCFunctions(nn.Module):
    """The functions of a ``SiamFCNet``, for SiamFC and for SiamMT.

    Half precision is that of the network: images come and positions go in single precision.
    """

    def __init__(self, network: SiamFCNet) -> None:
        super().__init__()
        self.network = network
        self.config = network.config

    def features(self, images: UInt8[Tensor, "b h w 3"]) -> Float[Tensor, "b h8 w8 c"]:
        """The features of BGR images."""
        return self.network.features(images)

    def compare(
        self,
        exemplars: Float[Tensor, "n k k c"],
        crops: Float[Tensor, "m h w c"],
        interpolation: Float[Tensor, "up o"],
        window: Float[Tensor, "up up"],
        factors: Float[Tensor, " s"],
    ) -> tuple[Int64[Tensor, " n"], Float[Tensor, "n 2"], Float[Tensor, " n"]]:
        """Find N targets in their search areas.

        Args:
            exemplars: The features of the exemplars.
            crops: The features of the search areas; those of a target at S scales follow one
                another.
            interpolation: The weights of a score map's cells in upsampling, along one axis.
            window: The window over upsampled maps; its sum is its influence in 0..1.
            factors: Of the heights of peaks, at each scale.

        Returns:
            The number of the best scale, the cells (x, y) from the middle of the search area, and
            the log odds that the target is there.
        """
        maps = upsample_maps(self.network.compare(crops, exemplars), interpolation)
        chosen = choose_scale(maps, factors)
        rows = torch.arange(maps.shape[0], device=maps.device)
        positions, logits = locate_peaks(maps[rows, chosen], window)
        return chosen, positions * interpolation.shape[1] / interpolation.shape[0], logits

    def similarity(
        self, exemplars: Float[Tensor, "n k k c"], windows: Float[Tensor, "m k2 k2 c"]
    ) -> Float[Tensor, "n s d d"]:
        """The similarity of N exemplars to windows of several sizes, one target after another."""
        return self.network.similarity(windows, exemplars)

    def signatures(self) -> dict[str, Signature]:
        """The functions' arguments and results, for an export."""
        config = self.config
        channels, cells, bins = config.channels[-1], config.exemplar_cells, config.search_cells
        side, spare = config.window_cells, config.window_cells - cells + 1
        exemplars = {"exemplars": ("count", cells, cells, channels)}
        sizes = {"count": 2, "crops": 6, "scales": 3, "windows": 6, "height": 127, "width": 151}
        return {
            "features": Signature(
                inputs={"images": ("count", "height", "width", 3)},
                outputs={"features": ("count", "rows", "columns", channels)},
                sizes=sizes,
            ),
            "compare": Signature(
                inputs={
                    **exemplars,
                    "crops": ("crops", bins, bins, channels),
                    "interpolation": ("side", config.score_cells),
                    "window": ("side", "side"),
                    "factors": ("scales",),
                },
                outputs={"chosen": ("count",), "offsets": ("count", 2), "logits": ("count",)},
                sizes=sizes | {"side": 4 * config.score_cells},
            ),
            "similarity": Signature(
                inputs={**exemplars, "windows": ("windows", side, side, channels)},
                outputs={"similarity": ("count", "sizes", spare, spare)},
                sizes=sizes,
            ),
        }
