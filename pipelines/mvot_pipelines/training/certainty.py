"""What a network's scores are worth: log odds of a target into log odds of a right box."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float32, Float64

from mvot_benchmarks.vot import Clip
from mvot_plugin.engines.base import MotionEngine, Targets
from mvot_plugin.engines.siamfc import SiamFCEngine
from mvot_plugin.engines.siammotion import SiamMotionEngine
from mvot_plugin.engines.siammt import SiamMTEngine
from mvot_plugin.ops.boxes import iou

__all__ = ["certainty", "fitted", "followed"]

Certain = SiamFCEngine | SiamMotionEngine | SiamMTEngine
"""Engines whose networks' scores are log odds."""
RIGHT = 0.5
"""The IoU from which a box is right."""
STIFFNESS = 1e-3
"""What keeps the fit finite where both kinds of boxes are apart."""


def certainty(engine: Certain, clips: Iterable[Clip]) -> tuple[float, float]:
    """The slope and the offset by which an engine's log odds say how surely a box is right.

    The engine follows all objects of all clips from ground truth, in one pass; right and wrong
    boxes weigh the same in the fit (Platt, 1999).
    """
    network: Any = engine.network
    given, network.config = network.config, replace(network.config, certainty=(1.0, 0.0))
    try:
        parts = [followed(engine, clip) for clip in clips]
    finally:
        network.config = given
    scores = np.concatenate([part[0] for part in parts]).astype(np.float64)
    right = np.concatenate([part[1] for part in parts])
    return fitted(np.log(scores / (1 - scores)), right)


def followed(
    engine: MotionEngine[Any, Any], clip: Clip
) -> tuple[Float32[np.ndarray, " m"], Bool[np.ndarray, " m"]]:
    """The scores of all boxes of one pass over a clip, and which of these were right.

    A box of an object that is not visible is wrong.
    """
    targets: Targets | None = None
    rows: list[int] = []
    scores, right = [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
    for frame in clip.frames:
        observation, truth = engine.observe(frame), clip.truth[frame.index]
        if targets is not None:
            targets, motion = engine.track(observation, targets)
            pairs = zip(motion.boxes, truth[rows], strict=True)
            overlaps = [iou(a[None], b[None])[0, 0] for a, b in pairs]
            scores.append(motion.scores)
            right.append(np.array(overlaps) >= RIGHT)  # false where the truth is NaN
        seen = np.isfinite(truth).all(1)
        new = [row for row in np.flatnonzero(seen).tolist() if row not in rows]
        if new:
            entering = engine.enroll(observation, truth[new])
            targets = entering if targets is None else Targets.cat([targets, entering])
            rows += new
    return np.concatenate(scores), np.concatenate(right)


def fitted(odds: Float64[np.ndarray, " m"], right: Bool[np.ndarray, " m"]) -> tuple[float, float]:
    """The slope and offset of a logistic regression of ``right`` on log ``odds``.

    Both outcomes weigh the same; (1, 0) where only one of them was seen.
    """
    if right.all() or not right.any():
        return 1.0, 0.0
    weight = torch.as_tensor(np.where(right, 0.5 / right.sum(), 0.5 / (~right).sum()))
    signed = torch.as_tensor(np.where(right, 1, -1) * np.stack([odds, np.ones_like(odds)]))
    plain = torch.tensor([1.0, 0.0], dtype=torch.float64)
    line = plain.clone().requires_grad_()
    solver = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def surprise() -> float:
        solver.zero_grad()
        loss = (weight * F.softplus(-(line @ signed))).sum()
        loss = loss + STIFFNESS * (line - plain).square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    solver.step(surprise)  # type: ignore[no-untyped-call]
    return float(line[0].detach()), float(line[1].detach())
