"""From proposals to one box and one score for each target (SiamMOTION 3.3.2, Fig. 7)."""

from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.heads import Proposals
from mvot_plugin.ops.tensors.boxes import (
    TensorCXCYWH,
    cxcywh_to_xyxy,
    nms_vote,
    xyxy_to_cxcywh,
)
from mvot_plugin.ops.tensors.windows import erode, hann_window, shape_penalty

__all__ = ["penalise_scores", "select_boxes"]


def penalise_scores(
    proposals: Proposals,
    last: Float[Tensor, "n 2"],
    masks: Float[Tensor, "n h w"],
    settings: Float[Tensor, "5"],
) -> tuple[Float[Tensor, "n k h w"], Float[Tensor, "n k h w"]]:
    """Compute the penalised scores of all proposals, and their shape penalty.

    Args:
        proposals: Of N targets.
        last: Their last (w, h) in canonical pixels.
        masks: Their distractor masks R (Eq. 5).
        settings: ``Penalisation.as_array()``.
    """
    hann, shape_strength, distractor, _, erosion = settings.unbind()
    probability = proposals.logits.sigmoid()
    probability = probability + erosion * (erode(probability) - probability)
    shape = shape_penalty(proposals.boxes[..., 2:], last[:, None, None, None], shape_strength)
    window = hann_window(int(probability.shape[-1]), probability.device)
    penalised = (1 - hann) * probability * shape + hann * window
    return penalised * (1 - distractor + distractor * masks[:, None]), shape


def select_boxes(
    proposals: Proposals,
    last: Float[Tensor, "n 2"],
    masks: Float[Tensor, "n h w"],
    settings: Float[Tensor, "5"],
) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Select each target's box, in canonical pixels, its score in 0..1, and its shape penalty.

    The score is the probability of the best proposal before any penalty, which is comparable
    across targets and frames. The arguments are those of ``penalise_scores``.
    """
    penalised, shape = (
        part.flatten(1) for part in penalise_scores(proposals, last, masks, settings)
    )
    best = penalised.argmax(1, keepdim=True)
    score = proposals.logits.flatten(1).gather(1, best)[:, 0].sigmoid()
    boxes = cxcywh_to_xyxy(proposals.boxes.flatten(1, 3))
    voted, _ = nms_vote(boxes, penalised, iou=settings[3])
    return xyxy_to_cxcywh(voted[:, 0]), score, shape.gather(1, best)[:, 0]
