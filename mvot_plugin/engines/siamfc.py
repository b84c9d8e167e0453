"""`siamfc` and `siamfc-mi`: every target's search areas are images, with features of their own.

SiamFC as SiamMT 3.1 tells it (Fig. 4a): the baselines that SiamMT is measured against.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from mvot_plugin.engines.base import Motion, as_boxes
from mvot_plugin.engines.correlation import CorrelationTargets
from mvot_plugin.models.scale_search import Placement, ScaleSearch
from mvot_plugin.models.siamfc import SiamFCNet
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.types import Frame, as_frame

__all__ = ["SiamFCEngine"]


@dataclass(frozen=True, kw_only=True)
class SiamFCEngine:
    """A ``SiamFCNet`` as a motion engine, on the device and in the precision it is in.

    ``batch`` targets go through the network at once: 1 is SiamFC, instantiated for each target, and
    more are SiamFC-MI (SiamMT 4.3), which stacks them to use the hardware better.
    """

    network: SiamFCNet
    search: ScaleSearch = field(default_factory=ScaleSearch)
    batch: int = 1
    trained: bool = False

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself: nothing is shared by its targets."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[np.ndarray, "n 4"]) -> CorrelationTargets:
        """Exemplars of (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        if not len(boxes):
            return CorrelationTargets(boxes=boxes, exemplars=self.network.no_exemplars())
        pixels = self.network.config.exemplar
        areas = self.network.areas(boxes, pixels)
        parts = [self._features(observation, part[:, None], pixels) for part in self._split(areas)]
        exemplars = torch.cat([part[:, 0] for part in parts])
        return CorrelationTargets(boxes=boxes, exemplars=exemplars)

    def track(
        self, observation: Frame, targets: CorrelationTargets
    ) -> tuple[CorrelationTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,): how surely the target is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        network, scales = self.network, self.search.scales
        areas = network.areas(targets.boxes, network.config.search)
        tried = scaled_areas(areas, scales)
        found = [
            self._find(observation, targets.exemplars[rows], tried[rows])
            for rows in self._split(np.arange(len(targets)))
        ]
        chosen = torch.cat([scale for scale, _ in found]).cpu().numpy()
        offsets = torch.cat([place.offsets for _, place in found]).cpu().numpy()
        scale, damping = np.array(scales, np.float32)[chosen], self.search.damping
        side = areas[:, 2] - areas[:, 0]
        cell = side * scale * (network.backbone.field.stride / network.config.search)
        return targets.moved(
            offsets * cell[:, None],
            1 - damping + damping * scale,
            torch.cat([place.logits for _, place in found]),
            frame_size=observation.size,
            certainty=network.config.certainty,
        )

    def refresh(
        self,
        observation: Frame,
        targets: CorrelationTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> CorrelationTargets:
        """Move N targets to measured (N, 4) ``boxes``; some exemplars are made anew there."""
        return targets.corrected(boxes, appearance, self.enroll(observation, boxes[appearance]))

    def _split(self, rows: np.ndarray) -> list[np.ndarray]:
        """Rows in parts of at most ``batch``."""
        return np.array_split(rows, range(self.batch, len(rows), self.batch))

    def _features(
        self, frame: Frame, areas: Float32[np.ndarray, "n s 4"], pixels: int
    ) -> Float[Tensor, "n s k k c"]:
        network = self.network
        images = network.crop(frame.image, areas.reshape(-1, 4), pixels)
        with torch.inference_mode():
            features = network.features(network.pixels(images))
        return features.view(*areas.shape[:2], *features.shape[1:])

    def _find(
        self,
        frame: Frame,
        exemplars: Float[Tensor, "n k k c"],
        areas: Float32[np.ndarray, "n s 4"],
    ) -> tuple[Tensor, Placement]:
        """The best scale of each target, and its place there."""
        features = self._features(frame, areas, self.network.config.search)
        with torch.inference_mode():
            maps = self.search.upsampled(self.network.compare(features, exemplars))
            best = self.search.best_scale(maps)
            rows = torch.arange(len(maps), device=maps.device)
            return best, self.search.place(maps[rows, best])
