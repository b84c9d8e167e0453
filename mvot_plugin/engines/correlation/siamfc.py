"""`siamfc` and `siamfc-mi`: the features of each search area, cropped from the image.

SiamFC as described in SiamMT 3.1 (Fig. 4a): the baselines that SiamMT is measured against.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from mvot_plugin.engines.correlation.targets import STAGES, CorrelationTargets
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.models.scale_search import Displacements, ScaleSearch
from mvot_plugin.models.siamfc import SiamFCNet
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiamFCEngine"]


@dataclass(frozen=True, kw_only=True)
class SiamFCEngine(NetworkEngine[SiamFCNet, Frame, CorrelationTargets]):
    """A ``SiamFCNet`` as a motion engine; the observation of a frame is the frame itself.

    A ``batch`` of 1 is SiamFC, instantiated for each target. With more it is SiamFC-MI
    (SiamMT 4.3), which stacks targets to use the hardware better.
    """

    batch: int = 1
    """Most targets that go through the network at once."""
    search: ScaleSearch = field(default_factory=ScaleSearch)
    """How displacement and scale are read off score maps (SiamMT 3.1)."""

    stages: ClassVar[tuple[str, ...]] = STAGES

    def _no_targets(self) -> CorrelationTargets:
        boxes = np.zeros((0, 4), np.float32)
        return CorrelationTargets(boxes=boxes, exemplars=self.network.empty_exemplars())

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> CorrelationTargets:
        pixels = self.network.config.exemplar
        areas = self.network.areas(boxes, pixels)[:, None]
        parts = [
            self._features(observation, areas[rows], pixels) for rows in self._batches(len(boxes))
        ]
        exemplars = torch.cat([part[:, 0] for part in parts])
        return CorrelationTargets(boxes=boxes, exemplars=exemplars)

    def _search(
        self, observation: Frame, targets: CorrelationTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        network, scales = self.network, self.search.scales
        areas = network.areas(targets.boxes, network.config.search)
        scaled = scale_areas(areas, scales)
        parts = [
            self._find(observation, targets.exemplars[rows], scaled[rows])
            for rows in self._batches(len(targets))
        ]
        chosen = torch.cat([best for best, _ in parts]).cpu().numpy()
        offsets = torch.cat([found.offsets for _, found in parts]).cpu().numpy()
        logits = torch.cat([found.logits for _, found in parts]).cpu().numpy()
        scale, damping = np.array(scales, np.float32)[chosen], self.search.damping
        side = areas[:, 2] - areas[:, 0]
        cell = side * scale * (network.backbone.receptive_field.stride / network.config.search)
        return targets.displace(offsets * cell[:, None], 1 - damping + damping * scale), logits

    def _features(
        self, frame: Frame, areas: Float32[XYXY, "n s"], pixels: int
    ) -> Float[Tensor, "n s k k c"]:
        """The features of S areas for each of N targets, resized to ``pixels`` x ``pixels``."""
        network = self.network
        with stage("crop-and-resize"):
            images = network.crop(frame.image, areas.reshape(-1, 4), pixels)
        with stage("setup"):
            ready = network.normalize(images)
        with stage("backbone"):
            features = network.features(ready)
        return features.view(*areas.shape[:2], *features.shape[1:])

    def _find(
        self, frame: Frame, exemplars: Float[Tensor, "n k k c"], areas: Float32[XYXY, "n s"]
    ) -> tuple[Int64[Tensor, " n"], Displacements]:
        """The best scale of each target, and its displacement there."""
        features = self._features(frame, areas, self.network.config.search)
        with stage("similarity"):
            maps = self.network.compare(features, exemplars)
        with stage("upsampling"):
            maps = self.search.upsample(maps)
        with stage("update"):
            best = self.search.best_scale(maps)
            rows = torch.arange(len(maps), device=maps.device)
            return best, self.search.locate(maps[rows, best])
