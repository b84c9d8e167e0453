"""From proposals to one box and one score for each target (SiamMOTION 3.3.2, Fig. 7)."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.heads import Proposals
from mvot_plugin.ops.voting import nms_vote
from mvot_plugin.ops.windows import erode, hann_window, shape_penalty

__all__ = ["Penalisation"]


@dataclass(frozen=True, kw_only=True)
class Penalisation:
    """The multi-object penalisation module, and what follows it.

    ``hann`` and ``distractor`` are the influence of the Hann window and of the distractor masks, a
    share of the score; ``shape`` is the shape penalty's β; ``erosion`` says whether score maps
    are eroded. Boxes that overlap the best by ``vote_iou`` or more vote on it. ``size_damping`` is
    how much of a new size is taken, times score and shape penalty (SiamRPN).
    """

    hann: float = 0.42
    shape: float = 0.05
    distractor: float = 0.01
    distractor_scale: float = 0.1
    erosion: bool = True
    vote_iou: float = 0.8
    size_damping: float = 0.18

    def single_object(self) -> "Penalisation":
        """Without what SiamMOTION adds (P in Table 1): distractor masks and erosion."""
        return replace(self, distractor=0.0, erosion=False)

    def scores(
        self,
        proposals: Proposals,
        last: Float[Tensor, "n 2"],
        masks: Float[Tensor, "n h w"] | None,
    ) -> tuple[Float[Tensor, "n k h w"], Float[Tensor, "n k h w"]]:
        """The penalised scores of all proposals, and the shape penalty in them.

        ``last`` are the targets' (w, h) in canonical pixels, ``masks`` the distractors' R.
        """
        likely = proposals.logits.sigmoid()
        if self.erosion:
            likely = erode(likely)
        shape = shape_penalty(proposals.boxes[..., 2:], last[:, None, None, None], self.shape)
        window = hann_window(likely.shape[-1], likely.device)
        weighed = (1 - self.hann) * likely * shape + self.hann * window
        if masks is not None:
            weighed = weighed * (1 - self.distractor + self.distractor * masks[:, None])
        return weighed, shape

    def select(
        self,
        proposals: Proposals,
        last: Float[Tensor, "n 2"],
        masks: Float[Tensor, "n h w"] | None,
    ) -> tuple[Float[Tensor, "n 4"], Float[Tensor, " n"]]:
        """Each target's box (cx, cy, w, h) in canonical pixels, and its score in 0..1.

        The score is the probability of the best proposal before any penalty, so that it means the
        same for every target and frame.
        """
        penalised, shape = (part.flatten(1) for part in self.scores(proposals, last, masks))
        best = penalised.argmax(1, keepdim=True)
        score = proposals.logits.flatten(1).gather(1, best)[:, 0].sigmoid()
        voted = self._vote(proposals.boxes.flatten(1, 3), penalised)
        rate = (self.size_damping * score * shape.gather(1, best)[:, 0]).clamp(0, 1)[:, None]
        size = last + rate * (voted[:, 2:] - last)
        return torch.cat([voted[:, :2], size], dim=1), score

    def _vote(
        self, boxes: Float[Tensor, "n m 4"], scores: Float[Tensor, "n m"]
    ) -> Float[Tensor, "n 4"]:
        half = boxes[..., 2:] / 2
        corners = torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)
        voted = nms_vote(corners, scores, iou=self.vote_iou)[0][:, 0]
        low, high = voted[:, :2], voted[:, 2:]
        return torch.cat([(low + high) / 2, high - low], dim=1)
