"""The base of engines with a network: a new engine defines how it enrolls and how it searches.

The base keeps the contract of ``MotionEngine``. It handles N = 0, batches, inference mode, measured
boxes, the calibration of scores, and boxes that leave the frame. An engine defines ``_no_targets``,
``_enroll`` and ``_search``; ``_observe`` as well, where its targets share features of the frame.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32

from mvot_plugin.engines.base import Motion, Targets, as_boxes
from mvot_plugin.engines.calibration import calibrate_scores
from mvot_plugin.ops.boxes import clip_boxes, cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.rows import split_rows
from mvot_plugin.runtimes.base import Network
from mvot_plugin.types import CXCYWH, XYXY, Frame, as_frame

__all__ = ["NetworkEngine", "NetworkTargets", "Observation"]

TargetsT = TypeVar("TargetsT", bound="NetworkTargets")
ObservationT = TypeVar("ObservationT", bound="Observation")
EngineT = TypeVar("EngineT", bound="NetworkEngine[Any, Any]")


@runtime_checkable
class Observation(Protocol):
    """What all targets share of one frame."""

    @property
    def size(self) -> tuple[int, int]:
        """The frame's (width, height) in pixels."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkTargets(Targets):
    """Boxes, and what the network keeps of the exemplars; an engine adds what else it needs."""

    exemplars: Any
    """A tensor, or a value of several, batched along the first axis."""

    def to(self: TargetsT, *args: Any) -> TargetsT:
        """The same on another device: ``targets.to("cuda")``."""
        return replace(self, exemplars=self.exemplars.to(*args))

    @property
    def last(self) -> Float32[CXCYWH, " n"]:
        """The last boxes."""
        return xyxy_to_cxcywh(self.boxes)

    def follow(self: TargetsT, boxes: Float32[CXCYWH, " n"]) -> TargetsT:
        """The targets a frame later, in ``boxes``."""
        return replace(self, boxes=cxcywh_to_xyxy(boxes))

    def correct(self: TargetsT, boxes: Float32[XYXY, " n"]) -> TargetsT:
        """The targets moved to measured ``boxes`` on the same frame."""
        return replace(self, boxes=boxes)

    def reenroll(self: TargetsT, enrolled: TargetsT) -> TargetsT:
        """The targets with the appearance of ``enrolled``, which were just enrolled in their boxes.

        What is known of their past, if anything is, stays.
        """
        return enrolled


@dataclass(frozen=True, kw_only=True)
class NetworkEngine(ABC, Generic[ObservationT, TargetsT]):
    """A network as a motion engine, on the device and in the precision it is in."""

    network: Network
    """The network, on the runtime that it runs on; it holds no target's state."""
    batch: int = 16
    """Most targets that go through the network at once.

    That bounds memory, and changes no result. Few are fastest on a CPU, whose caches they fit.
    """
    calibration: tuple[float, float] = (1.0, 0.0)
    """Slope and offset of Platt scaling, from the network's logits to log odds of a right box."""
    trained: bool = False
    """Whether the network's weights are trained, not random."""

    stages: ClassVar[tuple[str, ...]]
    """The stages of ``observe`` and ``track``, as they are labelled for a ``StageTimer``."""

    @classmethod
    def from_network(cls: type[EngineT], network: Network, **fields: Any) -> EngineT:
        """The engine of a network, with the ``calibration`` of its config."""
        return cls(network=network, **{"calibration": network.config.calibration, **fields})

    def observe(self, frame: Frame | np.ndarray) -> ObservationT:
        """What all targets share of a frame (a ``Frame``, or a bare BGR uint8 array)."""
        return self._observe(as_frame(frame))

    def enroll(self, observation: ObservationT, boxes: Float32[XYXY, " n"]) -> TargetsT:
        """New targets in N ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        return self._enroll_part(observation, boxes, boxes)

    def track(self, observation: ObservationT, targets: TargetsT) -> tuple[TargetsT, Motion]:
        """The targets on this frame, and the scores that each is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        found, log_odds = self._search(observation, targets)
        return self._move(observation, targets, found, log_odds)

    def _move(
        self,
        observation: ObservationT,
        targets: TargetsT,
        found: Float32[CXCYWH, " n"],
        log_odds: Float[np.ndarray, " n"],
    ) -> tuple[TargetsT, Motion]:
        """The targets in the boxes that are chosen where they were ``found``, and their motion."""
        scores = calibrate_scores(log_odds, *self.calibration)
        boxes = self._choose_boxes(targets, found, scores)
        moved = targets.follow(clip_boxes(boxes, targets.last, observation.size))
        return moved, Motion(boxes=moved.boxes.copy(), scores=scores)

    def refresh(
        self,
        observation: ObservationT,
        targets: TargetsT,
        boxes: Float32[XYXY, " n"],
        appearance: Bool[np.ndarray, " n"],
    ) -> TargetsT:
        """Move N targets to measured ``boxes``; where ``appearance`` is true, enroll them anew."""
        boxes = as_boxes(boxes)
        corrected = targets.correct(boxes)
        if not appearance.any():
            return corrected
        enrolled = self._enroll_part(observation, boxes[appearance], boxes)
        return corrected.replace_rows(appearance, corrected[appearance].reenroll(enrolled))

    def _enroll_part(
        self, observation: ObservationT, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> TargetsT:
        """``_enroll``, or no targets where there are no boxes."""
        if not len(boxes):
            return self._no_targets()
        return self._enroll(observation, boxes, all_boxes)

    def _batches(self, count: int) -> list[slice]:
        """Slices of at most ``batch`` of ``count`` rows, as many as keep all workers busy.

        None is of a single row, which some runtimes multiply in another order than several.
        """
        return split_rows(count, self.batch, self.network.workers, least=2)

    def _observe(self, frame: Frame) -> ObservationT:
        """What all targets share of a frame: the frame itself, unless an engine has features."""
        return cast(ObservationT, frame)

    @abstractmethod
    def _no_targets(self) -> TargetsT:
        """Targets with N = 0."""

    @abstractmethod
    def _enroll(
        self, observation: ObservationT, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> TargetsT:
        """New targets in N > 0 ``boxes``, which are some of the M that are tracked together."""

    @abstractmethod
    def _search(
        self, observation: ObservationT, targets: TargetsT
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        """Where N > 0 targets are found on this frame, and the log odds that they are there."""

    def _choose_boxes(
        self,
        targets: TargetsT,
        found: Float32[CXCYWH, " n"],
        scores: Float32[np.ndarray, " n"],
    ) -> Float32[CXCYWH, " n"]:
        """The boxes to report: those found, unless an engine knows better where scores are low."""
        return found
