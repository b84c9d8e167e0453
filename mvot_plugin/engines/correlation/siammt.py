"""`siammt` and `siammt-w`: the features of the frame once, and all targets in one batch.

SiamMT (3.2, Fig. 4b): the unpadded backbone over the parts of the frame that hold the targets; the
crop-and-resize of their areas from its features; the pairwise cross-correlation, which gives their
displacement. Their change of size comes from windows of several sizes.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.engines.correlation.extraction import FrameFeatures, FrameScale
from mvot_plugin.engines.correlation.scale_search import DisplacementSearch
from mvot_plugin.engines.correlation.size_search import SizeSearch
from mvot_plugin.engines.correlation.targets import STAGES, CorrelationTargets
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.rows import concatenate
from mvot_plugin.runtimes.base import Network
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiamMTEngine", "SiamMTTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SiamMTTargets(CorrelationTargets):
    """Targets of SiamMT."""

    sides: Float32[np.ndarray, " n"]
    """The size of each target, in pixels of the frame, when its exemplar was taken."""


@dataclass(frozen=True, kw_only=True)
class SiamMTEngine(NetworkEngine[Frame, SiamMTTargets]):
    """SiamFC's network on whole frames, as a motion engine.

    The observation of a frame is the frame itself: its features depend on where its targets are,
    and how large.
    """

    search: DisplacementSearch = field(default_factory=lambda: DisplacementSearch(window=0.3))
    """How displacement is read off score maps.

    The window weighs more than SiamFC's, as search areas are larger.
    """
    sizes: SizeSearch = field(default_factory=SizeSearch)
    """How a change of size is measured.

    The paper tries search areas of three scales. Their scores grow with the smoothness of features
    that are enlarged, and hardly depend on the size of the target.
    """
    scale: FrameScale = field(default_factory=FrameScale)
    """How a frame is rescaled for its targets (SiamMT 4.1)."""

    stages: ClassVar[tuple[str, ...]] = STAGES

    @classmethod
    def from_network(cls, network: Network, **fields: Any) -> "SiamMTEngine":
        """The engine of a network; calibrated for SiamMT where the weights are SiamFC's."""
        config = network.config
        calibration = config.frame_calibration or config.calibration
        return super().from_network(network, **{"calibration": calibration, **fields})

    def _no_targets(self) -> SiamMTTargets:
        boxes, side = np.zeros((0, 4), np.float32), self.network.config.exemplar
        (exemplars,) = self.network.run("features", np.zeros((0, side, side, 3), np.uint8))
        return SiamMTTargets(boxes=boxes, exemplars=exemplars, sides=size(boxes))

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> SiamMTTargets:
        config, bins = self.network.config, self.network.config.exemplar_cells
        factor = self.scale.choose(config, observation.size, all_boxes)
        areas = config.cell_areas(boxes, bins)
        features = FrameFeatures.extract(self.network, observation, factor, areas, bins)
        parts = [features.crop(rows, areas[rows, None], bins) for rows in self._batches(len(boxes))]
        return SiamMTTargets(boxes=boxes, exemplars=concatenate(parts), sides=size(boxes))

    def _search(
        self, observation: Frame, targets: SiamMTTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        config, bins = self.network.config, self.network.config.search_cells
        factor = self.scale.choose(config, observation.size, targets.boxes)
        areas = config.cell_areas(targets.boxes, bins)
        features = FrameFeatures.extract(self.network, observation, factor, areas, bins)
        parts = [
            self._find(features, rows, targets[rows], areas[rows])
            for rows in self._batches(len(targets))
        ]
        shift, growth, logits = (np.concatenate(column) for column in zip(*parts, strict=True))
        return targets.displace(shift, growth), logits

    def _find(
        self,
        features: FrameFeatures,
        rows: slice,
        targets: SiamMTTargets,
        areas: Float32[XYXY, " n"],
    ) -> tuple[Float32[np.ndarray, "n 2"], Float32[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """The displacement in pixels, the growth, and the log odds of N targets.

        Args:
            features: Of the frame.
            rows: Which of those that the features are for the targets are.
            targets: The targets.
            areas: Their search areas.
        """
        network, config = self.network, self.network.config
        crops = features.crop(rows, areas[:, None], config.search_cells)
        settings = self.search.as_arrays(config.score_cells)
        with stage("similarity"):
            _, *answers = network.run("compare", targets.exemplars, crops, *settings)
            offsets, logits = (network.to_numpy(answer) for answer in answers)
        cell = (areas[:, 2:3] - areas[:, 0:1]) / config.search_cells
        growth = self._measure_growth(features, rows, targets, offsets, cell)
        return offsets * cell, growth, logits

    def _measure_growth(
        self,
        features: FrameFeatures,
        rows: slice,
        targets: SiamMTTargets,
        offsets: Float32[np.ndarray, "n 2"],
        cell: Float32[np.ndarray, "n 1"],
    ) -> Float32[np.ndarray, " n"]:
        """How many times as large each target is as it was, ``offsets`` cells from its last box.

        Windows of several sizes are compared there, or as near as they lie within the search area,
        beyond which there are no features. A ``cell`` is in pixels.
        """
        network, config, sizes = self.network, self.network.config, self.sizes.sizes
        inside = (config.search_cells - config.window_cells * max(sizes)) / 2
        near = np.tile(offsets.clip(-inside, inside) * cell, 2)
        windows = scale_areas(config.cell_areas(targets.boxes + near, config.window_cells), sizes)
        crops = features.crop(rows, windows, config.window_cells)
        with stage("similarity"):
            (answer,) = network.run("similarity", targets.exemplars, crops)
            similarity = network.to_numpy(answer)
        with stage("update"):
            grown = np.log(size(targets.boxes) / targets.sides)
            return self.sizes.estimate_growth(similarity, grown)
