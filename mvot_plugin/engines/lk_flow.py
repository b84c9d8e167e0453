"""`lk-flow`: sparse Lucas-Kanade optical flow on all targets in one call.

The usual method of trackers that skip the detector on most frames (such as FastMOT): corners in
each box, forward-backward flow, and a robust shift and scale from the points that return.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64, Shaped, UInt8

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed_seconds
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, size, xyxy_to_cxcywh
from mvot_plugin.ops.flow import (
    estimate_shift_and_scale,
    find_corners,
    find_occluded_points,
    forward_backward_flow,
)
from mvot_plugin.types import XYXY, Frame, as_frame

__all__ = ["FlowObservation", "FlowTargets", "LKFlowEngine"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowObservation:
    """A frame in grey, reduced where it is large."""

    grey: UInt8[np.ndarray, "height width"]
    """Its pixels."""
    reduction: float
    """Pixels of ``grey`` per pixel of the frame."""
    timestamp: float
    """In seconds."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowTargets(Targets):
    """Boxes, and what is known of their motion."""

    seen: Shaped[np.ndarray, " n"]
    """The ``FlowObservation`` that each target was last moved to."""
    velocity: Float64[np.ndarray, "n 2"]
    """Of the centre, in pixels per second."""
    age: Float64[np.ndarray, " n"]
    """Seconds over which the velocity has been estimated."""
    score: Float32[np.ndarray, " n"]
    """The last score."""
    variance: Float64[np.ndarray, " n"]
    """Of the box, in units of its squared size."""


@dataclass(frozen=True, kw_only=True)
class LKFlowEngine:
    """Moves and scales each box as its corners move, N targets in one Lucas-Kanade call.

    A point counts if its flow returns to it and agrees with that of most of its target's points.
    A measured box corrects the tracked one by a scalar Kalman gain, with standard deviations in
    units of the target's size. A target that is off by three standard deviations was lost, and is
    moved to the measured box.
    """

    longest: int = 1280
    """Longer side of a frame, in pixels, beyond which it is halved, once or more."""
    cells: int = 5
    """Corners tracked per target, along each side of its box."""
    inner: float = 0.8
    """Share of a box's sides that corners are taken from, about its middle."""
    window: int = 13
    """Side of the Lucas-Kanade window, in pixels."""
    levels: int = 3
    """Levels of the image pyramid above the image itself."""
    return_error: float = 1.0
    """Most pixels between a point and where its flow, forward and backward, ends."""
    least: int = 5
    """Fewest points that move a target; with fewer, it coasts on its velocity."""
    scale_limit: float = 0.04
    """Largest relative change of size per frame."""
    memory: float = 0.5
    """Seconds over which the velocity is averaged."""
    half_life: float = 0.5
    """Seconds in which the score of a coasting target halves."""
    measurement: float = 0.05
    """Standard deviation of a measured box."""
    drift: float = 0.25
    """Standard deviation of a tracked box, after a second."""
    coasting: float = 1.0
    """Standard deviation of a box without flow, after a second."""

    def observe(self, frame: Frame | np.ndarray) -> FlowObservation:
        """The frame in grey, reduced where it is large."""
        frame = as_frame(frame)
        grey, reduction = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), 1.0
        while max(frame.size) * reduction > self.longest and min(frame.size) * reduction > 1:
            reduction /= 2
        if reduction < 1:
            grey = cv2.resize(grey, None, fx=reduction, fy=reduction, interpolation=cv2.INTER_AREA)
        return FlowObservation(
            grey=np.asarray(grey), reduction=reduction, timestamp=frame.timestamp
        )

    def enroll(self, observation: FlowObservation, boxes: Float32[XYXY, " n"]) -> FlowTargets:
        """Targets at rest in N ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        rows = len(boxes)
        return FlowTargets(
            boxes=boxes,
            seen=_repeat(observation, rows),
            velocity=np.zeros((rows, 2)),
            age=np.zeros(rows),
            score=np.ones(rows, np.float32),
            variance=np.full(rows, self.measurement**2),
        )

    def track(
        self, observation: FlowObservation, targets: FlowTargets
    ) -> tuple[FlowTargets, Motion]:
        """Boxes on this frame, and scores.

        A score is the root of the share of points that agree, or what is left of the last score
        after fading, whichever is more.
        """
        groups = [np.flatnonzero(targets.seen == seen) for seen in dict.fromkeys(targets.seen)]
        if not groups:
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        moves = [self._move(observation, targets[rows]) for rows in groups]
        order = np.argsort(np.concatenate(groups))
        moved = Targets.cat(moves)[order]
        return moved, Motion(boxes=moved.boxes.copy(), scores=moved.score.copy())

    def refresh(
        self,
        observation: FlowObservation,
        targets: FlowTargets,
        boxes: Float32[XYXY, " n"],
        appearance: Bool[np.ndarray, " n"],
    ) -> FlowTargets:
        """Correct the tracked boxes by measured ``boxes``; the velocity stays."""
        measured = as_boxes(boxes)
        error = np.abs(measured - targets.boxes).max(1) / size(measured)
        expected = targets.variance + self.measurement**2
        gain = np.where(error**2 > 9 * expected, 1, targets.variance / expected)
        correction = gain[:, None].astype(np.float32) * (measured - targets.boxes)
        return replace(
            targets,
            boxes=targets.boxes + correction,
            variance=gain * self.measurement**2,
            seen=_repeat(observation, len(targets)),
            score=np.ones(len(targets), np.float32),
        )

    def _move(self, observation: FlowObservation, targets: FlowTargets) -> FlowTargets:
        """Move targets that were all last seen on one observation."""
        previous: FlowObservation = targets.seen[0]
        step = elapsed_seconds(observation.timestamp, np.array([previous.timestamp]))[0]
        shift, scale, agreeing, corners = self._measure_flow(observation, targets, step)
        has_flow = agreeing >= self.least
        shift = np.where(has_flow[:, None], shift, targets.velocity * step)
        scale = np.where(has_flow, scale, 1)
        centred = xyxy_to_cxcywh(targets.boxes)
        boxes = np.concatenate([centred[:, :2] + shift, centred[:, 2:] * scale[:, None]], axis=1)
        velocity, age = self._update_velocity(targets, shift, step, has_flow)
        evidence = np.sqrt(agreeing / np.maximum(corners, 1))
        score = np.maximum(evidence, targets.score * 0.5 ** (step / self.half_life))
        return replace(
            targets,
            boxes=cxcywh_to_xyxy(boxes).astype(np.float32),
            seen=_repeat(observation, len(targets)),
            velocity=velocity,
            age=age,
            score=score.astype(np.float32),
            variance=targets.variance + np.where(has_flow, self.drift, self.coasting) ** 2 * step,
        )

    def _measure_flow(
        self, observation: FlowObservation, targets: FlowTargets, step: float
    ) -> tuple[
        Float[np.ndarray, "n 2"],
        Float[np.ndarray, " n"],
        Int64[np.ndarray, " n"],
        Int64[np.ndarray, " n"],
    ]:
        """Shift (pixels of the frame) and change of size, points that agree, points with texture.

        ``step`` is the time since the targets were last seen, in seconds. Between frames of
        different sizes there is no flow.
        """
        previous: FlowObservation = targets.seen[0]
        if (previous.grey.shape, previous.reduction) != (
            observation.grey.shape,
            observation.reduction,
        ):
            none = np.zeros(len(targets), np.int64)
            return np.zeros((len(targets), 2)), np.ones(len(targets)), none, none
        boxes = targets.boxes * np.float32(previous.reduction)
        points, textured = find_corners(previous.grey, boxes, cells=self.cells, inner=self.inner)
        arrived, returned = forward_backward_flow(
            previous.grey,
            observation.grey,
            points,
            (targets.velocity * (step * previous.reduction))[:, None],
            textured & ~find_occluded_points(points, boxes),
            window=self.window,
            levels=self.levels,
            return_error=self.return_error,
        )
        shift, scale, agreeing = estimate_shift_and_scale(
            points, arrived, returned, least=self.least, scale_limit=self.scale_limit
        )
        return shift / np.float32(previous.reduction), scale, agreeing, textured.sum(1)

    def _update_velocity(
        self,
        targets: FlowTargets,
        shift: Float[np.ndarray, "n 2"],
        step: float,
        has_flow: Bool[np.ndarray, " n"],
    ) -> tuple[Float64[np.ndarray, "n 2"], Float64[np.ndarray, " n"]]:
        """The mean velocity over ``memory`` seconds with flow, and how long that was."""
        if step <= 0:
            return targets.velocity, targets.age
        age = np.where(has_flow, targets.age + step, targets.age)
        share = np.where(has_flow, step / np.clip(age, step, max(self.memory, step)), 0)
        return targets.velocity + share[:, None] * (shift / step - targets.velocity), age


def _repeat(observation: FlowObservation, rows: int) -> Shaped[np.ndarray, " n"]:
    """An array with the observation in each of its rows."""
    column = np.empty(rows, object)
    column[:] = observation
    return column
