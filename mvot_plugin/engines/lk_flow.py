"""`lk-flow`: sparse Lucas-Kanade optical flow on all targets in one call.

What trackers that skip the detector use today (FastMOT's way): corners in each box, flow forward
and backward, and a robust shift and scale from the points that come back.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Shaped, UInt8

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, size, xyxy_to_cxcywh
from mvot_plugin.ops.flow import corners, flow_there_and_back, hidden_by_nearer, shift_and_scale
from mvot_plugin.types import Frame, as_frame

__all__ = ["FlowObservation", "FlowTargets", "LKFlowEngine"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowObservation:
    """A frame in grey."""

    grey: UInt8[np.ndarray, "height width"]
    timestamp: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowTargets(Targets):
    """Boxes, the observation each was last seen on, and their centre's velocity in pixels/second.

    ``age`` is for how many seconds the velocity has been learnt, ``trust`` the last score, and
    ``spread`` the variance of the box in units of its squared size.
    """

    seen: Shaped[np.ndarray, " n"]
    velocity: Float64[np.ndarray, "n 2"]
    age: Float64[np.ndarray, " n"]
    trust: Float32[np.ndarray, " n"]
    spread: Float64[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class LKFlowEngine:
    """Moves and scales each box as its corners move, N targets in one Lucas-Kanade call.

    ``cells`` squared corners are tracked per target, on the ``inner`` share of its box. A point
    counts if it comes back to within ``return_error`` pixels and moves as most of its target does.
    A target with fewer than ``least`` such points coasts on its velocity, which is learnt over
    ``memory`` seconds, while its score halves every ``half_life`` seconds. ``scale_limit`` bounds
    the change of size per frame.

    A measured box corrects the tracked one by as much as it is the surer (a scalar Kalman gain):
    in units of the target's size, its standard deviation is ``measurement``, that of a tracked box
    ``drift``, or ``coasting`` without flow, times the root of the seconds passed. One that is off
    by three standard deviations was lost, and starts anew from the measured box.
    """

    cells: int = 5
    inner: float = 0.8
    window: int = 13
    levels: int = 3
    return_error: float = 1.0
    least: int = 5
    scale_limit: float = 0.04
    memory: float = 0.5
    half_life: float = 0.5
    measurement: float = 0.05
    drift: float = 0.25
    coasting: float = 1.0

    def observe(self, frame: Frame | np.ndarray) -> FlowObservation:
        """The frame in grey."""
        frame = as_frame(frame)
        grey = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY)
        return FlowObservation(grey=np.asarray(grey), timestamp=frame.timestamp)

    def enroll(
        self, observation: FlowObservation, boxes: Float32[np.ndarray, "n 4"]
    ) -> FlowTargets:
        """Targets at rest at (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        rows = len(boxes)
        return FlowTargets(
            boxes=boxes,
            seen=_repeat(observation, rows),
            velocity=np.zeros((rows, 2)),
            age=np.zeros(rows),
            trust=np.ones(rows, np.float32),
            spread=np.full(rows, self.measurement**2),
        )

    def track(
        self, observation: FlowObservation, targets: FlowTargets
    ) -> tuple[FlowTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,).

        A score is the root of the share of points that agree, or what is left of the last score
        after fading, whichever is more.
        """
        groups = [np.flatnonzero(targets.seen == seen) for seen in dict.fromkeys(targets.seen)]
        if not groups:
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        moves = [self._move(observation, targets[rows]) for rows in groups]
        order = np.argsort(np.concatenate(groups))
        moved = Targets.cat(moves)[order]
        return moved, Motion(boxes=moved.boxes.copy(), scores=moved.trust.copy())

    def refresh(
        self,
        observation: FlowObservation,
        targets: FlowTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> FlowTargets:
        """Correct the tracked boxes by measured (N, 4) ``boxes``; the velocity stays."""
        measured = as_boxes(boxes)
        error = np.abs(measured - targets.boxes).max(1) / size(measured)
        expected = targets.spread + self.measurement**2
        gain = np.where(error**2 > 9 * expected, 1, targets.spread / expected)
        correction = gain[:, None].astype(np.float32) * (measured - targets.boxes)
        return replace(
            targets,
            boxes=targets.boxes + correction,
            spread=gain * self.measurement**2,
            seen=_repeat(observation, len(targets)),
            trust=np.ones(len(targets), np.float32),
        )

    def _move(self, observation: FlowObservation, targets: FlowTargets) -> FlowTargets:
        """Move targets that were all last seen on one observation."""
        previous: FlowObservation = targets.seen[0]
        step = elapsed(observation.timestamp, np.array([previous.timestamp]))[0]
        points, textured = corners(previous.grey, targets.boxes, cells=self.cells, inner=self.inner)
        arrived, returned = flow_there_and_back(
            previous.grey,
            observation.grey,
            points,
            (targets.velocity * step)[:, None],
            textured & ~hidden_by_nearer(points, targets.boxes),
            window=self.window,
            levels=self.levels,
            return_error=self.return_error,
        )
        shift, scale, agreeing = shift_and_scale(
            points, arrived, returned, least=self.least, scale_limit=self.scale_limit
        )
        seen = agreeing >= self.least
        shift = np.where(seen[:, None], shift, targets.velocity * step)
        scale = np.where(seen, scale, 1)
        centred = xyxy_to_cxcywh(targets.boxes)
        boxes = np.concatenate([centred[:, :2] + shift, centred[:, 2:] * scale[:, None]], axis=1)
        velocity, age = self._learn(targets, shift, step, seen)
        evidence = np.sqrt(agreeing / np.maximum(textured.sum(1), 1))
        trust = np.maximum(evidence, targets.trust * 0.5 ** (step / self.half_life))
        return replace(
            targets,
            boxes=cxcywh_to_xyxy(boxes).astype(np.float32),
            seen=_repeat(observation, len(targets)),
            velocity=velocity,
            age=age,
            trust=trust.astype(np.float32),
            spread=targets.spread + np.where(seen, self.drift, self.coasting) ** 2 * step,
        )

    def _learn(
        self,
        targets: FlowTargets,
        shift: Float[np.ndarray, "n 2"],
        step: float,
        seen: Bool[np.ndarray, " n"],
    ) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, " n"]]:
        """The running mean of the velocity over ``memory`` seconds of what was seen."""
        if step <= 0:
            return targets.velocity, targets.age
        age = np.where(seen, targets.age + step, targets.age)
        share = np.where(seen, step / np.clip(age, step, max(self.memory, step)), 0)
        return targets.velocity + share[:, None] * (shift / step - targets.velocity), age


def _repeat(observation: FlowObservation, rows: int) -> Shaped[np.ndarray, " n"]:
    column = np.empty(rows, object)
    column[:] = observation
    return column
