"""`siammotion`: all targets of a frame in one batched pass of a Siamese network.

SiamMOTION (Section 3, Fig. 2): the frame's features once; each target's search area, about its last
box or where it is expected, cropped from them; attention; PD-RPN; the multi-object penalisation.
"""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from mvot_plugin.engines.calibration import log_odds
from mvot_plugin.engines.network import NetworkEngine
from mvot_plugin.engines.siammotion.targets import SiamMotionObservation, SiamMotionTargets
from mvot_plugin.models.attention import Exemplars
from mvot_plugin.models.penalisation import Penalisation
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.ops.areas import scale_areas
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, xyxy_to_cxcywh
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.ops.images import normalize_images
from mvot_plugin.ops.roi import FeatureTable
from mvot_plugin.timing import stage
from mvot_plugin.types import CXCYWH, XYXY, Frame

__all__ = ["SiamMotionEngine"]

LARGEST_STRIDE = 16
"""Pixels between the cells of the backbone's last level."""
SIZE_DAMPING = 0.35
"""Weight of a new size; with the paper's 0.18, boxes lag behind targets that come nearer."""
LARGEST_SHIFT, LARGEST_GROWTH = 0.25, 0.5
"""The largest shift, in sides of the box, and growth (logarithm) that count as a bias. Beyond, the
network did not find the target where it was enrolled, and its bias is unknown."""


@dataclass(frozen=True, kw_only=True)
class SiamMotionEngine(NetworkEngine[SiamMotionNet, SiamMotionObservation, SiamMotionTargets]):
    """A ``SiamMotionNet`` as a motion engine."""

    penalisation: Penalisation = field(
        default_factory=lambda: Penalisation(size_damping=SIZE_DAMPING)
    )
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
    slack: float = 1.0
    """Octaves by which a target may outgrow its exemplar's pyramid level before it is searched for
    on another: features of two levels compare badly."""

    stages: ClassVar[tuple[str, ...]] = (
        *("level 1", "level 2", "level 3", "level 4"),
        *("pyramid", "crop", "attention", "head", "penalise", "decode"),
    )

    @classmethod
    def from_network(cls, network: Any, **fields: Any) -> "SiamMotionEngine":
        """The engine of a network; without multi-object penalties where its config has none."""
        engine = super().from_network(network, **fields)
        if network.config.penalties:
            return engine
        return replace(engine, penalisation=engine.penalisation.single_object())

    def _observe(self, frame: Frame) -> SiamMotionObservation:
        """The backbone's features of a frame, padded to whole cells at the right and bottom."""
        weight = next(self.network.backbone.parameters())
        pixels = torch.from_numpy(np.ascontiguousarray(frame.image)).to(weight.device)
        width, height = frame.size
        below, right = -height % LARGEST_STRIDE, -width % LARGEST_STRIDE
        image = F.pad(normalize_images(pixels[None]).to(weight.dtype), (0, right, 0, below))
        return SiamMotionObservation(features=self.network.features(image), size=frame.size)

    def _no_targets(self) -> SiamMotionTargets:
        boxes, levels = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        return self._new_targets(boxes, self.network.empty_exemplars(), levels)

    def _enroll(
        self,
        observation: SiamMotionObservation,
        boxes: Float32[XYXY, " n"],
        all_boxes: Float32[XYXY, " m"],
    ) -> SiamMotionTargets:
        """New targets with exemplars from the areas of Eq. 6."""
        network, bins = self.network, self.network.config.exemplar_kept
        areas = network.exemplar_areas(boxes)
        levels = network.levels(network.search_areas(boxes))
        table = network.feature_table(observation.features, areas, levels, bins)
        exemplars = network.enroll(network.crop(table, areas, levels, bins))
        targets = self._new_targets(boxes, exemplars, levels)
        if not self.correct_bias:
            return targets
        return replace(targets, bias=self._measure_bias(observation, targets))

    def _new_targets(
        self, boxes: Float32[XYXY, " n"], exemplars: Exemplars, levels: Int64[np.ndarray, " n"]
    ) -> SiamMotionTargets:
        """Targets without a bias, at rest in their boxes."""
        history = np.repeat(xyxy_to_cxcywh(boxes)[:, None], self.network.config.known, axis=1)
        return SiamMotionTargets(
            boxes=boxes,
            exemplars=exemplars,
            levels=levels,
            bias=np.zeros_like(boxes),
            history=history,
            known=np.ones(len(boxes), np.int64),
        )

    def _measure_bias(
        self, observation: SiamMotionObservation, targets: SiamMotionTargets
    ) -> Float32[np.ndarray, "n 4"]:
        """The deviation of boxes found for new targets from their own; 0 where it is too large."""
        undamped = replace(self, penalisation=replace(self.penalisation, size_damping=np.inf))
        enrolled = targets.last
        found, _ = undamped._find(observation, targets, enrolled, targets.levels)
        shift = (found[:, :2] - enrolled[:, :2]) / enrolled[:, 2:]
        growth = np.log(found[:, 2:] / enrolled[:, 2:])
        near = (np.abs(shift) < LARGEST_SHIFT).all(1) & (np.abs(growth) < LARGEST_GROWTH).all(1)
        return np.where(near[:, None], np.concatenate([shift, growth], axis=1), 0)

    def _search(
        self, observation: SiamMotionObservation, targets: SiamMotionTargets
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        expected = self._predict(targets) if self.anticipate else targets.last
        areas = self.network.search_areas(cxcywh_to_xyxy(expected))
        levels = self.network.update_levels(areas, targets.levels, self.slack)
        return self._find(observation, targets, expected, levels)

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
        inertia, last = self.network.inertia, targets.last
        if inertia is None or self.stand_in == "last box":
            return last
        if self.stand_in == "velocity":
            return targets.extrapolate()
        predicted = inertia(torch.from_numpy(np.ascontiguousarray(targets.history))).numpy()
        return np.where(targets.known[:, None] >= inertia.known, predicted, last)

    def _find(
        self,
        observation: SiamMotionObservation,
        targets: SiamMotionTargets,
        expected: Float32[CXCYWH, " n"],
        levels: Int64[np.ndarray, " n"],
    ) -> tuple[Float32[CXCYWH, " n"], Float[np.ndarray, " n"]]:
        """The boxes found on pyramid ``levels`` in search areas about ``expected``; log odds."""
        network, config, bias = self.network, self.network.config, targets.bias
        areas = network.search_areas(cxcywh_to_xyxy(expected))
        unit = (areas[:, 2:3] - areas[:, 0:1]) / config.canonical_side
        scaled = scale_areas(areas, config.search_scales)
        repeated = levels.repeat(scaled.shape[1])
        with stage("pyramid"):
            table = network.feature_table(
                observation.features, scaled.reshape(-1, 4), repeated, config.search_bins
            )
        device = targets.exemplars.own.device
        sizes = torch.as_tensor(targets.last[:, 2:] * np.exp(bias[:, 2:]) / unit, device=device)
        masks = self._mask_distractors(areas, observation.size, device)
        parts = [
            self._compare(
                table,
                targets.exemplars[rows],
                scaled[rows],
                levels[rows],
                sizes[rows],
                None if masks is None else masks[rows],
            )
            for rows in self._batches(len(targets))
        ]
        found = torch.cat(parts).cpu().numpy()
        boxes = found[:, :4] * unit
        boxes[:, 2:] /= np.exp(bias[:, 2:])
        boxes[:, :2] += expected[:, :2] - bias[:, :2] * boxes[:, 2:]
        return boxes, log_odds(found[:, 4])

    def _mask_distractors(
        self, areas: Float32[XYXY, " n"], size: tuple[int, int], device: torch.device
    ) -> Float[Tensor, "n h w"] | None:
        """Where other targets are in each search area (Eqs. 4 and 5); None if without influence."""
        if self.penalisation.distractor == 0:
            return None
        cells, scale = self.network.config.score_cells, self.penalisation.distractor_scale
        return distractor_masks(areas, size, cells=cells, scale=scale, device=device)

    def _compare(
        self,
        table: FeatureTable,
        exemplars: Exemplars,
        areas: Float32[XYXY, "n s"],
        levels: Int64[np.ndarray, " n"],
        last: Float[Tensor, "n 2"],
        masks: Float[Tensor, "n h w"] | None,
    ) -> Float[Tensor, "n 5"]:
        """Box (cx, cy, w, h) in canonical pixels, and score, of one batch of targets."""
        network, repeated = self.network, levels.repeat(areas.shape[1])
        with stage("crop"):
            crops = network.crop(table, areas.reshape(-1, 4), repeated, network.config.search_bins)
        proposals = network.compare(exemplars, crops, last)
        with stage("decode"):
            boxes, scores = self.penalisation.select(proposals, last, masks)
        return torch.cat([boxes, scores[:, None]], dim=1)
