"""The loss of a batch of pairs: of the teacher's answers, and of the ground truth."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mvot_plugin.models.light.head import Answers
from mvot_plugin.ops.tensors.boxes import TensorXYXY, xyxy_to_cxcywh
from mvot_training.light.config import LightLossConfig
from mvot_training.light.teacher import Lesson

__all__ = ["Truth", "feature_loss", "pair_losses"]

INNER, OUTER = 0.25, 0.5
"""Half axes of two ellipses, in sides of the box: cells in the inner one are positive, those beyond
the outer one negative."""
SURE = 0.1
"""The teacher's score from which on a cell weighs ten times as much."""
TRUSTED = 0.5
"""The teacher's score from which on its box is learnt."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """The ground truth of N pairs, in canonical pixels from the middle of the search area."""

    boxes: Float[TensorXYXY, " n"]
    visible: Bool[Tensor, " n"]
    """Whether the exemplar's object is in sight in that box."""
    labelled: Bool[Tensor, " n"]
    """Whether that is known."""


def feature_loss(
    adapter: nn.Module,
    norm: nn.BatchNorm2d,
    features: Float[Tensor, "n h w c"],
    taught: Float[Tensor, "n h w d"],
) -> Float[Tensor, ""]:
    """The distance of features to a teacher's, with its channels normalised."""
    predicted = adapter(features).float()
    target = norm(taught.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).detach()
    cosine = 1 - F.cosine_similarity(predicted, target, dim=-1).mean()
    return F.smooth_l1_loss(predicted, target) + cosine


def pair_losses(
    config: LightLossConfig,
    answers: Answers,
    lesson: Lesson,
    truth: Truth,
    places: Float[Tensor, "4 m"],
) -> dict[str, Float[Tensor, ""]]:
    """The weighted losses of the answers, by name; ``places`` are the network's."""
    sides = answers.logits.shape[1:]
    edges = _to_edges(truth.boxes, places).view(-1, 4, *sides)
    centred = xyxy_to_cxcywh(truth.boxes)[..., None]
    offset = (places[:2] - centred[:, :2]) / centred[:, 2:]
    radius = offset.norm(dim=1).view(-1, *sides)
    nearest = radius == radius.flatten(1).amin(1)[:, None, None]
    known, seen = (part[:, None, None] for part in (truth.labelled, truth.visible))
    inside = (radius <= INNER) | nearest
    positive = inside & known & seen
    negative = known & ~torch.where(seen, (radius < OUTER) | nearest, torch.zeros_like(inside))
    scores = lesson.logits.sigmoid()
    overlap = _iou(lesson.distances, edges)
    believed = torch.where(known, seen & ((overlap > TRUSTED) | ~inside), torch.ones_like(inside))
    boxed = positive | (~known & (scores > TRUSTED))
    target = torch.where(known[:, None], edges, lesson.distances)
    losses = {
        "imitation": config.imitation * _imitate(answers.logits, scores, believed),
        "truth": config.truth * _classify(answers.logits, positive, negative, config.hardest),
        "boxes": config.boxes * _mean(1 - _iou(answers.distances, target), boxed),
        "distances": config.distances * _mean(_log_distance(answers.distances, target), boxed),
    }
    if config.visibility:
        entropy = F.binary_cross_entropy_with_logits(
            answers.visibility, truth.visible.float(), reduction="none"
        )
        losses["visibility"] = config.visibility * _mean(entropy, truth.labelled)
    return losses


def _imitate(
    logits: Float[Tensor, "n h w"], scores: Float[Tensor, "n h w"], believed: Bool[Tensor, "n h w"]
) -> Float[Tensor, ""]:
    entropy = F.binary_cross_entropy_with_logits(logits, scores, reduction="none")
    weights = believed * (1 + 9 * (scores > SURE))
    return (entropy * weights).sum() / weights.sum().clamp(min=1)


def _classify(
    logits: Float[Tensor, "n h w"],
    positive: Bool[Tensor, "n h w"],
    negative: Bool[Tensor, "n h w"],
    hardest: int,
) -> Float[Tensor, ""]:
    """The cross-entropies of positives, of negatives, and of the hardest negatives once more."""
    rejection = F.softplus(logits)
    found, rejected = _mean(F.softplus(-logits), positive), _mean(rejection, negative)
    count = min(hardest, rejection[0].numel())
    if not count:
        return (found + rejected) / 2
    hard = (rejection * negative).flatten(1).topk(count).values.mean(1)
    return (found + rejected + _mean(hard, negative.flatten(1).any(1))) / 2


def _to_edges(
    boxes: Float[TensorXYXY, " n"], places: Float[Tensor, "4 m"]
) -> Float[Tensor, "n 4 m"]:
    """The distances from each cell to the left, top, right and bottom edges."""
    low, high = places[:2] - boxes[:, :2, None], boxes[:, 2:, None] - places[2:]
    return torch.cat([low, high], dim=1)


def _iou(one: Float[Tensor, "n 4 h w"], other: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n h w"]:
    """IoU of the boxes with these distances from the same cells, as in FCOS."""
    low = torch.minimum(one, other)
    shared = (low[:, 0] + low[:, 2]).clamp(min=0) * (low[:, 1] + low[:, 3]).clamp(min=0)
    areas = [(d[:, 0] + d[:, 2]) * (d[:, 1] + d[:, 3]) for d in (one, other)]
    union = areas[0] + areas[1] - shared
    return shared / union.clamp(min=1e-6)


def _log_distance(
    one: Float[Tensor, "n 4 h w"], other: Float[Tensor, "n 4 h w"]
) -> Float[Tensor, "n h w"]:
    """The smooth L1 of the logarithms of distances, of those edges that lie beyond the cell."""
    logs = [part.clamp(min=1).log() for part in (one, other)]
    return F.smooth_l1_loss(logs[0], logs[1], beta=0.1, reduction="none").mean(1)


def _mean(values: Float[Tensor, "*n"], mask: Bool[Tensor, "*n"]) -> Float[Tensor, ""]:
    return (values * mask).sum() / mask.sum().clamp(min=1)
