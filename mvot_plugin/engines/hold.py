"""`hold`: boxes stay where they were; the least that an engine can do."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed
from mvot_plugin.types import Frame, as_frame

__all__ = ["HoldEngine", "HoldTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldTargets(Targets):
    """Boxes, when each was last looked at, and for how long it has been held (seconds)."""

    timestamp: Float64[np.ndarray, " n"]
    held: Float64[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class HoldEngine:
    """Keeps every box in place; it sees nothing, so scores halve every ``half_life`` seconds."""

    half_life: float = 0.5

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[np.ndarray, "n 4"]) -> HoldTargets:
        """Targets at (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        timestamp = np.full(len(boxes), observation.timestamp)
        return HoldTargets(boxes=boxes, timestamp=timestamp, held=np.zeros(len(boxes)))

    def track(self, observation: Frame, targets: HoldTargets) -> tuple[HoldTargets, Motion]:
        """The same boxes, (N, 4), with scores (N,) that fade."""
        held = targets.held + elapsed(observation.timestamp, targets.timestamp)
        timestamp = np.full(len(targets), observation.timestamp)
        scores = (0.5 ** (held / self.half_life)).astype(np.float32)
        targets = replace(targets, timestamp=timestamp, held=held)
        return targets, Motion(boxes=targets.boxes.copy(), scores=scores)
