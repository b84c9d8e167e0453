"""From proposals to one box and one score for each target (SiamMOTION 3.3.2, Fig. 7)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.heads import Proposals
from mvot_plugin.ops.tensor_boxes import (
    TensorCXCYWH,
    cxcywh_to_xyxy,
    nms_vote,
    xyxy_to_cxcywh,
)
from mvot_plugin.ops.windows import erode, hann_window, shape_penalty
from mvot_plugin.timing import stage

__all__ = ["Penalisation"]


@dataclass(frozen=True, kw_only=True)
class Penalisation:
    """The multi-object penalisation module, and the selection of boxes after it."""

    hann: float = 0.42
    """Influence of the Hann window: its share of the score."""
    shape: float = 0.05
    """Strength of the shape penalty: β of Eq. 3."""
    distractor: float = 0.01
    """Influence of the distractor masks: the share of the score that they may take."""
    distractor_scale: float = 0.1
    """Side of a distractor's window, in sides of its search area."""
    erosion: bool = True
    """Whether score maps are eroded."""
    vote_iou: float = 0.8
    """IoU with the best box from which others are averaged with it (box voting)."""
    size_damping: float = 0.18
    """Weight of a new size against the last, before score and shape penalty (SiamRPN)."""

    def single_object(self) -> "Penalisation":
        """The same without SiamMOTION's additions (P in Table 1), distractor masks and erosion."""
        return replace(self, distractor=0.0, erosion=False)

    def scores(
        self,
        proposals: Proposals,
        last: Float[Tensor, "n 2"],
        masks: Float[Tensor, "n h w"] | None,
    ) -> tuple[Float[Tensor, "n k h w"], Float[Tensor, "n k h w"]]:
        """Compute the penalised scores of all proposals, and their shape penalty.

        ``last`` are the targets' (w, h) in canonical pixels, ``masks`` the distractor masks R.
        """
        probability = proposals.logits.sigmoid()
        if self.erosion:
            probability = erode(probability)
        shape = shape_penalty(proposals.boxes[..., 2:], last[:, None, None, None], self.shape)
        window = hann_window(probability.shape[-1], probability.device)
        penalised = (1 - self.hann) * probability * shape + self.hann * window
        if masks is not None:
            penalised = penalised * (1 - self.distractor + self.distractor * masks[:, None])
        return penalised, shape

    def select(
        self,
        proposals: Proposals,
        last: Float[Tensor, "n 2"],
        masks: Float[Tensor, "n h w"] | None,
    ) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"]]:
        """Select each target's box, in canonical pixels, and its score in 0..1.

        The score is the probability of the best proposal before any penalty, which is comparable
        across targets and frames.
        """
        with stage("penalise"):
            penalised, shape = (part.flatten(1) for part in self.scores(proposals, last, masks))
        best = penalised.argmax(1, keepdim=True)
        score = proposals.logits.flatten(1).gather(1, best)[:, 0].sigmoid()
        voted = self._vote(proposals.boxes.flatten(1, 3), penalised)
        rate = (self.size_damping * score * shape.gather(1, best)[:, 0]).clamp(0, 1)[:, None]
        size = last + rate * (voted[:, 2:] - last)
        return torch.cat([voted[:, :2], size], dim=1), score

    def _vote(
        self, boxes: Float[TensorCXCYWH, "n m"], scores: Float[Tensor, "n m"]
    ) -> Float[TensorCXCYWH, " n"]:
        voted, _ = nms_vote(cxcywh_to_xyxy(boxes), scores, iou=self.vote_iou)
        return xyxy_to_cxcywh(voted[:, 0])
