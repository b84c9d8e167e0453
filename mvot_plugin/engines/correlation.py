"""What the engines of SiamFC and SiamMT share: their targets, and how these move."""

from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from mvot_plugin.engines.base import Motion, Targets, as_boxes
from mvot_plugin.engines.scores import certain
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, limited, xyxy_to_cxcywh

__all__ = ["CorrelationTargets"]

TargetsT = TypeVar("TargetsT", bound="CorrelationTargets")


@dataclass(frozen=True, kw_only=True, eq=False)
class CorrelationTargets(Targets):
    """Boxes and the exemplars' features, as they are correlated with search areas."""

    exemplars: Float[Tensor, "n k k c"]

    def to(self: TargetsT, *args: Any) -> TargetsT:
        """The same on another device: ``targets.to("cuda")``."""
        return replace(self, exemplars=self.exemplars.to(*args))

    def moved(
        self: TargetsT,
        shift: Float32[np.ndarray, "n 2"],
        growth: Float32[np.ndarray, " n"],
        logits: Float[Tensor, " n"],
        *,
        frame_size: tuple[int, int],
        certainty: tuple[float, float],
    ) -> tuple[TargetsT, Motion]:
        """The targets a frame later, and their motion.

        Their centres have moved by ``shift`` pixels, and they are ``growth`` times as large.
        ``certainty`` is the slope and the offset of what their log odds are worth.
        """
        last = xyxy_to_cxcywh(self.boxes)
        size = last[:, 2:] * growth[:, None]
        boxes = np.concatenate([last[:, :2] + shift, size], axis=1).astype(np.float32)
        found = cxcywh_to_xyxy(limited(boxes, last, frame_size))
        scores = certain(logits.cpu().numpy(), *certainty)
        return replace(self, boxes=found), Motion(boxes=found.copy(), scores=scores)

    def corrected(
        self: TargetsT,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
        anew: TargetsT,
    ) -> TargetsT:
        """The targets at measured ``boxes``; where ``appearance`` is true, those enrolled anew."""
        placed = replace(self, boxes=as_boxes(boxes))
        return placed.replaced(appearance, anew)
