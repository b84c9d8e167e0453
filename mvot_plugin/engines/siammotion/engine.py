"""`siammotion`: all targets of a frame in one batched pass of a Siamese network.

SiamMOTION (Section 3, Fig. 2): the features of the frame where its targets are; each target's
search area, about its last box or where it is expected, cropped from them; attention; PD-RPN; the
multi-object penalisation.
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Float32, Int64

from mvot_plugin.engines.calibration import log_odds
from mvot_plugin.engines.extraction import Extraction, choose_octaves, octave_factors
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.engines.siammotion.penalisation import Penalisation
from mvot_plugin.engines.siammotion.targets import SiamMotionTargets
from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.ops.exclusivity import find_intruders
from mvot_plugin.runtimes.base import Array, Network
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiamMotionEngine"]

NO_DAMPING = 1e9
"""A weight of a new size with which it replaces the last one."""
LARGEST_SHIFT, LARGEST_GROWTH = 0.25, 0.5
"""The largest shift, in sides of the box, and growth (logarithm) that count as a bias. Beyond, the
network did not find the target where it was enrolled, and its bias is unknown."""

INTRUSION = 4.0
"""By how much the log odds of a target fall that is found in another one's place."""


@dataclass(frozen=True, kw_only=True)
class SiamMotionEngine(NetworkEngine[Frame, SiamMotionTargets]):
    """SiamMOTION as a motion engine; the observation of a frame is the frame itself."""

    extraction: Extraction = field(default_factory=Extraction)
    """How the features of search areas are computed."""
    penalisation: Penalisation = field(default_factory=Penalisation)
    """How one box is chosen among a target's proposals (SiamMOTION 3.3.2)."""
    confidence: float = 0.3
    """The score, in 0..1, below which the ``stand_in`` replaces the box that was found."""
    stand_in: Literal["velocity", "inertia", "last box"] = "velocity"
    """How a target's box is predicted: by its mean velocity, by the network's inertia module as in
    the paper (3.2.2), or as the last box. A network without inertia always predicts the last box.
    """
    anticipate: bool = False
    """Whether search areas are centred on the predicted box, as in the paper, or on the last one.

    The last box proved better in measurements: predictions are poor where the camera shakes.
    """
    correct_bias: bool = True
    """Whether a target's bias is measured when it is enrolled, and subtracted on later frames.

    To measure it, the target is searched for on the frame that it is enrolled on, where its box is
    known. If the network finds a taller box there, it does so on later frames, too, and the error
    would add up.
    """
    exclusive: float = 0.0
    """The IoU from which on two targets are found in the same place, which the surer one keeps.

    The other one counts as hidden: its score falls, and the ``stand_in`` replaces its box. At 0,
    targets may share a place.
    """
    slack: float = 0.3
    """Half octaves by which a target may outgrow its scale before it changes to another."""

    stages: ClassVar[tuple[str, ...]] = ("crop-and-resize", "backbone", "head", "decode")

    @classmethod
    def from_network(cls, network: Network, **fields: Any) -> "SiamMotionEngine":
        """The engine of a network, with the settings that suit it, as its config says."""
        config = network.config
        penalisation = Penalisation(**config.penalisation)
        suited = {"penalisation": penalisation, "exclusive": config.exclusive}
        if not config.penalties:
            suited = {"penalisation": penalisation.single_object(), "exclusive": 0.0}
        return super().from_network(network, **{**suited, **fields})

    def _no_targets(self) -> SiamMotionTargets:
        config = self.network.config
        kept = config.exemplar_kept
        crops = np.zeros((1, kept, kept, config.width), np.float32)
        boxes, octaves = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        return self._new_targets(boxes, self._enroll_crops(crops)[:0], octaves)

    def _enroll(
        self, observation: Frame, boxes: Float32[XYXY, " n"], all_boxes: Float32[XYXY, " m"]
    ) -> SiamMotionTargets:
        """New targets; the exemplars are the middles of their search areas (Eq. 6).

        Both areas have the same middle and, at any scale, the same resolution.
        """
        config = self.network.config
        areas = config.search_areas(boxes)
        octaves = self._choose_octaves(areas)
        crops = self._extract(observation, areas, octaves)
        scales, border = len(config.search_scales), (config.search_bins - config.exemplar_kept) // 2
        middle = slice(border, border + config.exemplar_kept)
        exemplars = self._enroll_crops(crops[scales // 2 :: scales, middle, middle])
        targets = self._new_targets(boxes, exemplars, octaves)
        if not self.correct_bias:
            return targets
        return replace(targets, bias=self._measure_bias(observation, targets, crops))

    def _enroll_crops(self, crops: Array) -> Exemplars:
        batches = [(crops[rows],) for rows in self._batches(len(crops))]
        parts = [
            Exemplars(**dict(zip(("own", "value", "mask"), arrays, strict=False)))
            for arrays in self.network.map("enroll", batches)
        ]
        return Exemplars.cat(parts)

    def _new_targets(
        self, boxes: Float32[XYXY, " n"], exemplars: Exemplars, octaves: Int64[np.ndarray, " n"]
    ) -> SiamMotionTargets:
        """Targets without a bias, at rest in their boxes."""
        history = np.repeat(xyxy_to_cxcywh(boxes)[:, None], self.network.config.known, axis=1)
        return SiamMotionTargets(
            boxes=boxes,
            exemplars=exemplars,
            octaves=octaves,
            bias=np.zeros_like(boxes),
            history=history,
            known=np.ones(len(boxes), np.int64),
        )

    def _measure_bias(
        self, observation: Frame, targets: SiamMotionTargets, crops: Array
    ) -> Float32[np.ndarray, "n 4"]:
        """The deviation of boxes found for new targets from their own; 0 where it is too large."""
        undamped = replace(self, penalisation=replace(self.penalisation, size_damping=NO_DAMPING))
        enrolled = targets.last
        found, _ = undamped._find(observation, targets, enrolled, crops)
        shift = (found[:, :2] - enrolled[:, :2]) / enrolled[:, 2:]
        growth = np.log(found[:, 2:] / enrolled[:, 2:])
        near = (np.abs(shift) < LARGEST_SHIFT).all(1) & (np.abs(growth) < LARGEST_GROWTH).all(1)
        return np.where(near[:, None], np.concatenate([shift, growth], axis=1), 0)

    def _search(
        self, observation: Frame, targets: SiamMotionTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        expected = self._predict(targets) if self.anticipate else targets.last
        areas = self.network.config.search_areas(cxcywh_to_xyxy(expected))
        octaves = self._choose_octaves(areas, targets.octaves)
        crops = self._extract(observation, areas, octaves)
        found, odds = self._find(observation, targets, expected, crops)
        if self.exclusive:
            boxes = cxcywh_to_xyxy(found)
            is_intruder = find_intruders(boxes, targets.boxes, odds, self.exclusive)
            odds = np.where(is_intruder, odds - INTRUSION, odds)
        return found, odds

    def _choose_boxes(
        self,
        targets: SiamMotionTargets,
        found: Float32[CXCYWH, " n"],
        scores: Float32[np.ndarray, " n"],
    ) -> Float32[CXCYWH, " n"]:
        """The boxes found, or those expected where the scores are low."""
        return np.where((scores >= self.confidence)[:, None], found, self._predict(targets))

    def _predict(self, targets: SiamMotionTargets) -> Float32[CXCYWH, " n"]:
        """Where the targets are expected: in the last box until more is known."""
        config, last = self.network.config, targets.last
        if not config.inertia or self.stand_in == "last box":
            return last
        if self.stand_in == "velocity":
            return targets.extrapolate()
        (predicted,) = self.network.run("predict", targets.history)
        is_known = targets.known[:, None] >= config.known
        return np.where(is_known, self.network.to_numpy(predicted), last)

    def _choose_octaves(
        self, areas: Float32[XYXY, " n"], last: Int64[np.ndarray, " n"] | None = None
    ) -> Int64[np.ndarray, " n"]:
        """The scale on which each search area is nearest to its side; the last if near enough."""
        config = self.network.config
        side = float(config.tracking_side)
        return choose_octaves(areas[:, 2] - areas[:, 0], side, last, self.slack)

    def _extract(
        self, observation: Frame, areas: Float32[XYXY, " n"], octaves: Int64[np.ndarray, " n"]
    ) -> Array:
        """The features of the areas at all of the config's scales, one target after another."""
        config = self.network.config
        scaled = scale_areas(config.sampled_areas(areas), config.search_scales)
        return self.extraction.extract(
            self.network,
            config.geometry,
            observation,
            scaled.reshape(-1, 4),
            octave_factors(octaves).repeat(scaled.shape[1]),
            config.search_bins,
            config.tracking_side,
        )

    def _find(
        self,
        observation: Frame,
        targets: SiamMotionTargets,
        expected: Float32[CXCYWH, " n"],
        crops: Array,
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        """The boxes found in search areas about the ``expected`` boxes, and their log odds."""
        config, bias = self.network.config, targets.bias
        areas = config.search_areas(cxcywh_to_xyxy(expected))
        unit = (areas[:, 2:3] - areas[:, 0:1]) / np.float32(config.canonical_side)
        last = targets.last[:, 2:] * np.exp(bias[:, 2:]) / unit
        with stage("decode"):
            masks = self._mask_distractors(areas, observation.size)
        found, scores, shapes = self._compare(targets.exemplars, crops, last, masks)
        size = self.penalisation.damp_sizes(found[:, 2:], last, scores, shapes)
        boxes = np.concatenate([found[:, :2], size], axis=1) * unit
        boxes[:, 2:] /= np.exp(bias[:, 2:])
        boxes[:, :2] += expected[:, :2] - bias[:, :2] * boxes[:, 2:]
        return boxes, log_odds(scores)

    def _mask_distractors(
        self, areas: Float32[XYXY, " n"], size: tuple[int, int]
    ) -> Float32[np.ndarray, "n k k"]:
        """Where other targets are not, in each search area (Eqs. 4 and 5)."""
        cells = self.network.config.score_cells
        if self.penalisation.distractor == 0:
            return np.ones((len(areas), cells, cells), np.float32)
        scale = self.penalisation.distractor_scale
        squares = self.network.config.sampled_areas(areas)
        return distractor_masks(areas, size, cells=cells, scale=scale, squares=squares)

    def _compare(
        self,
        exemplars: Exemplars,
        crops: Array,
        last: Float32[np.ndarray, "n 2"],
        masks: Float32[np.ndarray, "n k k"],
    ) -> tuple[Float32[CXCYWH, " n"], Float32[np.ndarray, " n"], Float32[np.ndarray, " n"]]:
        """Boxes in canonical pixels, scores and shape penalties, in batches of targets."""
        scales, settings = len(self.network.config.search_scales), self.penalisation.as_array()
        batches = []
        for rows in self._batches(len(last)):
            part, areas = exemplars[rows], slice(rows.start * scales, rows.stop * scales)
            cached = part.own, part.value, part.mask
            batches.append((*cached, crops[areas], last[rows], masks[rows], settings))
        with stage("head"):
            answers = self.network.map("compare", batches)
        boxes, scores, shapes = (
            np.concatenate([self.network.to_numpy(part) for part in column])
            for column in zip(*answers, strict=True)
        )
        return boxes, scores, shapes
