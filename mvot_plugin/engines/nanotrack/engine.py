"""`nanotrack`: NanoTrack v2 for all targets of a frame together.

Each target keeps its exemplar from an image of its own, as in training. Its search area is cut out
of the features of a part of the frame that several targets share, or is an image of its own where
that costs less. All search areas go through the head in batches.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from jaxtyping import Float, Float32

from mvot_plugin.engines.extraction import Extraction, choose_octaves, octave_factors
from mvot_plugin.engines.nanotrack.selection import Selection
from mvot_plugin.engines.nanotrack.targets import NanoTrackTargets
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.ops.areas import context_side, square_areas
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.ops.images import crop_areas
from mvot_plugin.rows import concatenate
from mvot_plugin.runtimes.base import Array
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["NanoTrackEngine"]


@dataclass(frozen=True, kw_only=True)
class NanoTrackEngine(NetworkEngine[Frame, NanoTrackTargets]):
    """NanoTrack's networks as a motion engine; the observation of a frame is the frame itself."""

    extraction: Extraction = field(default_factory=Extraction)
    """How the features of search areas are computed."""
    selection: Selection = field(default_factory=Selection)
    """How one box is chosen for each target."""
    slack: float = 0.1
    """Half octaves by which a target may outgrow its scale before it changes to another."""

    stages: ClassVar[tuple[str, ...]] = ("crop-and-resize", "backbone", "head", "decode")

    def _no_targets(self) -> NanoTrackTargets:
        boxes, octaves = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        side = self.network.config.exemplar
        (features,) = self.network.run("features", np.zeros((1, side, side, 3), np.uint8))
        (kernels,) = self.network.run("enroll", features)
        return NanoTrackTargets(boxes=boxes, exemplars=kernels[:0], octaves=octaves)

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> NanoTrackTargets:
        network, config = self.network, self.network.config
        areas = square_areas(boxes, context_side(boxes, config.context))
        images = crop_areas(observation.image, areas, config.exemplar)
        batches = [(images[rows],) for rows in self._batches(len(boxes))]
        kernels = [one for (one,) in network.map("enroll", network.map("features", batches))]
        octaves = choose_octaves(areas[:, 2] - areas[:, 0], float(config.exemplar))
        return NanoTrackTargets(boxes=boxes, exemplars=concatenate(kernels), octaves=octaves)

    def _search(
        self, observation: Frame, targets: NanoTrackTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        config = self.network.config
        sides = context_side(targets.boxes, config.context)
        unit = (sides / config.exemplar).astype(np.float32)[:, None]
        octaves = choose_octaves(sides, float(config.exemplar), targets.octaves, self.slack)
        squares = self._search_squares(targets.last[:, :2], unit)
        factors = octave_factors(octaves)
        crops = self.extraction.extract(
            self.network, config.geometry, observation, squares, factors, config.cells
        )
        with stage("decode"):
            masks = self._mask_distractors(targets, squares, observation.size)
        found, logits = self._find(targets, crops, targets.last[:, 2:] / unit, masks)
        boxes = found * unit
        boxes[:, :2] += targets.last[:, :2]
        return boxes, logits

    def _search_squares(
        self, centres: Float32[np.ndarray, "n 2"], unit: Float32[np.ndarray, "n 1"]
    ) -> Float32[XYXY, " n"]:
        """The squares whose bins are the cells of NanoTrack's search images.

        Cell i of such an image is centred i strides and half a pixel from its edge, and the target
        as many pixels from there as its exemplar's image has. A ``unit`` is a pixel of the image,
        in pixels of the frame.
        """
        config = self.network.config
        corners = centres - (config.exemplar + config.stride / 2) * unit
        return np.concatenate([corners, corners + config.cells * config.stride * unit], axis=1)

    def _mask_distractors(
        self, targets: NanoTrackTargets, squares: Float32[XYXY, " n"], size: tuple[int, int]
    ) -> Float32[np.ndarray, "n k k"] | None:
        """Where other targets are not, at each cell of the search areas; None for one target."""
        if len(targets) == 1 or self.selection.distractor == 0:
            return None
        areas = square_areas(targets.boxes, squares[:, 2] - squares[:, 0])
        cells, scale = self.network.config.cells, self.selection.distractor_scale
        return distractor_masks(areas, size, cells=cells, scale=scale, squares=squares)

    def _find(
        self,
        targets: NanoTrackTargets,
        crops: Array,
        last: Float32[np.ndarray, "n 2"],
        masks: Float32[np.ndarray, "n k k"] | None,
    ) -> tuple[Float32[CXCYWH, " n"], Float32[np.ndarray, " n"]]:
        """Boxes in pixels of the search areas, from their middles, and logits."""
        network = self.network
        batches = [(targets.exemplars[rows], crops[rows]) for rows in self._batches(len(targets))]
        with stage("head"):
            answers = network.map("compare", batches)
        with stage("decode"):
            logits, distances = (
                np.concatenate([network.to_numpy(part) for part in column])
                for column in zip(*answers, strict=True)
            )
            stride = network.config.stride
            return self.selection.select(logits, distances, last, stride, masks)
