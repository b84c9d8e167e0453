"""A light comparison head: 7 million multiply-adds for each target.

The exemplar's bins are filters, with which each bin of the search area is compared, pixel by pixel
(as in Alpha-Refine and NanoTrack), in one matrix product for each target; what follows is depthwise
separable. SiamMOTION's PD-RPN has a depthwise correlation there, whose kernels differ from target
to target, which CPUs compute slowly, and five anchors in each cell, where this one has one box.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.backbones.light import convolution

__all__ = ["Answers", "LightHead"]

LARGEST_DISTANCE = 6.0
"""The largest logarithm of a distance, in canonical pixels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """What the head says of N targets in their search areas."""

    logits: Float[Tensor, "n h w"]
    """Log odds of the target at each cell."""
    distances: Float[Tensor, "n 4 h w"]
    """From each cell to the left, top, right and bottom of the box, in canonical pixels."""
    visibility: Float[Tensor, " n"]
    """Log odds that the target is in sight."""


class LightHead(nn.Module):
    """Compares N exemplars with their search areas, pixel by pixel."""

    def __init__(self, width: int, places: int, channels: int) -> None:
        super().__init__()
        self.kernel = nn.Linear(width, width)
        self.mix = convolution(places + width, channels, 1)
        self.tower = nn.Sequential(_separable(channels, 5), _separable(channels, 5))
        self.classify = nn.Sequential(_separable(channels, 3), nn.Conv2d(channels, 1, 1))
        self.regress = nn.Sequential(_separable(channels, 3), nn.Conv2d(channels, 4, 1))
        self.see = nn.Sequential(
            nn.Linear(channels + 1, channels // 2), nn.ReLU(), nn.Linear(channels // 2, 1)
        )

    def forward(
        self, exemplars: Float[Tensor, "n p c"], search: Float[Tensor, "n h w c"]
    ) -> Answers:
        """The answers for N targets, in single precision."""
        n, h, w, _ = search.shape
        areas = search.flatten(1, 2)
        similarity = areas @ self.kernel(exemplars).transpose(1, 2)
        together = torch.cat([similarity, areas], dim=2).view(n, h, w, -1).permute(0, 3, 1, 2)
        compared = self.tower(self.mix(together))
        logits = self.classify(compared)[:, 0].float()
        distances = self.regress(compared).float().clamp(max=LARGEST_DISTANCE).exp()
        return Answers(logits=logits, distances=distances, visibility=self._see(compared, logits))

    def _see(
        self, compared: Float[Tensor, "n c h w"], logits: Float[Tensor, "n h w"]
    ) -> Float[Tensor, " n"]:
        """Whether the target is in sight: from what was compared where it probably is."""
        flat = logits.flatten(1)
        weights = flat.softmax(1)[..., None].to(compared.dtype)
        pooled = (compared.flatten(2) @ weights)[..., 0]
        peak = flat.amax(1, keepdim=True).to(compared.dtype)
        seen: Tensor = self.see(torch.cat([pooled, peak], dim=1))
        return seen[:, 0].float()


def _separable(channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        convolution(channels, channels, kernel, groups=channels),
        convolution(channels, channels, 1),
    )
