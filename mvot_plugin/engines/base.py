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
from mvot_plugin.types import XYXY, Frame

__all__ = [
    "NOMINAL_STEP",
    "Motion",
    "MotionEngine",
    "SupportsRefresh",
    "Targets",
    "as_boxes",
    "elapsed_seconds",
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
    fields they need.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin import Targets, load_engine
        >>> engine = load_engine("hold")
        >>> observation = engine.observe(np.zeros((240, 320, 3), np.uint8))
        >>> boxes = np.array([[10, 20, 50, 80], [90, 20, 99, 31]], np.float32)
        >>> targets = engine.enroll(observation, boxes)
        >>> targets[1:].boxes.tolist(), len(Targets.cat([targets, targets]))
        ([[90.0, 20.0, 99.0, 31.0]], 4)
    """

    boxes: Float32[XYXY, " n"]
    """The last known boxes, in pixels."""
    masks: Float32[np.ndarray, "n m m"] | None = None
    """The probability, 0..1, that each of the M x M equal cells of a target's box shows the target;
    row 0 is at the top, column 0 at the left.

    They move and stretch with the box when a detection corrects it. An engine that has masks has
    them for all its targets, newly enrolled ones too; None for engines that estimate boxes only.
    """


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Motion:
    """Where N targets are on a frame.

    Examples:
        >>> import numpy as np
        >>> from mvot_plugin import Motion
        >>> boxes = np.array([[10, 20, 50, 80], [90, 20, 99, 31]], np.float32)
        >>> motion = Motion(boxes=boxes, scores=np.array([0.9, 0.1], np.float32))
        >>> motion.boxes[motion.scores > 0.4].tolist()
        [[10.0, 20.0, 50.0, 80.0]]
    """

    boxes: Float32[XYXY, " n"]
    """In pixels."""
    scores: Float32[np.ndarray, " n"]
    """In 0..1: the engine's confidence that the target is visible in its box.

    They are comparable across targets and frames: the lifecycle decides on them.
    """


@runtime_checkable
class MotionEngine(Protocol[ObservationT, TargetsT]):
    """Moves all targets of a frame in one batched call. N = 0 is legal everywhere.

    Examples:
        >>> from mvot_plugin import load_engine
        >>> from mvot_synthetic import street
        >>> scene = street(seed=2, size=(320, 240), frames=2)
        >>> engine, boxes = load_engine("lk-flow"), scene.ground_truth(0).xyxy
        >>> targets = engine.enroll(engine.observe(scene.frame(0)), boxes)
        >>> targets, motion = engine.track(engine.observe(scene.frame(1)), targets)
        >>> motion.boxes.shape == boxes.shape, bool(abs(motion.boxes - boxes).max() < 10)
        (True, True)
    """

    def observe(self, frame: Frame | np.ndarray) -> ObservationT:
        """Compute what all targets share of one frame.

        Args:
            frame: a ``Frame``, or a bare BGR uint8 array of shape (height, width, 3).

        Returns:
            A value for ``enroll``, ``track`` and ``refresh``, which leave it as it is.

        Raises:
            InputError: for an image that is not BGR uint8.
        """
        ...

    def enroll(self, observation: ObservationT, boxes: Float32[XYXY, " n"]) -> TargetsT:
        """Make new targets.

        Args:
            observation: of the frame that the boxes were measured on.
            boxes: (N, 4) float32, in pixels of the frame; they may reach beyond its edges.

        Returns:
            N targets, in the order of the boxes.

        Raises:
            ValueError: for boxes that are not finite or have no area.
        """
        ...

    def track(self, observation: ObservationT, targets: TargetsT) -> tuple[TargetsT, Motion]:
        """Move targets onto a frame.

        Args:
            observation: of the frame, a later one than the targets were last seen on.
            targets: N targets; they may come from different frames.

        Returns:
            The N targets on the frame, in the same order, and their motion.
        """
        ...


@runtime_checkable
class SupportsRefresh(Protocol[ObservationIn, TargetsT]):
    """An engine that corrects its targets by measured boxes, instead of enrolling them again."""

    def refresh(
        self,
        observation: ObservationIn,
        targets: TargetsT,
        boxes: Float32[XYXY, " n"],
        appearance: Bool[np.ndarray, " n"],
    ) -> TargetsT:
        """Correct targets by measured boxes.

        Args:
            observation: of the frame that the boxes were measured on.
            targets: N targets, tracked onto the same frame.
            boxes: (N, 4) float32, in pixels of the frame.
            appearance: (N,), true where the match is sure enough to enroll the appearance again.

        Returns:
            The N targets in the measured boxes, or as near to them as the engine trusts them.

        Raises:
            ValueError: for boxes that are not finite or have no area.
        """
        ...


def refresh(
    engine: MotionEngine[ObservationT, TargetsT],
    observation: ObservationT,
    targets: TargetsT,
    boxes: Float32[XYXY, " n"],
    appearance: Bool[np.ndarray, " n"],
) -> TargetsT:
    """``engine.refresh`` where the engine has one, else new targets in the measured boxes."""
    if isinstance(engine, SupportsRefresh):
        return engine.refresh(observation, targets, boxes, appearance)  # type: ignore[no-any-return]
    return engine.enroll(observation, boxes)


def as_boxes(boxes: Any) -> Float32[XYXY, " n"]:
    """``boxes`` as an (N, 4) float32 array of its own; N may be 0.

    Raises ``ValueError`` naming the first box that is not finite or has no area.
    """
    array = np.array(boxes, np.float32).reshape(-1, 4)
    has_area = (array[:, 2] > array[:, 0]) & (array[:, 3] > array[:, 1])
    valid = np.isfinite(array).all(1) & has_area
    if not valid.all():
        row = int(np.argmin(valid))
        raise ValueError(f"box {row} is not finite or has no area: {array[row].tolist()}")
    return array


def elapsed_seconds(now: float, since: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """Seconds from ``since`` to ``now``: never negative, ``NOMINAL_STEP`` where time is unknown."""
    return np.maximum(np.where(np.isnan(now - since), NOMINAL_STEP, now - since), 0)
