"""`siammot-emm`, `siammot-imm`, `imsiam`: all targets of a frame in batches.

The papers' networks, each with its own comparison and its own choice of a box
(``mvot_plugin/models/``), see the same here: the features of the frame where its targets are, and
each target's search area, about its last box, cut out of them. Templates are those of the last
detection, not of the last frame as of SiamMOT, whose detector corrects every frame. IMSiam and
SiamAttn follow single objects; that all of a frame share its features is our addition.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.engines.extraction import Extraction, choose_octaves, octave_factors
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.engines.siamese.targets import SiameseTargets
from mvot_plugin.models.siamese.templates import Templates
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.runtimes.base import Array, Network
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiameseEngine"]


@dataclass(frozen=True, kw_only=True)
class SiameseEngine(NetworkEngine[Frame, SiameseTargets]):
    """A ``SiameseNet`` as a motion engine; the observation of a frame is the frame itself."""

    extraction: Extraction = field(default_factory=Extraction)
    """How the features of search areas are computed; those of SiamMOT are no squares, and can only
    be cut out of parts of the frame."""
    confidence: float = 0.0
    """The score, in 0..1, below which a target keeps its last box."""
    slack: float = 0.3
    """Half octaves by which a target may outgrow its scale before it changes to another."""

    stages: ClassVar[tuple[str, ...]] = ("crop-and-resize", "backbone", "head")

    @classmethod
    def from_network(cls, network: Network, **fields: Any) -> "SiameseEngine":
        """The engine of a network, with the settings of its config."""
        config = network.config
        extraction = Extraction(way="auto" if config.has_squares else "parts")
        suited = {"confidence": config.confidence, "extraction": extraction}
        return super().from_network(network, **{**suited, **fields})

    def _no_targets(self) -> SiameseTargets:
        bins, side = self.network.config.search_bins, 2 * self.network.config.canonical_side
        image = np.zeros((1, side, side, 3), np.uint8)
        (features,) = self.network.run("features", image)
        boxes = np.array([[0, 0, 1, 1]], np.float32)
        enrolled = self._enroll_crops(features[:, :bins, :bins], self._canonical_sizes(boxes))
        octaves = np.zeros(1, np.int64)
        return SiameseTargets(boxes=boxes, exemplars=enrolled, octaves=octaves)[:0]

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> SiameseTargets:
        """New targets, from the features of their search areas."""
        return self._enroll_areas(observation, boxes)[0]

    def _enroll_areas(
        self, observation: Frame, boxes: Float32[XYXY, " n"]
    ) -> tuple[SiameseTargets, Array]:
        """New targets, and the features of their search areas."""
        octaves = self._choose_octaves(boxes)
        crops = self._extract(observation, boxes, octaves)
        exemplars = self._enroll_crops(crops, self._canonical_sizes(boxes))
        return SiameseTargets(boxes=boxes, exemplars=exemplars, octaves=octaves), crops

    def _enroll_crops(self, crops: Array, sizes: Float32[np.ndarray, "n 2"]) -> Templates:
        takes = self.network.config.enrolls_sizes
        batches = [
            (crops[rows], sizes[rows] if takes else None) for rows in self._batches(len(sizes))
        ]
        return Templates.cat([Templates.of(part) for part in self.network.map("enroll", batches)])

    def _search(
        self, observation: Frame, targets: SiameseTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        boxes, log_odds = self._look(observation, targets)
        return boxes, log_odds

    def _choose_boxes(
        self,
        targets: SiameseTargets,
        found: Float32[CXCYWH, " n"],
        scores: Float32[np.ndarray, " n"],
    ) -> Float32[CXCYWH, " n"]:
        """The boxes found, or the last ones where the scores are low (SiamMOT 3.4)."""
        is_found = (scores >= self.confidence)[:, None]
        return np.asarray(np.where(is_found, found, targets.last), np.float32)

    def _look(self, observation: Frame, targets: SiameseTargets) -> Sequence[np.ndarray]:
        """What ``_compare`` says of N > 0 targets on a frame."""
        octaves = self._choose_octaves(targets.boxes, targets.octaves)
        return self._compare(targets, self._extract(observation, targets.boxes, octaves))

    def _compare(self, targets: SiameseTargets, crops: Array) -> Sequence[np.ndarray]:
        """The boxes of N > 0 targets as cx, cy, w, h in pixels, log odds, and what else there is.

        That is what the network's function "compare" returns of the features of search areas.
        """
        last = self._canonical_sizes(targets.boxes)
        batches = [
            (*targets.exemplars[rows].arrays, crops[rows], last[rows])
            for rows in self._batches(len(targets))
        ]
        with stage("head"):
            answers = self.network.map("compare", batches)
            found, *others = (
                np.concatenate([self.network.to_numpy(part) for part in column])
                for column in zip(*answers, strict=True)
            )
        unit = self._units(targets.boxes)
        boxes = found * np.tile(unit, 2)
        boxes[:, :2] += targets.last[:, :2]
        return boxes, *others

    def _units(self, boxes: Float32[XYXY, " n"]) -> Float32[np.ndarray, "n 2"]:
        """The width and height in pixels of a canonical pixel of each box's search area."""
        areas = self.network.config.search_areas(boxes)
        side = np.float32(self.network.config.canonical_side)
        return np.asarray((areas[:, 2:] - areas[:, :2]) / side)

    def _canonical_sizes(self, boxes: Float32[XYXY, " n"]) -> Float32[np.ndarray, "n 2"]:
        """The (w, h) of boxes in canonical pixels of their search areas."""
        return np.asarray((boxes[:, 2:] - boxes[:, :2]) / self._units(boxes), np.float32)

    def _choose_octaves(
        self, boxes: Float32[XYXY, " n"], last: Int64[np.ndarray, " n"] | None = None
    ) -> Int64[np.ndarray, " n"]:
        """The scale on which each search area is nearest to its side."""
        width, height = xyxy_to_cxcywh(self.network.config.search_areas(boxes))[:, 2:].T
        side = float(self.network.config.tracking_side)
        return choose_octaves(np.sqrt(width * height), side, last, self.slack)

    def _extract(
        self, observation: Frame, boxes: Float32[XYXY, " n"], octaves: Int64[np.ndarray, " n"]
    ) -> Array:
        """The features of the search areas of boxes."""
        config = self.network.config
        return self.extraction.extract(
            self.network,
            config.geometry,
            observation,
            config.search_areas(boxes),
            octave_factors(octaves),
            config.search_bins,
            config.tracking_side,
        )
