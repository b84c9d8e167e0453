"""`siamattn`: the engine of SiamAttn, whose targets have masks."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32

from mvot_plugin.engines.base import Motion
from mvot_plugin.engines.siamese.engine import SiameseEngine
from mvot_plugin.engines.siamese.targets import SiameseTargets
from mvot_plugin.types import MASK_BINS, XYXY, Frame

__all__ = ["SiamAttnEngine"]


@dataclass(frozen=True, kw_only=True)
class SiamAttnEngine(SiameseEngine):
    """SiamAttn as a motion engine. Without refinement, its targets have no masks."""

    def _no_targets(self) -> SiameseTargets:
        targets = super()._no_targets()
        if not self.network.config.refine:
            return targets
        return replace(targets, masks=np.zeros((0, MASK_BINS, MASK_BINS), np.float32))

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> SiameseTargets:
        """New targets, whose masks are those found on the frame that they are enrolled on."""
        targets, crops = self._enroll_areas(observation, boxes)
        if not self.network.config.refine:
            return targets
        _, _, masks = self._compare(targets, crops)
        return replace(targets, masks=masks)

    def track(self, observation: Frame, targets: SiameseTargets) -> tuple[SiameseTargets, Motion]:
        """The targets on this frame with their masks, and the scores of their boxes.

        A target that keeps its last box keeps its mask, too.
        """
        if not len(targets):
            return super().track(observation, targets)
        found, log_odds, *masks = self._look(observation, targets)
        moved, motion = self._move(observation, targets, found, log_odds)
        if not masks or moved.masks is None:
            return moved, motion
        is_found = (motion.scores >= self.confidence)[:, None, None]
        return replace(moved, masks=np.where(is_found, masks[0], moved.masks)), motion
