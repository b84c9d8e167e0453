"""The light network of SiamMOTION: backbone, attention, comparison head, inertia."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.attention import ChannelAttention
from mvot_plugin.models.backbones.light import LightBackbone
from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.models.light.config import LightConfig
from mvot_plugin.models.light.head import Answers, LightHead

__all__ = ["LightNet"]


class LightNet(nn.Module):
    """The network of a ``LightConfig``; it keeps no state of targets."""

    places: Float[Tensor, "4 m"]
    """The middles x, y, x, y of the M cells of a score map, in canonical pixels."""
    signs: Float[Tensor, "4 1"]
    """On which side of the middle each edge is."""

    def __init__(self, config: LightConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = LightBackbone(config.width, top_down=config.pyramid)
        self.attention = ChannelAttention(config.width) if config.attention else None
        self.head = LightHead(config.width, config.exemplar_kept**2, config.head_width)
        self.inertia = Inertia(config.known, config.inertia_hidden) if config.inertia else None
        self.register_buffer("places", _place_cells(config), persistent=False)
        signs = torch.tensor([-1.0, -1.0, 1.0, 1.0])[:, None]
        self.register_buffer("signs", signs, persistent=False)

    def features(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h8 w8 c"]:
        """The features of normalised RGB images whose sides are multiples of 16."""
        maps: Tensor = self.backbone(images)
        return maps.permute(0, 2, 3, 1)

    def enroll(self, crops: Float[Tensor, "n b b c"]) -> Exemplars:
        """Compute what later frames need of N exemplars, from their features."""
        x = crops.flatten(1, 2)
        if self.attention is None:
            return Exemplars(own=x)
        exemplars: Exemplars = self.attention.enroll(x)
        return exemplars

    def answer(self, exemplars: Exemplars, crops: Float[Tensor, "n b b c"]) -> Answers:
        """What the head says of N targets, from the features of their search areas.

        For attention, channels are compared at every second cell: that says as much, at a quarter
        of the cost.
        """
        own, x = exemplars.own, crops
        if self.attention is not None:
            compared = crops[:, ::2, ::2].flatten(1, 2)
            own, flat = self.attention(exemplars, crops.flatten(1, 2), compared)
            x = flat.view(crops.shape)
        answers: Answers = self.head(own, x)
        return answers

    def switch_off(self, parts: Iterable[str]) -> None:
        """Leave parts out, in place: names of the config's switches.

        A network that was trained with a part needs it; what is lost shows how much.
        """
        off: Any = dict.fromkeys(parts, False)
        self.config = replace(self.config, **off)
        self.backbone.top_down = self.config.pyramid
        if not self.config.attention:
            self.attention = None

    def locate(self, answers: Answers, last: Float[Tensor, "n 2"]) -> Float[Tensor, "n 4 m"]:
        """The edges x0, y0, x1, y1 of the boxes of the M cells, in canonical pixels.

        Without regression, boxes are in the middle of their cells, and have the ``last`` size.
        """
        if self.config.rpn:
            return self.places + self.signs * answers.distances.flatten(2)
        half = torch.cat([last, last], dim=1)[..., None] / 2
        return self.places + self.signs * half


def _place_cells(config: LightConfig) -> Float[Tensor, "4 m"]:
    cells = torch.arange(config.search_bins) - config.search_bins // 2
    line = cells * float(config.stride) + config.cell_offset
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y, x, y]).flatten(1)
