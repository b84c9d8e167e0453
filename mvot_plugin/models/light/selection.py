"""The multi-object penalisation and the choice of a box, where each cell has one box.

What is computed is what ``select_boxes`` computes of one proposal in each cell; edges are kept as
planes, (N, 4, cells), which the head answers in, so that it takes a third of the time.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.ops.tensors.boxes import TensorCXCYWH
from mvot_plugin.ops.tensors.windows import erode, hann_window

__all__ = ["select_cells"]


def select_cells(
    logits: Float[Tensor, "n k k"],
    edges: Float[Tensor, "n 4 m"],
    last: Float[Tensor, "n 2"],
    masks: Float[Tensor, "n k k"],
    settings: Float[Tensor, "5"],
) -> tuple[Float[TensorCXCYWH, " n"], Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Select each target's box.

    Args:
        logits: Log odds of N targets at K x K cells.
        edges: x0, y0, x1, y1 of the M = K² cells' boxes, in canonical pixels.
        last: The last (w, h) of the targets, in canonical pixels.
        masks: Their distractor masks R (Eq. 5).
        settings: ``Penalisation.as_array()``.

    Returns:
        Boxes, scores in 0..1 of the best cells before any penalty, and their shape penalties.
    """
    hann, shape_strength, distractor, iou, erosion = settings.unbind()
    probability = logits.sigmoid()
    eroded = erode(probability[:, None])[:, 0]
    probability = (probability + erosion * (eroded - probability)).flatten(1)
    sizes = edges[:, 2:] - edges[:, :2]
    shape = _shape_penalty(sizes, last, shape_strength)
    window = hann_window(int(logits.shape[-1]), logits.device).flatten()
    penalised = (1 - hann) * probability * shape + hann * window
    penalised = penalised * (1 - distractor + distractor * masks.flatten(1))
    best = penalised.argmax(1, keepdim=True)
    score = logits.flatten(1).gather(1, best)[:, 0].sigmoid()
    peak = edges.gather(2, best[:, None].expand(-1, 4, 1))
    near = _iou(edges, peak, sizes) >= iou
    weights = torch.where(near, penalised, torch.zeros_like(penalised))
    total = weights.sum(1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    voted = (edges @ weights[..., None])[..., 0] / total
    low, high = voted[:, :2], voted[:, 2:]
    boxes = torch.cat([(low + high) / 2, high - low], dim=1)
    return boxes, score, shape.gather(1, best)[:, 0]


def _shape_penalty(
    sizes: Float[Tensor, "n 2 m"], last: Float[Tensor, "n 2"], strength: Float[Tensor, ""]
) -> Float[Tensor, "n m"]:
    """``shape_penalty`` (Eq. 3) of planes; the aspect and the square of the scale are compared."""
    squared = _squared_scale(sizes) / _squared_scale(last[..., None])
    aspect = (sizes[:, 0] / sizes[:, 1]) / (last[:, :1] / last[:, 1:])
    change = torch.maximum(aspect, 1 / aspect) * torch.maximum(squared, 1 / squared).sqrt()
    return torch.exp(-strength * (change - 1))


def _squared_scale(sizes: Float[Tensor, "n 2 m"]) -> Float[Tensor, "n m"]:
    margin = sizes.sum(1) / 2
    return (sizes[:, 0] + margin) * (sizes[:, 1] + margin)


def _iou(
    edges: Float[Tensor, "n 4 m"], peak: Float[Tensor, "n 4 1"], sizes: Float[Tensor, "n 2 m"]
) -> Float[Tensor, "n m"]:
    """IoU of each target's boxes with the best one."""
    low = torch.maximum(edges[:, :2], peak[:, :2])
    shared = (torch.minimum(edges[:, 2:], peak[:, 2:]) - low).clamp(min=0)
    common = shared[:, 0] * shared[:, 1]
    extent = peak[:, 2:] - peak[:, :2]
    union = sizes[:, 0] * sizes[:, 1] + extent[:, 0] * extent[:, 1] - common
    return common / union
