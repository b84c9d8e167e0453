"""The network of SiamAttn (Fig. 2): attention, region proposals, refinement of the best one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.heads import PairwiseDepthwiseRPN
from mvot_plugin.models.siamattn.attention import DeformableAttention, channel_attention
from mvot_plugin.models.siamattn.config import SiamAttnConfig
from mvot_plugin.models.siamattn.refinement import RegionRefinement
from mvot_plugin.models.siamese.config import STRIDE
from mvot_plugin.models.siamese.network import SiameseNet, cosine_window
from mvot_plugin.ops.tensors.anchors import decode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.windows import shape_penalty
from mvot_plugin.ops.tensors.xcorr import pairwise_depthwise_xcorr
from mvot_plugin.types import MASK_BINS

__all__ = ["AttnAnswers", "SiamAttnNet"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AttnAnswers:
    """What the network says of N targets, before one region is selected."""

    classes: Float[Tensor, "n 2 k h w"]
    """Logits of background and target, of K anchors in each cell of the score map."""
    deltas: Float[Tensor, "n k h w 4"]
    """The regression of each anchor."""
    fused: Float[Tensor, "n c s s"] | None
    """What regions are refined from; None without refinement."""
    early: Float[Tensor, "n d s2 s2"] | None
    """Features at half the stride, of which masks are predicted, too."""


class SiamAttnNet(SiameseNet):
    """SiamAttn; the region proposals of the levels are summed, weighted."""

    anchors: Float[TensorCXCYWH, "k h w"]
    window: Float[Tensor, "h w"]

    def __init__(self, config: SiamAttnConfig) -> None:
        super().__init__(config)
        width, levels, cells = config.width, self.levels, config.search_bins - config.kept + 1
        self.attention = nn.ModuleList(DeformableAttention(width) for _ in range(levels))
        heads = [_build_proposals(config, cells) for _ in range(levels)]
        self.proposals = nn.ModuleList(heads)
        self.weights = nn.Parameter(torch.zeros(2, levels))
        self.refinement: RegionRefinement | None = None
        if config.refine:
            self.early = nn.Conv2d(self.backbone.early_channels, config.early_width, 1)
            self.refinement = RegionRefinement(
                width, levels, config.hidden, config.mask_width, config.early_width
            )
        self.register_buffer("anchors", heads[0].anchors, persistent=False)
        self.register_buffer("window", cosine_window(cells), persistent=False)

    def switch_off(self, parts: Iterable[str]) -> None:
        """Leave parts out, in place: "refinement", or what ``DeformableAttention`` switches off.

        A network that was trained with a part needs it; what is lost shows how much.
        """
        off = set(parts)
        if "refinement" in off:
            self.refinement, self.config = None, replace(self.config, refine=False)
        for module in self.attention:
            cast(DeformableAttention, module).switch_off(off)

    def merge(
        self, early: Float[Tensor, "b d h4 w4"], late: list[Float[Tensor, "b _ h8 w8"]]
    ) -> Float[Tensor, "b h8 w8 c"]:
        """The features of the levels, and those of stride 4, four cells of them in a bin."""
        levels = super().merge(early, late)
        if self.refinement is None:
            return levels
        folded = F.pixel_unshuffle(self.early(early), 2).permute(0, 2, 3, 1)
        return torch.cat([levels, folded], dim=-1)

    @property
    def channels(self) -> int:
        """Those of the levels, and of the features of stride 4."""
        return super().channels + (4 * self.config.early_width if self.config.refine else 0)

    @property
    def template_shapes(self) -> dict[str, tuple[int, ...]]:
        """The templates of the levels, their self-attention, and the masks."""
        width, kept = self.config.width, self.config.kept
        maps = self.levels, width, kept, kept
        return {"templates": maps, "attended": maps, "attention": (self.levels, width, width)}

    @property
    def extra_shapes(self) -> dict[str, tuple[int, ...]]:
        """The masks, with refinement."""
        return {"masks": (MASK_BINS, MASK_BINS)} if self.config.refine else {}

    def enroll(
        self, crops: Float[Tensor, "n s s c"], sizes: Float[Tensor, "n 2"] | None
    ) -> tuple[Float[Tensor, "n l d k k"], Float[Tensor, "n l d k k"], Float[Tensor, "n l d d"]]:
        """The template Z of each of L levels, its self-attention, and the mask A_Z."""
        begin = (self.config.search_bins - self.config.kept) // 2
        middle = slice(begin, begin + self.config.kept)
        templates = self.split(crops[:, middle, middle])
        masks = [channel_attention(z.flatten(2)) for z in templates]
        attended = [
            cast(DeformableAttention, module).attend_self(z, mask)
            for module, z, mask in zip(self.attention, templates, masks, strict=True)
        ]
        return torch.stack(templates, 1), torch.stack(attended, 1), torch.stack(masks, 1)

    def answer(self, templates: tuple[Tensor, ...], crops: Float[Tensor, "n s s c"]) -> AttnAnswers:
        """The proposals of N targets, and the maps that the best one is refined from."""
        exemplars, searches = self.attend(templates, crops)
        outputs = [
            cast(PairwiseDepthwiseRPN, head).outputs(z.permute(0, 2, 3, 1), x.permute(0, 2, 3, 1))
            for head, z, x in zip(self.proposals, exemplars, searches, strict=True)
        ]
        classes, deltas = (torch.stack(part, -1) for part in zip(*outputs, strict=True))
        shares = self.weights.softmax(1).to(classes.dtype)
        fused = early = None
        if self.refinement is not None:
            correlations = [_correlate(x, z) for z, x in zip(exemplars, searches, strict=True)]
            fused = self.refinement(correlations)
            folded = crops[..., self.config.width * self.levels :].permute(0, 3, 1, 2)
            early = F.pixel_shuffle(folded, 2)
        return AttnAnswers(
            classes=(classes @ shares[0]).float(),
            deltas=(deltas @ shares[1]).float(),
            fused=fused,
            early=early,
        )

    def attend(
        self, templates: tuple[Tensor, ...], crops: Float[Tensor, "n s s c"]
    ) -> tuple[list[Float[Tensor, "n d k k"]], list[Float[Tensor, "n d s s"]]]:
        """The attentional features of templates and of search areas, by level."""
        exemplars, searches = [], []
        columns = zip(*(part.unbind(1) for part in templates), strict=True)
        rows = zip(self.attention, columns, self.split(crops), strict=True)
        for module, (z, attended, mask), x in rows:
            attention, own = cast(DeformableAttention, module), channel_attention(x.flatten(2))
            exemplars.append(attention(z, attended, own))
            searches.append(attention(x, attention.attend_self(x, own), mask))
        return exemplars, searches

    def select(self, answers: AttnAnswers, last: Float[Tensor, "n 2"]) -> tuple[Tensor, ...]:
        """The best region (SiamRPN's penalties) and its log odds, refined, with its mask.

        Returns:
            Boxes (N, 4) as cx, cy, w, h, log odds (N,), and, with refinement, the probabilities
            (N, M, M) that the cells of the box show the target.
        """
        logits = (answers.classes[:, 1] - answers.classes[:, 0]).flatten(1)
        boxes = decode_boxes(answers.deltas, self.anchors).flatten(1, 3)
        penalty = shape_penalty(boxes[..., 2:], last[:, None], self.config.shape)
        probability, share = logits.sigmoid(), self.config.window
        window = self.window.expand(self.anchors.shape[:3]).flatten()
        penalised = (1 - share) * probability * penalty + share * window
        best = penalised.argmax(1, keepdim=True)
        region = boxes.gather(1, best[..., None].expand(-1, 1, 4))[:, 0]
        rate = self.config.size_damping * (probability * penalty).gather(1, best)
        if self.refinement is not None and answers.fused is not None:
            region = decode_boxes(self.refinement.refine_boxes(answers.fused, region), region)
        size = last + rate * (region[:, 2:] - last)
        found = torch.cat([region[:, :2], size], dim=1)
        log_odds = logits.gather(1, best)[:, 0]
        if self.refinement is None or answers.fused is None or answers.early is None:
            return found, log_odds
        masks = self.refinement.predict_masks(answers.fused, answers.early, found)
        return found, log_odds, masks.sigmoid()


def _build_proposals(config: SiamAttnConfig, cells: int) -> PairwiseDepthwiseRPN:
    """A Siamese RPN block, whose first proposals are its anchors."""
    ratios, scale = config.ratios, config.anchor_scale
    head = PairwiseDepthwiseRPN(
        config.width, ratios=ratios, scale=scale, stride=float(STRIDE), cells=cells
    )
    for layer in (head.classify, head.regress):
        nn.init.normal_(layer.weight, std=1e-2)
    return head


def _correlate(
    search: Float[Tensor, "n d s s"], exemplars: Float[Tensor, "n d k k"]
) -> Float[Tensor, "n d s s"]:
    """The correlation of each channel, padded to the size of the search area."""
    half = exemplars.shape[2] // 2
    padded = F.pad(search, [half] * 4).permute(0, 2, 3, 1)
    kernels = exemplars.permute(0, 2, 3, 1)
    correlated = pairwise_depthwise_xcorr(padded, kernels) / exemplars.shape[2] ** 2
    return correlated.permute(0, 3, 1, 2)
