"""The explicit motion model of SiamMOT (3.3, Fig. 2).

The features of a target are correlated with those of its search area, channel by channel (here in
the mean over the template's cells, in the paper in their sum); a fully convolutional network reads
from the response how visible the target is at each place, and where its box is (as in FCOS).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvot_plugin.models.siamese.config import STRIDE
from mvot_plugin.models.siamese.network import (
    cosine_window,
    group_layers,
    place_bins,
    smooth_sizes,
)
from mvot_plugin.models.siammot.config import SiamMotConfig
from mvot_plugin.models.siammot.network import SiamMotNet
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.xcorr import pairwise_depthwise_xcorr

__all__ = ["EmmAnswers", "ExplicitMotionModel"]

LARGEST_LOG = 4.0
"""The largest logarithm of a distance, in halves of the template."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EmmAnswers:
    """What the model says of N targets at P x P places of their search areas."""

    visibility: Float[Tensor, "n p p"]
    """Log odds that the place shows the target: the map v_i."""
    distances: Float[Tensor, "n 4 p p"]
    """From each place to the left, top, right and bottom of the box, in canonical pixels: p_i."""


class ExplicitMotionModel(SiamMotNet):
    """EMM: a channel-wise correlation and a fully convolutional network of two layers."""

    places: Float[Tensor, " p"]
    """Where the P rows and columns of the maps lie, in canonical pixels from the middle."""
    window: Float[Tensor, "p p"]

    def __init__(self, config: SiamMotConfig) -> None:
        super().__init__(config)
        width, cells = config.width, config.search_bins - config.exemplar_bins + 1
        self.visibility = nn.Sequential(*group_layers(width, 2), nn.Conv2d(width, 1, 3, padding=1))
        self.location = nn.Sequential(*group_layers(width, 2), nn.Conv2d(width, 4, 3, padding=1))
        self.register_buffer("places", place_bins(cells), persistent=False)
        self.register_buffer("window", cosine_window(cells), persistent=False)

    @property
    def template_shapes(self) -> dict[str, tuple[int, ...]]:
        """f_R: a template of 3.1."""
        side = self.config.exemplar_bins
        return {"template": (side, side, self.channels)}

    def enroll(
        self, crops: Float[Tensor, "n s s c"], sizes: Float[Tensor, "n 2"] | None
    ) -> tuple[Float[Tensor, "n k k c"]]:
        """f_R: the middle of the search area, at the same spatial scale.

        Where that lies between bins, as of 15 in 30, it is interpolated.
        """
        beyond = self.config.search_bins - self.config.exemplar_bins
        if beyond % 2:
            rows = (crops[:, :-1] + crops[:, 1:]) / 2
            crops = (rows[:, :, :-1] + rows[:, :, 1:]) / 2
        middle = slice(beyond // 2, beyond // 2 + self.config.exemplar_bins)
        return (crops[:, middle, middle],)

    def answer(self, templates: tuple[Tensor, ...], crops: Float[Tensor, "n s s c"]) -> EmmAnswers:
        """The maps v and p of N targets, from r = f_S * f_R."""
        (kernels,) = templates
        response = pairwise_depthwise_xcorr(crops, kernels) / self.config.exemplar_bins**2
        response = response.permute(0, 3, 1, 2)
        logs = self.location(response).float().clamp(max=LARGEST_LOG)
        half = STRIDE * self.config.exemplar_bins / 2
        return EmmAnswers(
            visibility=self.visibility(response)[:, 0].float(), distances=half * logs.exp()
        )

    def select(
        self, answers: EmmAnswers, last: Float[Tensor, "n 2"]
    ) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"]]:
        """The box of the place of the largest v ⊙ η (Eqs. 4 and 5), and v there."""
        boxes = self.decode(answers)
        visible = answers.visibility.sigmoid().flatten(1)
        best = (visible * self.penalty_map(boxes[..., 2:], last)).argmax(1, keepdim=True)
        chosen = boxes.gather(1, best[..., None].expand(-1, 1, 4))[:, 0]
        chosen = smooth_sizes(chosen, last, self.config.smoothing)
        return chosen, answers.visibility.flatten(1).gather(1, best)[:, 0]

    def decode(self, answers: EmmAnswers) -> Float[TensorCXCYWH, "n m"]:
        """The boxes of all M places, row by row: R(p(x, y)) of 3.3."""
        left, top, right, bottom = answers.distances.flatten(2).unbind(1)
        y, x = torch.meshgrid(self.places, self.places, indexing="ij")
        centre = x.flatten() + (right - left) / 2, y.flatten() + (bottom - top) / 2
        return torch.stack([*centre, left + right, top + bottom], dim=-1)

    def penalty_map(
        self, sizes: Float[Tensor, "n m 2"], last: Float[Tensor, "n 2"]
    ) -> Float[Tensor, "n m"]:
        """η = λ C + (1 - λ) S (Eq. 5): the cosine window, and a Gaussian of the change of size."""
        change = (sizes / last[:, None]).log() / self.config.scale_deviation
        share = self.config.window
        scale: Tensor = torch.exp(-change.square().sum(-1) / 2)
        penalty: Tensor = share * self.window.flatten() + (1 - share) * scale
        return penalty
