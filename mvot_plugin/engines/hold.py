"""`hold`: every box stays where it was, the simplest baseline."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed_seconds
from mvot_plugin.types import XYXY, Frame, as_frame

__all__ = ["HoldEngine", "HoldTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldTargets(Targets):
    """Boxes that are held, and for how long."""

    timestamp: Float64[np.ndarray, " n"]
    """Of the frame that each target was last moved to, in seconds."""
    held: Float64[np.ndarray, " n"]
    """Seconds since each target was enrolled."""


@dataclass(frozen=True, kw_only=True)
class HoldEngine:
    """Keeps every box in place; its scores fade, as it does not look at the image."""

    half_life: float = 0.5
    """Seconds in which a score halves."""

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[XYXY, " n"]) -> HoldTargets:
        """Targets in N ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        timestamp = np.full(len(boxes), observation.timestamp)
        return HoldTargets(boxes=boxes, timestamp=timestamp, held=np.zeros(len(boxes)))

    def track(self, observation: Frame, targets: HoldTargets) -> tuple[HoldTargets, Motion]:
        """The same boxes, with scores that fade."""
        held = targets.held + elapsed_seconds(observation.timestamp, targets.timestamp)
        timestamp = np.full(len(targets), observation.timestamp)
        scores = (0.5 ** (held / self.half_life)).astype(np.float32)
        targets = replace(targets, timestamp=timestamp, held=held)
        return targets, Motion(boxes=targets.boxes.copy(), scores=scores)
