"""The implicit motion model of SiamMOT (3.2): an MLP over the features of two search areas."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.siamese.network import smooth_sizes
from mvot_plugin.models.siammot.config import SiamMotConfig
from mvot_plugin.models.siammot.network import SiamMotNet
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


class ImplicitMotionModel(SiamMotNet):
    """IMM: two layers, the hidden one of 512 units."""

    def __init__(self, config: SiamMotConfig) -> None:
        super().__init__(config)
        inputs = 2 * config.width * config.search_bins**2
        self.hidden = nn.Sequential(nn.Linear(inputs, config.hidden), nn.ReLU())
        self.predict = nn.Linear(config.hidden, 5)

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
