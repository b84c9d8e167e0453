"""Calibrate an engine's scores: log odds of a target into log odds of a right box."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Float64

from mvot_benchmarks.vot import VotSequence
from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.ops.boxes import iou

__all__ = ["fit_logistic", "measure_calibration", "score_boxes"]

RIGHT_IOU = 0.5
"""The IoU with the ground truth from which a box is right."""
WEIGHT_DECAY = 1e-3
"""Keeps the fit finite where the log odds separate right boxes from wrong ones."""


def measure_calibration(
    engine: NetworkEngine[Any, Any, Any], sequences: Iterable[VotSequence]
) -> tuple[float, float]:
    """The slope and the offset that make an engine's log odds those of a right box.

    The engine, uncalibrated, follows all objects of all sequences from ground truth, in one pass;
    right and wrong boxes weigh the same in the fit (Platt, 1999).
    """
    plain = replace(engine, calibration=(1.0, 0.0))
    parts = [score_boxes(plain, sequence) for sequence in sequences]
    scores = np.concatenate([part[0] for part in parts]).astype(np.float64)
    right = np.concatenate([part[1] for part in parts])
    return fit_logistic(np.log(scores / (1 - scores)), right)


def score_boxes(
    engine: MotionEngine[Any, Any], sequence: VotSequence
) -> tuple[Float32[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """The scores of all boxes of one pass over a sequence, and which of the boxes are right.

    A box of an object that is not visible is wrong.
    """
    targets: Targets | None = None
    rows: list[int] = []
    scores, right = [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
    for frame in sequence.frames:
        observation, boxes = engine.observe(frame), sequence.ground_truth[frame.index]
        if targets is not None:
            targets, motion = engine.track(observation, targets)
            pairs = zip(motion.boxes, boxes[rows], strict=True)
            overlaps = [iou(a[None], b[None])[0, 0] for a, b in pairs]
            scores.append(motion.scores)
            right.append(np.array(overlaps) >= RIGHT_IOU)  # false where the ground truth is NaN
        visible = np.isfinite(boxes).all(1)
        new = [row for row in np.flatnonzero(visible).tolist() if row not in rows]
        if new:
            entering = engine.enroll(observation, boxes[new])
            targets = entering if targets is None else Targets.cat([targets, entering])
            rows += new
    return np.concatenate(scores), np.concatenate(right)


def fit_logistic(
    logits: Float64[np.ndarray, " m"], right: Bool[np.ndarray, " m"]
) -> tuple[float, float]:
    """The slope and offset of a logistic regression of ``right`` on ``logits``.

    Both outcomes weigh the same; (1, 0) where there is only one of them.
    """
    if right.all() or not right.any():
        return 1.0, 0.0
    weight = torch.as_tensor(np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum()))
    signed = torch.as_tensor(np.where(right, 1, -1) * np.stack([logits, np.ones_like(logits)]))
    identity = torch.tensor([1.0, 0.0], dtype=torch.float64)
    line = identity.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def compute_loss() -> float:
        optimizer.zero_grad()
        loss = (weight * F.softplus(-(line @ signed))).sum()
        loss = loss + WEIGHT_DECAY * (line - identity).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(compute_loss)  # type: ignore[no-untyped-call]
    return float(line[0].detach()), float(line[1].detach())
