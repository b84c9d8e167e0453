"""`siammt` and `siammt-w`: the features of the frame once, and all targets in one batch.

SiamMT (3.2, Fig. 4b): the unpadded backbone over the frame, or over the parts of it that hold the
targets; the crop-and-resize of their areas from its features; the pairwise cross-correlation, which
gives their displacement. Their change of size comes from windows of several sizes.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from mvot_plugin.engines.correlation.targets import STAGES, CorrelationTargets
from mvot_plugin.engines.extraction import Extraction, FrameFeatures
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.models.scale_search import DisplacementSearch
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.models.size_search import SizeSearch
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiamMTEngine", "SiamMTTargets"]


@dataclass(frozen=True, kw_only=True, eq=False)
class SiamMTTargets(CorrelationTargets):
    """Targets of SiamMT."""

    sides: Float32[np.ndarray, " n"]
    """The size of each target, in pixels of the frame, when its exemplar was taken."""


@dataclass(frozen=True, kw_only=True)
class SiamMTEngine(NetworkEngine[SiamMTNet, Frame, SiamMTTargets]):
    """A ``SiamMTNet`` as a motion engine.

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
    extraction: Extraction = field(default_factory=Extraction)
    """What the backbone sees of a frame (SiamMT 4.1)."""

    stages: ClassVar[tuple[str, ...]] = STAGES

    @classmethod
    def from_network(cls, network: Any, **fields: Any) -> "SiamMTEngine":
        """The engine of a network; calibrated for SiamMT where the weights are SiamFC's."""
        config = network.config
        calibration = config.frame_calibration or config.calibration
        return super().from_network(network, **{"calibration": calibration, **fields})

    def _no_targets(self) -> SiamMTTargets:
        boxes = np.zeros((0, 4), np.float32)
        exemplars = self.network.empty_exemplars()
        return SiamMTTargets(boxes=boxes, exemplars=exemplars, sides=size(boxes))

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> SiamMTTargets:
        bins = self.network.exemplar_cells
        areas = self.network.areas(boxes, bins)
        features = self._extract(observation, all_boxes, areas, bins)
        exemplars = self._crop(features, areas, bins)
        return SiamMTTargets(boxes=boxes, exemplars=exemplars, sides=size(boxes))

    def _search(
        self, observation: Frame, targets: SiamMTTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        bins = self.network.search_cells
        areas = self.network.areas(targets.boxes, bins)
        features = self._extract(observation, targets.boxes, areas, bins)
        parts = [self._find(features, targets[rows]) for rows in self._batches(len(targets))]
        shift, growth, logits = zip(*parts, strict=True)
        boxes = targets.displace(np.concatenate(shift), np.concatenate(growth))
        return boxes, torch.cat(logits).cpu().numpy()

    def _extract(
        self,
        frame: Frame,
        boxes: Float32[XYXY, " n"],
        areas: Float32[XYXY, " m"],
        bins: int,
    ) -> FrameFeatures:
        """The features of a frame, rescaled for targets in ``boxes``, where ``areas`` need them."""
        grid = self.extraction.choose_grid(self.network, frame.size, boxes)
        return self.extraction.extract(self.network, frame, grid, areas, bins)

    def _crop(
        self, features: FrameFeatures, areas: Float32[XYXY, "*n"], bins: int
    ) -> Float[Tensor, "m bins bins c"]:
        """The features of all areas of the frame, resized to ``bins`` x ``bins``."""
        scaled = features.scale(areas)
        with stage("crop-and-resize"):
            return self.network.crop(features.table, scaled, bins)

    def _find(
        self, features: FrameFeatures, targets: SiamMTTargets
    ) -> tuple[Float32[np.ndarray, "n 2"], Float32[np.ndarray, " n"], Float[Tensor, " n"]]:
        """The displacement in pixels, the growth, and the log odds of one batch of targets."""
        network = self.network
        areas = network.areas(targets.boxes, network.search_cells)
        crops = self._crop(features, areas, network.search_cells)
        with stage("similarity"):
            maps = network.compare(crops[:, None], targets.exemplars)[:, 0]
        with stage("upsampling"):
            maps = self.search.upsample(maps)
        with stage("update"):
            displacements = self.search.locate(maps)
        offsets = displacements.offsets.cpu().numpy()
        cell = (areas[:, 2:3] - areas[:, 0:1]) / network.search_cells
        growth = self._measure_growth(features, targets, offsets, cell)
        return offsets * cell, growth, displacements.logits

    def _measure_growth(
        self,
        features: FrameFeatures,
        targets: SiamMTTargets,
        offsets: Float32[np.ndarray, "n 2"],
        cell: Float32[np.ndarray, "n 1"],
    ) -> Float32[np.ndarray, " n"]:
        """How many times as large each target is as it was, ``offsets`` cells from its last box.

        Windows of several sizes are compared there, or as near as they lie within the search area,
        beyond which there are no features. A ``cell`` is in pixels.
        """
        network, sizes = self.network, self.sizes.sizes
        inside = (network.search_cells - network.window_cells * max(sizes)) / 2
        near = np.tile(offsets.clip(-inside, inside) * cell, 2)
        windows = scale_areas(network.areas(targets.boxes + near, network.window_cells), sizes)
        crops = self._crop(features, windows, network.window_cells)
        crops = crops.view(len(targets), len(sizes), *crops.shape[1:])
        with stage("similarity"):
            similarity = network.similarity(crops, targets.exemplars)
        with stage("update"):
            return self.sizes.estimate_growth(
                similarity, np.log(size(targets.boxes) / targets.sides)
            )
