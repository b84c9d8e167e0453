"""Metrics of predicted boxes, of inertia and of simple predictors to compare with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mvot_plugin.models.inertia import Inertia
from mvot_plugin.ops.tensors.boxes import TensorCXCYWH, batched_iou, cxcywh_to_xyxy
from mvot_training.inertia.windows import Windows

__all__ = [
    "PredictionMetrics",
    "Predictor",
    "compare_predictors",
    "elementwise_iou",
    "format_metrics",
    "measure_predictor",
    "predict_mean_velocity",
    "predict_rest",
    "predict_velocity",
    "rollout",
]

Predictor = Callable[[Tensor], Tensor]
"""From the last known boxes (n, known, 4) of N targets, (cx, cy, w, h), to the next (n, 4)."""


@dataclass(frozen=True, kw_only=True)
class PredictionMetrics:
    """Means over windows, of the next box and of the last of those predicted in a row."""

    overlap: float
    """IoU of the next box with the ground truth."""
    miss: float
    """Distance of the next box's centre, in sides (square root of the area) of its ground truth."""
    overlap_ahead: float
    """IoU of the last box."""
    miss_ahead: float
    """Distance of the last box's centre."""


def predict_rest(history: Float[TensorCXCYWH, "n known"]) -> Float[TensorCXCYWH, " n"]:
    """The last box again."""
    return history[:, -1]


def predict_velocity(history: Float[TensorCXCYWH, "n known"]) -> Float[TensorCXCYWH, " n"]:
    """The last box, its centre moved by its last step: constant velocity."""
    step = history[:, -1, :2] - history[:, -2, :2]
    return torch.cat([history[:, -1, :2] + step, history[:, -1, 2:]], dim=1)


def predict_mean_velocity(history: Float[TensorCXCYWH, "n known"]) -> Float[TensorCXCYWH, " n"]:
    """The last box, its centre moved by the mean step of the known boxes: less noise, more lag."""
    step = (history[:, -1, :2] - history[:, 0, :2]) / (history.shape[1] - 1)
    return torch.cat([history[:, -1, :2] + step, history[:, -1, 2:]], dim=1)


def rollout(
    predict: Predictor, seen: Float[TensorCXCYWH, "n known"], ahead: int
) -> Float[TensorCXCYWH, "n {ahead}"]:
    """Predict ``ahead`` boxes in a row, each from those before it, predicted ones included."""
    boxes: list[Tensor] = []
    for _ in range(ahead):
        boxes.append(predict(seen))
        seen = torch.cat([seen[:, 1:], boxes[-1][:, None]], dim=1)
    return torch.stack(boxes, dim=1)


def elementwise_iou(
    a: Float[TensorCXCYWH, "n m"], b: Float[TensorCXCYWH, "n m"]
) -> Float[Tensor, "n m"]:
    """The IoU of each box with the one in the same place."""
    flat_a, flat_b = (cxcywh_to_xyxy(boxes).flatten(0, 1)[:, None] for boxes in (a, b))
    return batched_iou(flat_a, flat_b).view(a.shape[:2])


def measure_predictor(predict: Predictor, windows: Windows) -> PredictionMetrics:
    """The metrics of a predictor on windows, of which there must be one or more."""
    known = windows.seen.shape[1]
    true = torch.from_numpy(windows.true[:, known:])
    with torch.inference_mode():
        boxes = rollout(predict, torch.from_numpy(windows.seen), true.shape[1])
        overlap = elementwise_iou(boxes, true)
        distance = (boxes[..., :2] - true[..., :2]).norm(dim=-1)
        miss = distance / true[..., 2:].prod(dim=-1).sqrt()
    means = [float(values[:, at].double().mean()) for at in (0, -1) for values in (overlap, miss)]
    return PredictionMetrics(
        overlap=means[0], miss=means[1], overlap_ahead=means[2], miss_ahead=means[3]
    )


def compare_predictors(
    inertia: Inertia, kinds: Mapping[str, Windows]
) -> dict[str, dict[str, PredictionMetrics]]:
    """The metrics by kind of windows, empty kinds left out, and by predictor.

    The predictors are "rest", "velocity", "mean velocity" and "inertia".
    """
    predictors: dict[str, Predictor] = {
        "rest": predict_rest,
        "velocity": predict_velocity,
        "mean velocity": predict_mean_velocity,
        "inertia": inertia,
    }
    return {
        kind: {name: measure_predictor(predict, windows) for name, predict in predictors.items()}
        for kind, windows in kinds.items()
        if len(windows)
    }


def format_metrics(metrics: Mapping[str, Mapping[str, PredictionMetrics]]) -> str:
    """A table of the metrics by kind of windows and predictor, as text."""
    lines = [f"{'held out':24}next box: IoU    miss   ahead: IoU    miss"]
    for kind, predictors in metrics.items():
        for name, row in predictors.items():
            next_box = f"{row.overlap:15.4f}{row.miss:8.4f}"
            ahead = f"{row.overlap_ahead:13.4f}{row.miss_ahead:8.4f}"
            lines.append(f"{kind:9}{name:14} {next_box}{ahead}")
    return "\n".join(lines)
