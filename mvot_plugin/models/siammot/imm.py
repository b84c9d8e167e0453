"""The implicit motion model of SiamMOT (3.2): an MLP over the features of two search areas."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.siamese.network import SiameseNet, smooth_sizes
from mvot_plugin.models.siammot.config import SiamMotConfig
from mvot_plugin.ops.tensors.anchors import decode_boxes
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH

__all__ = ["ImmAnswers", "ImplicitMotionModel"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImmAnswers:
    """What the model says of N targets."""

    visibility: Float[Tensor, " n"]
    """Log odds that the target is visible in its search area: v_i."""
    motion: Float[Tensor, "n 4"]
    """Shift, in sides of the box, and logarithm of the growth: m_i of Eq. 2."""


class ImplicitMotionModel(SiameseNet):
    """IMM: two layers, the hidden one of 512 units."""

    def __init__(self, config: SiamMotConfig) -> None:
        super().__init__(config)
        inputs = 2 * config.width * config.search_bins**2
        self.hidden = nn.Sequential(nn.Linear(inputs, config.hidden), nn.ReLU())
        self.predict = nn.Linear(config.hidden, 5)

    def merge(
        self, early: Float[Tensor, "b d h4 w4"], late: list[Float[Tensor, "b _ h8 w8"]]
    ) -> Float[Tensor, "b h8 w8 c"]:
        """The sum of the levels, as in a feature pyramid."""
        levels = [layer(level) for layer, level in zip(self.reduce, late, strict=True)]
        return torch.stack(levels).sum(0).permute(0, 2, 3, 1)

    @property
    def channels(self) -> int:
        """Those of one level: levels are summed."""
        return int(self.config.width)

    @property
    def template_shapes(self) -> dict[str, tuple[int, ...]]:
        """f_S at the time of the template."""
        side = self.config.search_bins
        return {"template": (side, side, self.channels)}

    def enroll(
        self, crops: Float[Tensor, "n s s c"], sizes: Float[Tensor, "n 2"] | None
    ) -> tuple[Float[Tensor, "n s s c"]]:
        """f_S at the time of the template."""
        return (crops,)

    def answer(self, templates: tuple[Tensor, ...], crops: Float[Tensor, "n s s c"]) -> ImmAnswers:
        """V and m of N targets."""
        together = torch.cat([templates[0].flatten(1), crops.flatten(1)], dim=1)
        outputs = self.predict(self.hidden(together)).float()
        return ImmAnswers(visibility=outputs[:, 0], motion=outputs[:, 1:])

    def select(
        self, answers: ImmAnswers, last: Float[Tensor, "n 2"]
    ) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"]]:
        """The boxes, by the inverse of Eq. 2, and v."""
        before = torch.cat([torch.zeros_like(last), last], dim=1)
        boxes = decode_boxes(answers.motion, before)
        return smooth_sizes(boxes, last, self.config.smoothing), answers.visibility
