"""What the engine `siammotion` knows of a frame and of its targets: values that the caller owns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from mvot_plugin.engines.base import Targets
from mvot_plugin.models.attention import Exemplars
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh

__all__ = ["SiamMotionObservation", "SiamMotionTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SiamMotionObservation:
    """A frame's backbone features, strides 2 to 16, and its (width, height) in pixels."""

    features: list[Float[Tensor, "1 _ _ _"]]
    size: tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class SiamMotionTargets(Targets):
    """Boxes, what is kept of the exemplars, and the last boxes (cx, cy, w, h), oldest first.

    ``levels`` are the pyramid's that the exemplars come from. ``known`` of a target's ``history``
    rows, the last ones, have been seen. ``bias`` is what was found against what was enrolled, coded
    as (x, y, w, h) of Eq. 2.
    """

    exemplars: Exemplars
    levels: Int64[np.ndarray, " n"]
    bias: Float32[np.ndarray, "n 4"]
    history: Float32[np.ndarray, "n g 4"]
    known: Int64[np.ndarray, " n"]

    def to(self, *args: Any) -> "SiamMotionTargets":
        """The same on another device: ``targets.to("cuda")``."""
        return replace(self, exemplars=self.exemplars.to(*args))

    @property
    def last(self) -> Float32[np.ndarray, "n 4"]:
        """The last boxes, (cx, cy, w, h)."""
        return self.history[:, -1]

    def drifted(self) -> Float32[np.ndarray, "n 4"]:
        """The last boxes (cx, cy, w, h), a frame further at the mean velocity of what is known."""
        steps = np.maximum(self.known - 1, 1)[:, None].astype(np.float32)
        centre = self.last[:, :2] + (self.last[:, :2] - self.history[:, 0, :2]) / steps
        return np.concatenate([centre, self.last[:, 2:]], axis=1)

    def followed(self, boxes: Float32[np.ndarray, "n 4"]) -> "SiamMotionTargets":
        """The targets a frame later, in ``boxes`` (cx, cy, w, h)."""
        return replace(
            self,
            boxes=cxcywh_to_xyxy(boxes),
            history=np.concatenate([self.history[:, 1:], boxes[:, None]], axis=1),
            known=np.minimum(self.known + 1, self.history.shape[1]),
        )

    def corrected(self, boxes: Float32[np.ndarray, "n 4"]) -> "SiamMotionTargets":
        """The targets moved to measured ``boxes``, xyxy, on the same frame: history and all."""
        measured, last = xyxy_to_cxcywh(boxes), self.history[:, -1:]
        history = self.history.copy()
        history[..., :2] += measured[:, None, :2] - last[..., :2]
        history[..., 2:] *= measured[:, None, 2:] / last[..., 2:]
        history[:, -1] = measured
        return replace(self, boxes=boxes, history=history)
