"""The motion engine contract: value in, value out.

An engine holds no state of any target. What is known of the targets (boxes, exemplars, history)
is one batched ``Targets`` value that the caller owns, so N targets are one batch, two pipelines in
one process are independent, and a run is repeatable.

    observation = engine.observe(frame)                      # once per frame
    targets = engine.enroll(observation, boxes)              # after a detector call
    targets, motion = engine.track(observation, targets)     # on every later frame
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float32, Float64

from mvot_plugin.rows import Rows
from mvot_plugin.types import Frame

__all__ = [
    "NOMINAL_STEP",
    "Motion",
    "MotionEngine",
    "Refreshes",
    "Targets",
    "as_boxes",
    "elapsed",
    "mistakable",
    "refresh",
]

NOMINAL_STEP = 1 / 25
"""Seconds that pass between two frames whose timestamps are unknown."""

TargetsT = TypeVar("TargetsT", bound="Targets")
ObservationT = TypeVar("ObservationT")
ObservationIn = TypeVar("ObservationIn", contravariant=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Targets(Rows):
    """What an engine knows of N targets; every field is batched along its first axis.

    It is indexed by row, and ``Targets.cat([a, b])`` concatenates. Engines subclass it with the
    fields they need. ``boxes`` are the last known ones, (N, 4) xyxy.
    """

    boxes: Float32[np.ndarray, "n 4"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Motion:
    """Where N targets are on a frame: ``boxes`` (N, 4) xyxy, ``scores`` (N,) in 0..1.

    A score is the engine's confidence that the target is visible in that box, comparable across
    targets and frames: the lifecycle decides on it.
    """

    boxes: Float32[np.ndarray, "n 4"]
    scores: Float32[np.ndarray, " n"]


@runtime_checkable
class MotionEngine(Protocol[ObservationT, TargetsT]):
    """Moves all targets of a frame in one batched call. N = 0 is legal everywhere.

    One that cannot take a target for its neighbour, since it never looks at the image but knows
    each target's own course, may say so: ``mistakable = False``.
    """

    def observe(self, frame: Frame | np.ndarray) -> ObservationT:
        """What all targets share of one frame (a ``Frame``, or a bare BGR uint8 array)."""
        ...

    def enroll(self, observation: ObservationT, boxes: Float32[np.ndarray, "n 4"]) -> TargetsT:
        """New targets at (N, 4) float32 xyxy ``boxes`` of the observed frame.

        Raises ``ValueError`` for boxes that are not finite or have no area.
        """
        ...

    def track(self, observation: ObservationT, targets: TargetsT) -> tuple[TargetsT, Motion]:
        """Move the targets onto the observed frame; rows keep their order."""
        ...


@runtime_checkable
class Refreshes(Protocol[ObservationIn, TargetsT]):
    """An engine that keeps history when a detector has measured its targets again."""

    def refresh(
        self,
        observation: ObservationIn,
        targets: TargetsT,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> TargetsT:
        """Correct N tracked targets to the measured ``boxes`` of the same frame.

        ``appearance`` is true where the match is sure enough to enrol the look anew as well.
        """
        ...


def mistakable(engine: MotionEngine[ObservationT, TargetsT]) -> bool:
    """Whether an engine may take one target for another where they overlap."""
    return bool(getattr(engine, "mistakable", True))


def refresh(
    engine: MotionEngine[ObservationT, TargetsT],
    observation: ObservationT,
    targets: TargetsT,
    boxes: Float32[np.ndarray, "n 4"],
    appearance: Bool[np.ndarray, " n"],
) -> TargetsT:
    """``engine.refresh`` where the engine has one, else the targets enrolled anew."""
    if isinstance(engine, Refreshes):
        return engine.refresh(observation, targets, boxes, appearance)  # type: ignore[no-any-return]
    return engine.enroll(observation, boxes)


def as_boxes(boxes: Any) -> Float32[np.ndarray, "n 4"]:
    """``boxes`` as an (N, 4) float32 array of its own; N may be 0.

    Raises ``ValueError`` naming the first box that is not finite or has no area.
    """
    array = np.array(boxes, np.float32).reshape(-1, 4)
    good = np.isfinite(array).all(1) & (array[:, 2] > array[:, 0]) & (array[:, 3] > array[:, 1])
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"box {row} is not finite or has no area: {array[row].tolist()}")
    return array


def elapsed(now: float, since: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Seconds from ``since`` to ``now``: never negative, ``NOMINAL_STEP`` where time is unknown."""
    return np.maximum(np.where(np.isnan(now - since), NOMINAL_STEP, now - since), 0)
