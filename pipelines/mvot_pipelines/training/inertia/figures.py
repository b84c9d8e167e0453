"""How well boxes are predicted: inertia beside staying where one is, and moving on as before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_pipelines.training.inertia.windows import Windows
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.ops.voting import iou_with

__all__ = [
    "Figures",
    "Predictor",
    "compare",
    "judge",
    "mean_velocity",
    "overlaps",
    "rest",
    "rollout",
    "velocity",
]

Predictor = Callable[[Tensor], Tensor]
"""From the last known boxes (n, known, 4) of N targets, (cx, cy, w, h), to the next (n, 4)."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Means over windows: of the next box, and of the last of those predicted in a row.

    ``overlap`` is the IoU with the true box, ``miss`` the distance of the centres in sides of the
    true box, a side being the root of its area.
    """

    overlap: float
    miss: float
    overlap_ahead: float
    miss_ahead: float


def rest(history: Float[Tensor, "n known 4"]) -> Float[Tensor, "n 4"]:
    """The last box again."""
    return history[:, -1]


def velocity(history: Float[Tensor, "n known 4"]) -> Float[Tensor, "n 4"]:
    """The last box, its centre moved on by its last step: constant velocity."""
    step = history[:, -1, :2] - history[:, -2, :2]
    return torch.cat([history[:, -1, :2] + step, history[:, -1, 2:]], dim=1)


def mean_velocity(history: Float[Tensor, "n known 4"]) -> Float[Tensor, "n 4"]:
    """The last box, its centre moved on by the mean step of those known: less noisy, slower."""
    step = (history[:, -1, :2] - history[:, 0, :2]) / (history.shape[1] - 1)
    return torch.cat([history[:, -1, :2] + step, history[:, -1, 2:]], dim=1)


def rollout(
    predict: Predictor, seen: Float[Tensor, "n known 4"], ahead: int
) -> Float[Tensor, "n {ahead} 4"]:
    """``ahead`` boxes in a row, each predicted from those before it, predicted ones too."""
    boxes: list[Tensor] = []
    for _ in range(ahead):
        boxes.append(predict(seen))
        seen = torch.cat([seen[:, 1:], boxes[-1][:, None]], dim=1)
    return torch.stack(boxes, dim=1)


def overlaps(a: Float[Tensor, "n m 4"], b: Float[Tensor, "n m 4"]) -> Float[Tensor, "n m"]:
    """The IoU of each box (cx, cy, w, h) with the one in its place."""
    shared = iou_with(_corners(a).flatten(0, 1)[:, None], _corners(b).flatten(0, 1)[:, None])
    return shared.view(a.shape[:2])


def judge(predict: Predictor, windows: Windows) -> Figures:
    """The figures of a predictor on windows, of which there must be one or more."""
    known = windows.seen.shape[1]
    true = torch.from_numpy(windows.true[:, known:])
    with torch.inference_mode():
        boxes = rollout(predict, torch.from_numpy(windows.seen), true.shape[1])
        overlap = overlaps(boxes, true)
        off = (boxes[..., :2] - true[..., :2]).norm(dim=-1)
        miss = off / true[..., 2:].prod(dim=-1).sqrt()
    means = [float(part[:, at].double().mean()) for at in (0, -1) for part in (overlap, miss)]
    return Figures(overlap=means[0], miss=means[1], overlap_ahead=means[2], miss_ahead=means[3])


def compare(inertia: Inertia, kinds: Mapping[str, Windows]) -> dict[str, dict[str, Figures]]:
    """By kind of windows, empty kinds left out, and by predictor.

    That is "rest", "velocity", "mean velocity" and "inertia".
    """
    predictors: dict[str, Predictor] = {
        "rest": rest,
        "velocity": velocity,
        "mean velocity": mean_velocity,
        "inertia": inertia,
    }
    return {
        kind: {name: judge(predict, windows) for name, predict in predictors.items()}
        for kind, windows in kinds.items()
        if len(windows)
    }


def _corners(boxes: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n 4"]:
    half = boxes[..., 2:] / 2
    return torch.cat([boxes[..., :2] - half, boxes[..., :2] + half], dim=-1)
