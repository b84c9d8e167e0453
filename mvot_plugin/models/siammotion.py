"""SiamMOTION's network: backbone, proposal engine, comparison head (Fig. 2).

Which areas its crops are of, and from which level of the pyramid, is up to its callers:
``SiamMotionFunctions``, and the losses of the training.
"""

from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.attention import ChannelAttention
from mvot_plugin.models.backbones import build_backbone
from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.models.fpn import FeaturePyramid
from mvot_plugin.models.heads import PairwiseCorrelation, PairwiseDepthwiseRPN, Proposals
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.models.siammotion_config import SiamMotionConfig

__all__ = ["SiamMotionNet"]


class SiamMotionNet(nn.Module):
    """The network of a ``SiamMotionConfig``; it keeps no state of targets."""

    def __init__(self, config: SiamMotionConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config.backbone, config.backbone_width)
        self.neck: nn.Module
        if config.pyramid:
            self.neck = FeaturePyramid(self.backbone.channels, config.width)
        else:
            self.neck = nn.Linear(self.backbone.channels[2], config.width)
        self.attention = ChannelAttention(config.width) if config.attention else None
        self.head: nn.Module
        if config.rpn:
            self.head = PairwiseDepthwiseRPN(
                config.width,
                ratios=config.ratios,
                scale=config.anchor_scale,
                stride=float(config.stride),
                cells=config.score_cells,
                tower=config.tower,
            )
        else:
            self.head = PairwiseCorrelation(
                scales=config.scales, stride=float(config.stride), cells=config.score_cells
            )
        self.inertia = Inertia(config.known, config.inertia_hidden) if config.inertia else None

    def features(self, images: Float[Tensor, "b 3 h w"]) -> list[Float[Tensor, "b _ _ _"]]:
        """The backbone's features of normalised RGB images whose sides are multiples of 16."""
        maps: list[Tensor] = self.backbone(images)
        return maps

    def enroll(self, crops: Float[Tensor, "n b b c"]) -> Exemplars:
        """Compute what later frames need of N exemplars, from their features."""
        x = crops.flatten(1, 2)
        if self.attention is None:
            return Exemplars(own=x)
        exemplars: Exemplars = self.attention.enroll(x)
        return exemplars

    def attend(
        self, exemplars: Exemplars, crops: Float[Tensor, "m b b c"]
    ) -> tuple[Float[Tensor, "m k k c"], Float[Tensor, "m b b c"]]:
        """Enhance the features of exemplars and of their search areas, one of each (Fig. 5)."""
        own, x = exemplars.own, crops.flatten(1, 2)
        if self.attention is not None:
            own, x = self.attention(exemplars, x)
        side = self.config.exemplar_kept
        return own.view(-1, side, side, own.shape[2]), x.view(crops.shape)

    def compare(
        self,
        exemplars: Exemplars,
        crops: Float[Tensor, "m b b c"],
        last: Float[Tensor, "n 2"],
    ) -> Proposals:
        """Propose boxes for N targets from the features of their search areas.

        Args:
            exemplars: N exemplars.
            crops: The features of the search areas; those of a target, one for each of the config's
                ``search_scales``, are consecutive.
            last: The targets' last (w, h) in canonical pixels.
        """
        count = len(self.config.search_scales)
        if count > 1:
            exemplars = exemplars.repeat(count)
        own, x = self.attend(exemplars, crops)
        proposals: Proposals = self.head(own[count // 2 :: count], x, last)
        return proposals
