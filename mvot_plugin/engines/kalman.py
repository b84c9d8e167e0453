"""`kalman`: a constant-velocity Kalman filter for each target, without the image."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32

from mvot_plugin.engines.base import Motion, Targets, as_boxes, elapsed_seconds
from mvot_plugin.ops.kalman import BoxFilter, FilteredBoxes
from mvot_plugin.types import XYXY, Frame, as_frame

__all__ = ["KalmanEngine", "KalmanTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class KalmanTargets(FilteredBoxes, Targets):
    """A Gaussian for each target over (cx, cy, w, h) in pixels and their change per second."""


@dataclass(frozen=True, kw_only=True)
class KalmanEngine(BoxFilter):
    """Predicts boxes over the time that has passed, and estimates velocity from measured boxes."""

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself; only its time is used."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[XYXY, " n"]) -> KalmanTargets:
        """Targets at rest in N ``boxes``; raises ``ValueError`` for boxes without area."""
        return KalmanTargets(**vars(self.start(as_boxes(boxes), observation.timestamp)))

    def track(self, observation: Frame, targets: KalmanTargets) -> tuple[KalmanTargets, Motion]:
        """Predicted boxes; a score is 1/2 where the centre's standard deviation is half a size."""
        targets = self.predict(targets, elapsed_seconds(observation.timestamp, targets.timestamp))
        now = np.full(len(targets), observation.timestamp)
        targets = replace(targets, timestamp=now)
        return targets, Motion(boxes=targets.boxes.copy(), scores=targets.certainty)

    def refresh(
        self,
        observation: Frame,
        targets: KalmanTargets,
        boxes: Float32[XYXY, " n"],
        appearance: Bool[np.ndarray, " n"],
    ) -> KalmanTargets:
        """Update the N filters with measured ``boxes``; there is no appearance to enroll."""
        return self.correct(targets, as_boxes(boxes))
