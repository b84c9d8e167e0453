"""What the engine `siammotion` knows of its targets: values that the caller owns."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.engines.network import NetworkTargets
from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.types import CXCYWH, XYXY

__all__ = ["SiamMotionTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SiamMotionTargets(NetworkTargets):
    """Boxes, exemplars and the history of N targets."""

    exemplars: Exemplars
    """What is cached of the exemplars (SiamMOTION 3.2.3)."""
    octaves: Int64[np.ndarray, " n"]
    """The scales that the targets are looked at on, where they share parts of the frame."""
    bias: Float32[np.ndarray, "n 4"]
    """Deviation of the box found at enrolment from the target's own; encoded as in Eq. 2."""
    history: Float32[CXCYWH, "n g"]
    """The last G boxes of each target, oldest first."""
    known: Int64[np.ndarray, " n"]
    """How many of the history's last rows are of different frames; the others repeat the oldest."""

    @property
    def last(self) -> Float32[CXCYWH, " n"]:
        """The last boxes."""
        return self.history[:, -1]

    def extrapolate(self) -> Float32[CXCYWH, " n"]:
        """The last boxes, a frame further at the mean velocity of the known history."""
        steps = np.maximum(self.known - 1, 1)[:, None].astype(np.float32)
        centre = self.last[:, :2] + (self.last[:, :2] - self.history[:, 0, :2]) / steps
        return np.concatenate([centre, self.last[:, 2:]], axis=1)

    def follow(self, boxes: Float32[CXCYWH, " n"]) -> "SiamMotionTargets":
        """The targets a frame later, in ``boxes``."""
        return replace(
            self,
            boxes=cxcywh_to_xyxy(boxes),
            history=np.concatenate([self.history[:, 1:], boxes[:, None]], axis=1),
            known=np.minimum(self.known + 1, self.history.shape[1]),
        )

    def correct(self, boxes: Float32[XYXY, " n"]) -> "SiamMotionTargets":
        """The targets, with their history, moved to measured ``boxes`` on the same frame."""
        measured, last = xyxy_to_cxcywh(boxes), self.history[:, -1:]
        history = self.history.copy()
        history[..., :2] += measured[:, None, :2] - last[..., :2]
        history[..., 2:] *= measured[:, None, 2:] / last[..., 2:]
        history[:, -1] = measured
        return replace(self, boxes=boxes, history=history)

    def reenroll(self, enrolled: "SiamMotionTargets") -> "SiamMotionTargets":
        """The exemplars, scales and biases of ``enrolled``; the history stays."""
        return replace(enrolled, history=self.history, known=self.known)
