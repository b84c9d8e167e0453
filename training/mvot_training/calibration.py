"""Calibration of an engine's scores (Platt scaling) to probabilities that boxes are correct."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Float64

from mvot_benchmarks.vot import VotSequence
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.ops.boxes import iou
from mvot_plugin.weights import replace_weights
from mvot_training.validation import Validation

__all__ = ["calibrate_weights", "fit_logistic", "measure_calibration", "score_boxes"]

CORRECT_IOU = 0.5
"""The least IoU of a correct box with the ground truth."""
WEIGHT_DECAY = 1e-3
"""Keeps the fit finite where the logits separate correct boxes from wrong ones."""


def calibrate_weights(name: str, path: Path, validation: Validation) -> None:
    """Measure the calibration of a weights file on held-out sequences, and put it into the file.

    ``name`` is the engine that the weights are for.
    """
    engine = load_engine(name, weights=str(path))
    assert isinstance(engine, NetworkEngine)
    calibration = measure_calibration(engine, validation.read())
    replace_weights(path, path, {}, {}, {"calibration": calibration})


def measure_calibration(
    engine: NetworkEngine[Any, Any], sequences: Iterable[VotSequence]
) -> tuple[float, float]:
    """The slope and the offset that turn an engine's logits into those of a correct box.

    The uncalibrated engine tracks all objects of all sequences from ground truth, in one pass;
    correct and wrong boxes have the same total weight in the fit (Platt, 1999).
    """
    uncalibrated = replace(engine, calibration=(1.0, 0.0))
    parts = [score_boxes(uncalibrated, sequence) for sequence in sequences]
    scores = np.concatenate([part[0] for part in parts]).astype(np.float64)
    correct = np.concatenate([part[1] for part in parts])
    return fit_logistic(np.log(scores / (1 - scores)), correct)


def score_boxes(
    engine: MotionEngine[Any, Any], sequence: VotSequence
) -> tuple[Float32[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """The scores of all boxes of one pass over a sequence, and which of the boxes are correct.

    A box of an object that is not visible is wrong.
    """
    targets: Targets | None = None
    rows: list[int] = []
    scores, correct = [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
    for frame in sequence.frames:
        observation, boxes = engine.observe(frame), sequence.ground_truth[frame.index]
        if targets is not None:
            targets, motion = engine.track(observation, targets)
            pairs = zip(motion.boxes, boxes[rows], strict=True)
            overlaps = [iou(a[None], b[None])[0, 0] for a, b in pairs]
            scores.append(motion.scores)
            correct.append(np.array(overlaps) >= CORRECT_IOU)  # false where the ground truth is NaN
        visible = np.isfinite(boxes).all(1)
        new = [row for row in np.flatnonzero(visible).tolist() if row not in rows]
        if new:
            new_targets = engine.enroll(observation, boxes[new])
            targets = new_targets if targets is None else Targets.cat([targets, new_targets])
            rows += new
    return np.concatenate(scores), np.concatenate(correct)


def fit_logistic(
    logits: Float64[np.ndarray, " m"], correct: Bool[np.ndarray, " m"]
) -> tuple[float, float]:
    """The slope and offset of a logistic regression of ``correct`` on ``logits``.

    Both outcomes have the same total weight; (1, 0) where there is only one of them.
    """
    if correct.all() or not correct.any():
        return 1.0, 0.0
    weight = torch.as_tensor(np.where(correct, 0.5 / correct.sum(), 0.5 / (~correct).sum()))
    signed = torch.as_tensor(np.where(correct, 1, -1) * np.stack([logits, np.ones_like(logits)]))
    identity = torch.tensor([1.0, 0.0], dtype=torch.float64)
    coefficients = identity.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([coefficients], max_iter=100, line_search_fn="strong_wolfe")

    def compute_loss() -> float:
        optimizer.zero_grad()
        loss = (weight * F.softplus(-(coefficients @ signed))).sum()
        loss = loss + WEIGHT_DECAY * (coefficients - identity).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(compute_loss)  # type: ignore[no-untyped-call]
    return float(coefficients[0].detach()), float(coefficients[1].detach())
