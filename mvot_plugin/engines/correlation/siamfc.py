"""`siamfc` and `siamfc-mi`: the features of each search area, cropped from the image.

SiamFC as described in SiamMT 3.1 (Fig. 4a): the baselines that SiamMT is measured against.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.engines.correlation.scale_search import ScaleSearch
from mvot_plugin.engines.correlation.targets import STAGES, CorrelationTargets
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.models.siamfc.config import GEOMETRY
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.images import crop_areas
from mvot_plugin.rows import concatenate
from mvot_plugin.runtimes.base import Array
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiamFCEngine"]


@dataclass(frozen=True, kw_only=True)
class SiamFCEngine(NetworkEngine[Frame, CorrelationTargets]):
    """SiamFC's network as a motion engine; the observation of a frame is the frame itself.

    A ``batch`` of 1 is SiamFC, instantiated for each target. With more it is SiamFC-MI
    (SiamMT 4.3), which stacks targets to use the hardware better.
    """

    batch: int = 1
    """Most targets that go through the network at once."""
    search: ScaleSearch = field(default_factory=ScaleSearch)
    """How displacement and scale are read off score maps (SiamMT 3.1)."""

    stages: ClassVar[tuple[str, ...]] = STAGES

    def _no_targets(self) -> CorrelationTargets:
        side = self.network.config.exemplar
        (exemplars,) = self.network.run("features", np.zeros((0, side, side, 3), np.uint8))
        return CorrelationTargets(boxes=np.zeros((0, 4), np.float32), exemplars=exemplars)

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> CorrelationTargets:
        pixels = self.network.config.exemplar
        areas = self.network.config.image_areas(boxes, pixels)
        parts = [
            self._features(observation, areas[rows], pixels) for rows in self._batches(len(boxes))
        ]
        return CorrelationTargets(boxes=boxes, exemplars=concatenate(parts))

    def _search(
        self, observation: Frame, targets: CorrelationTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        config, damping = self.network.config, self.search.damping
        areas = config.image_areas(targets.boxes, config.search)
        scaled = scale_areas(areas, self.search.scales)
        parts = [
            self._find(observation, targets.exemplars[rows], scaled[rows])
            for rows in self._batches(len(targets))
        ]
        chosen, offsets, logits = (np.concatenate(column) for column in zip(*parts, strict=True))
        with stage("update"):
            scale = np.array(self.search.scales, np.float32)[chosen]
            cell = (areas[:, 2] - areas[:, 0]) * scale * (GEOMETRY.stride / config.search)
            boxes = targets.displace(offsets * cell[:, None], 1 - damping + damping * scale)
        return boxes, logits

    def _features(self, frame: Frame, areas: Float32[XYXY, " m"], pixels: int) -> Array:
        """The features of M areas, resized to ``pixels`` x ``pixels``."""
        with stage("crop-and-resize"):
            images = crop_areas(frame.image, areas, pixels)
        with stage("backbone"):
            (features,) = self.network.run("features", images)
        return features

    def _find(
        self, frame: Frame, exemplars: Array, areas: Float32[XYXY, "n s"]
    ) -> list[np.ndarray]:
        """The best scales of N targets, their displacements there in cells, and their log odds."""
        config = self.network.config
        crops = self._features(frame, areas.reshape(-1, 4), config.search)
        settings = self.search.as_arrays(config.score_cells)
        with stage("similarity"):
            answers = self.network.run("compare", exemplars, crops, *settings)
            return [self.network.to_numpy(answer) for answer in answers]
