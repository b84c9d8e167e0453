"""The network of IMSiam: a neck and an IoU-aware head for each level of the backbone (3.2, 3.3)."""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.imsiam.config import ImSiamConfig
from mvot_plugin.models.imsiam.neck import MatchingNeck, group_layer
from mvot_plugin.models.siamese.config import STRIDE
from mvot_plugin.models.siamese.network import SiameseNet, cosine_window, place_bins, smooth_sizes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH

__all__ = ["ImSiamNet", "LevelAnswers"]

LARGEST_LOG = 4.0
"""The largest logarithm of a distance, in quarters of the exemplar area."""
LEAST_SCORE = 1e-6
"""The least score, and the least distance of one to 1, of which log odds are computed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LevelAnswers:
    """What one level says of N targets at the S x S bins of their search areas."""

    classes: Float[Tensor, "n 2 s s"]
    """Logits of the target and of the background: C of 3.3."""
    centerness: Float[Tensor, "n s s"]
    """Log odds of being in the middle of the box: P."""
    distances: Float[Tensor, "n 4 s s"]
    """From each bin to the left, top, right and bottom of the box, in canonical pixels: R."""
    iou: Float[Tensor, "n s s"]
    """Log odds of the IoU of that box with the target's: I."""

    @property
    def score(self) -> Float[Tensor, "n s s"]:
        """The refined classification (Eq. 16)."""
        target = self.classes.softmax(1)[:, 0]
        return target * self.centerness.sigmoid() * self.iou.sigmoid()


class IouAwareHead(nn.Module):
    """The head of one level: classification with centre-ness, regression with IoU."""

    def __init__(self, width: int, depth: int, unit: float) -> None:
        super().__init__()
        self.unit = unit
        self.classify = nn.Sequential(*(group_layer(width, width, 3) for _ in range(depth)))
        self.regress = nn.Sequential(*(group_layer(width, width, 3) for _ in range(depth)))
        self.classes = nn.Conv2d(width, 2, 3, padding=1)
        self.centerness = nn.Conv2d(width, 1, 3, padding=1)
        self.distances = nn.Conv2d(width, 4, 3, padding=1)
        self.iou = nn.Conv2d(width, 1, 3, padding=1)

    def forward(
        self, classified: Float[Tensor, "n c s s"], regressed: Float[Tensor, "n c s s"]
    ) -> LevelAnswers:
        """The answers, in single precision."""
        classified, regressed = self.classify(classified), self.regress(regressed)
        logs = self.distances(regressed).float().clamp(max=LARGEST_LOG)
        return LevelAnswers(
            classes=self.classes(classified).float(),
            centerness=self.centerness(classified)[:, 0].float(),
            distances=self.unit * logs.exp(),
            iou=self.iou(regressed)[:, 0].float(),
        )


class ImSiamNet(SiameseNet):
    """IMSiam; each level has weights of its own, and their answers are averaged."""

    places: Float[Tensor, " s"]
    window: Float[Tensor, "s s"]

    def __init__(self, config: ImSiamConfig) -> None:
        super().__init__(config)
        unit = STRIDE * config.exemplar_bins / 4
        self.necks = nn.ModuleList(
            MatchingNeck(config.width, config.kept) for _ in range(self.levels)
        )
        self.heads = nn.ModuleList(
            IouAwareHead(config.width, config.depth, unit) for _ in range(self.levels)
        )
        bins = config.search_bins
        self.register_buffer("places", place_bins(bins), persistent=False)
        self.register_buffer("window", cosine_window(bins), persistent=False)

    @property
    def template_shapes(self) -> dict[str, tuple[int, ...]]:
        """The vectors and the templates of all levels."""
        kept = self.config.kept
        return {"vectors": (self.channels,), "kernels": (kept, kept, self.channels)}

    def enroll(
        self, crops: Float[Tensor, "n s s c"], sizes: Float[Tensor, "n 2"] | None
    ) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d d c"]]:
        """The vectors v and the templates of all levels, one after the other in the channels."""
        bins = self.config.exemplar_bins
        begin = (self.config.search_bins - bins) // 2
        middle = crops[:, begin : begin + bins, begin : begin + bins]
        assert sizes is not None
        half = sizes / (2 * STRIDE)
        boxes = (bins - 1) / 2 + torch.cat([-half, half], dim=1)
        parts = [
            cast(MatchingNeck, neck).enroll(level, boxes)
            for neck, level in zip(self.necks, self.split(middle), strict=True)
        ]
        vectors, kernels = zip(*parts, strict=True)
        return torch.cat(vectors, dim=-1), torch.cat(kernels, dim=-1)

    def answer(
        self, templates: tuple[Tensor, ...], crops: Float[Tensor, "n s s c"]
    ) -> list[LevelAnswers]:
        """The answers of each level."""
        width = self.config.width
        vectors, kernels = (torch.split(part, width, dim=-1) for part in templates)
        together = zip(self.necks, self.heads, vectors, kernels, self.split(crops), strict=True)
        return [head(*neck(*arguments)) for neck, head, *arguments in together]

    def select(
        self, answers: list[LevelAnswers], last: Float[Tensor, "n 2"]
    ) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"]]:
        """The box at the largest score under the window (Eqs. 16 to 19), and its log odds.

        There is no penalty of a change of scale: the predicted IoU takes its place.
        """
        score = torch.stack([level.score for level in answers]).mean(0)
        share = self.config.window
        best = ((1 - share) * score + share * self.window).flatten(1).argmax(1, keepdim=True)
        distances = torch.stack([level.distances for level in answers]).mean(0)
        chosen = distances.flatten(2).gather(2, best[:, None].expand(-1, 4, 1))[..., 0]
        low, high = chosen[:, :2], chosen[:, 2:]
        bins = self.config.search_bins
        place = torch.cat([self.places[best % bins], self.places[best // bins]], dim=1)
        found = score.flatten(1).gather(1, best)[:, 0].clamp(LEAST_SCORE, 1 - LEAST_SCORE)
        boxes = torch.cat([place + (high - low) / 2, low + high], dim=1)
        return smooth_sizes(boxes, last, self.config.smoothing), found.logit()
