"""`lk-flow`: sparse Lucas-Kanade optical flow on all targets in one call.

What trackers that skip the detector use today (FastMOT's way): corners in each box, flow forward
and backward, and a robust shift and scale from the points that come back (Kalal et al.,
"Forward-Backward Error: Automatic Detection of Tracking Failures", ICPR 2010).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int64, Shaped, UInt8

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, intersection, xyxy_to_cxcywh
from mvot_plugin.types import Frame, as_frame

__all__ = ["FlowObservation", "FlowTargets", "LKFlowEngine"]

Points = Float32[np.ndarray, "n points 2"]
Mask = Bool[np.ndarray, "n points"]

_CELL = 4
"""Candidates along a cell's side; the best corner of a cell is tracked."""
_MARGIN = 2
"""Candidates around the patch that only lend their gradients."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowObservation:
    """A frame in grey."""

    grey: UInt8[np.ndarray, "height width"]
    timestamp: float


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowTargets(Targets):
    """Boxes, the observation each was last seen on, and their centre's velocity in pixels/second.

    ``age`` is for how many seconds the velocity has been learnt, ``trust`` the last score.
    """

    seen: Shaped[np.ndarray, " n"]
    velocity: Float64[np.ndarray, "n 2"]
    age: Float64[np.ndarray, " n"]
    trust: Float32[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class LKFlowEngine:
    """Moves and scales each box as its corners move, N targets in one Lucas-Kanade call.

    ``cells`` squared corners are tracked per target, on the ``inner`` share of its box. A point
    counts if it comes back to within ``return_error`` pixels and moves as most of its target does.
    A target with fewer than ``least`` such points coasts on its velocity, which is learnt over
    ``memory`` seconds. ``scale_limit`` bounds the change of size per frame.
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
        )

    def track(
        self, observation: FlowObservation, targets: FlowTargets
    ) -> tuple[FlowTargets, Motion]:
        """Boxes (N, 4) on this frame; scores (N,): the share of points that agree."""
        groups = [np.flatnonzero(targets.seen == seen) for seen in dict.fromkeys(targets.seen)]
        if not groups:
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        moves = [self._move(observation, targets[rows]) for rows in groups]
        order = np.argsort(np.concatenate(groups))
        moved = Targets.cat(moves)[order]
        return moved, Motion(boxes=moved.boxes, scores=moved.trust)

    def refresh(
        self,
        observation: FlowObservation,
        targets: FlowTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> FlowTargets:
        """Go on from measured (N, 4) ``boxes`` with the velocity learnt so far."""
        return replace(
            targets,
            boxes=as_boxes(boxes),
            seen=_repeat(observation, len(targets)),
            trust=np.ones(len(targets), np.float32),
        )

    def _move(self, observation: FlowObservation, targets: FlowTargets) -> FlowTargets:
        """Move targets that were all last seen on one observation."""
        previous: FlowObservation = targets.seen[0]
        step = elapsed(observation.timestamp, np.array([previous.timestamp]))[0]
        points, tracked, attempts = self._points(previous.grey, targets.boxes)
        expected = (targets.velocity * step)[:, None]
        arrived, returned = self._flow(previous.grey, observation.grey, points, expected, tracked)
        shift, scale, agreeing = self._fit(points, arrived, returned)
        seen = agreeing >= self.least
        shift = np.where(seen[:, None], shift, targets.velocity * step)
        scale = np.where(seen, scale, 1)
        centred = xyxy_to_cxcywh(targets.boxes)
        boxes = np.concatenate([centred[:, :2] + shift, centred[:, 2:] * scale[:, None]], axis=1)
        velocity, age = self._learn(targets, shift, step, seen)
        evidence = np.sqrt(agreeing / np.maximum(attempts, 1))
        trust = np.maximum(evidence, targets.trust * 0.5 ** (step / self.half_life))
        return replace(
            targets,
            boxes=cxcywh_to_xyxy(boxes).astype(np.float32),
            seen=_repeat(observation, len(targets)),
            velocity=velocity,
            age=age,
            trust=trust.astype(np.float32),
        )

    def _points(
        self, grey: UInt8[np.ndarray, "height width"], boxes: Float32[np.ndarray, "n 4"]
    ) -> tuple[Points, Mask, Int64[np.ndarray, " n"]]:
        """The best corner of each cell of each box, whether to track it, and how many have texture.

        All boxes are resampled to patches of one size, stacked, and measured in one call
        (Shi and Tomasi's smaller eigenvalue). Points hidden by a nearer target are left out.
        """
        side = self.cells * _CELL
        patches, xs, ys = _patches(grey, boxes, side, self.inner)
        quality = cv2.cornerMinEigenVal(patches, blockSize=3)
        quality = quality.reshape(len(boxes), side + 2 * _MARGIN, side + 2 * _MARGIN)
        quality = quality[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        cells = quality.reshape(len(boxes), self.cells, _CELL, self.cells, _CELL)
        cells = cells.transpose(0, 1, 3, 2, 4).reshape(len(boxes), self.cells**2, _CELL**2)
        best = cells.argmax(2)
        row, column = np.divmod(np.arange(self.cells**2), self.cells)
        rows = np.arange(len(boxes))[:, None]
        x = xs[rows, column * _CELL + best % _CELL + _MARGIN]
        y = ys[rows, row * _CELL + best // _CELL + _MARGIN]
        points = np.stack([x, y], axis=2)
        worth = (cells.max(2) > 1e-6) & _inside(points, grey.shape)
        return points, worth & ~_hidden(points, boxes), worth.sum(1)

    def _flow(
        self,
        before: UInt8[np.ndarray, "height width"],
        after: UInt8[np.ndarray, "height width"],
        points: Points,
        expected: Float[np.ndarray, "n 1 2"],
        tracked: Mask,
    ) -> tuple[Points, Mask]:
        """Where the tracked points arrive, and which of them come back when tracked backward."""
        start = points[tracked]
        guess = (points + expected).astype(np.float32)[tracked]
        arrived, returned = points.copy(), tracked.copy()
        if not len(start):
            return arrived, returned
        ahead, ok = self._lucas_kanade(before, after, start, guess)
        back, ok_back = self._lucas_kanade(after, before, ahead, start)
        error = np.linalg.norm(back - start, axis=1)
        arrived[tracked] = ahead
        returned[tracked] = ok & ok_back & (error <= self.return_error)
        return arrived, returned

    def _lucas_kanade(
        self,
        before: UInt8[np.ndarray, "height width"],
        after: UInt8[np.ndarray, "height width"],
        start: Float32[np.ndarray, "m 2"],
        guess: Float32[np.ndarray, "m 2"],
    ) -> tuple[Float32[np.ndarray, "m 2"], Bool[np.ndarray, " m"]]:
        """Where ``start`` went, looked for from ``guess`` on, and whether it was found."""
        arrived, found, _ = cv2.calcOpticalFlowPyrLK(
            before,
            after,
            start,
            guess.copy(),
            winSize=(self.window, self.window),
            maxLevel=self.levels,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
        )
        return np.asarray(arrived), np.asarray(found).astype(np.bool_)[:, 0]

    def _fit(
        self, points: Points, arrived: Points, returned: Mask
    ) -> tuple[Float32[np.ndarray, "n 2"], Float32[np.ndarray, " n"], Shaped[np.ndarray, " n"]]:
        """Shift and scale of each target, and how many points agree with them."""
        flow = arrived - points
        middle = _median(flow, returned)
        spread = np.linalg.norm(flow - middle[:, None], axis=2)
        tolerance = np.maximum(2.0, 2 * _median(spread[:, :, None], returned))
        agree = returned & (spread <= tolerance)
        shift = _median(flow, agree)
        before = points - _median(points, agree)[:, None]
        after = arrived - _median(arrived, agree)[:, None]
        length = np.linalg.norm(before, axis=2)
        far = agree & (length > 0.5 * _median(length[:, :, None], agree)) & (length > 2)
        ratio = np.linalg.norm(after, axis=2) / np.maximum(length, 1)
        scale = np.where(far.sum(1) >= self.least, _median(ratio[:, :, None], far)[:, 0], 1)
        limits = 1 - self.scale_limit, 1 + self.scale_limit
        return shift, np.clip(scale, *limits).astype(np.float32), agree.sum(1)

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


def _patches(
    grey: UInt8[np.ndarray, "height width"],
    boxes: Float32[np.ndarray, "n 4"],
    side: int,
    inner: float,
) -> tuple[UInt8[np.ndarray, "_ _"], Float32[np.ndarray, "n _"], Float32[np.ndarray, "n _"]]:
    """The inner part of each box resampled to a square patch, stacked; and the sample places."""
    place = (np.arange(-_MARGIN, side + _MARGIN) + 0.5) / side - 0.5
    centred = xyxy_to_cxcywh(boxes)
    xs = (centred[:, 0, None] + inner * centred[:, 2, None] * place).astype(np.float32)
    ys = (centred[:, 1, None] + inner * centred[:, 3, None] * place).astype(np.float32)
    shape = len(boxes), len(place), len(place)
    across = np.broadcast_to(xs[:, None, :], shape).reshape(-1, len(place))
    down = np.broadcast_to(ys[:, :, None], shape).reshape(-1, len(place))
    return np.asarray(cv2.remap(grey, across, down, cv2.INTER_LINEAR)), xs, ys


def _inside(points: Points, shape: tuple[int, ...]) -> Mask:
    limits = np.array([shape[1] - 1, shape[0] - 1])
    return np.asarray(((points >= 0) & (points <= limits)).all(2))


def _hidden(points: Points, boxes: Float32[np.ndarray, "n 4"]) -> Mask:
    """Points that lie in another box which reaches lower in the image, so stands nearer."""
    overlapping = intersection(boxes, boxes) > 0
    nearer = overlapping & (boxes[None, :, 3] > boxes[:, None, 3])
    hidden = np.zeros(points.shape[:2], np.bool_)
    for row, by in zip(*np.nonzero(nearer), strict=True):
        x0, y0, x1, y1 = boxes[by]
        x, y = points[row].T
        hidden[row] |= (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    return hidden


def _median(values: Float[np.ndarray, "n points d"], mask: Mask) -> Float[np.ndarray, "n d"]:
    """The median over the masked points of each row; 0 where there are none."""
    ordered = np.sort(np.where(mask[:, :, None], values, np.inf), axis=1)
    count = mask.sum(1)
    rows = np.arange(len(values))
    low = ordered[rows, np.maximum(count - 1, 0) // 2]
    high = ordered[rows, np.minimum(count // 2, values.shape[1] - 1)]
    return np.where(count[:, None] > 0, (low + high) / 2, 0).astype(values.dtype)
