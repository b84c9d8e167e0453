"""`siammotion`: all targets of a frame in one batched pass of a Siamese network.

SiamMOTION (Section 3, Fig. 2): the frame's features once; each target's search area, about its last
box or where it is expected, cropped from them; attention; PD-RPN; the multi-object penalisation.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Int64
from torch import Tensor

from mvot_plugin.engines.base import Motion, as_boxes
from mvot_plugin.engines.scores import certain, log_odds
from mvot_plugin.engines.siammotion_targets import SiamMotionObservation, SiamMotionTargets
from mvot_plugin.models.attention import Exemplars
from mvot_plugin.models.penalisation import Penalisation
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.boxes import cxcywh_to_xyxy, limited, xyxy_to_cxcywh
from mvot_plugin.ops.distractors import distractor_masks
from mvot_plugin.ops.pixels import normalised
from mvot_plugin.ops.roi import Cells
from mvot_plugin.types import Frame, as_frame

__all__ = ["SiamMotionEngine"]

LARGEST_STRIDE = 16
SIZE_DAMPING = 0.35
"""With the paper's 0.18, boxes lag behind what comes nearer."""
LARGEST_SHIFT, LARGEST_GROWTH = 0.25, 0.5
"""Beyond these, a target was not found where it was enrolled, and its bias is not known."""


@dataclass(frozen=True, kw_only=True)
class SiamMotionEngine:
    """A ``SiamMotionNet`` as a motion engine, on the device and in the precision it is in.

    Where a score is below ``confidence``, a prediction stands in for the box: the target's mean
    velocity, or with ``stand_in`` "inertia" that of the network's inertia module, as in the paper.
    With ``anticipate`` the search areas lie about the prediction, too, as in the paper; about the
    last boxes they are placed better, as measured (a camera that shakes makes bad prophets).

    A target is searched for on the pyramid level that its exemplar comes from, until it outgrows
    that by ``slack`` octaves: features of two levels compare badly.

    At most ``batch`` targets are compared at once, which bounds memory and changes no result; few
    are fastest on a CPU, whose caches they fit.

    With ``calibrate``, every target is searched for on the very frame it is enrolled on, where its
    box is known. What the network makes of it there, a taller or a wider box perhaps, it makes of
    it later, too, and so that is taken off; otherwise it would add up from frame to frame.
    """

    network: SiamMotionNet
    penalisation: Penalisation = field(
        default_factory=lambda: Penalisation(size_damping=SIZE_DAMPING)
    )
    confidence: float = 0.3
    stand_in: Literal["velocity", "inertia"] = "velocity"
    anticipate: bool = False
    calibrate: bool = True
    slack: float = 1.0
    batch: int = 16
    trained: bool = False

    def observe(self, frame: Frame | np.ndarray) -> SiamMotionObservation:
        """The backbone's features of the frame."""
        frame = as_frame(frame)
        with torch.inference_mode():
            features = self.network.features(self._normalised(frame.image))
        return SiamMotionObservation(features=features, size=frame.size)

    def enroll(
        self, observation: SiamMotionObservation, boxes: Float32[np.ndarray, "n 4"]
    ) -> SiamMotionTargets:
        """Exemplars (Eq. 6) of (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        history = np.repeat(xyxy_to_cxcywh(boxes)[:, None], self.network.config.known, axis=1)
        exemplars, levels, bias = self._learnt(observation, boxes)
        return SiamMotionTargets(
            boxes=boxes,
            exemplars=exemplars,
            levels=levels,
            bias=bias,
            history=history,
            known=np.ones(len(boxes), np.int64),
        )

    def track(
        self, observation: SiamMotionObservation, targets: SiamMotionTargets
    ) -> tuple[SiamMotionTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,): how surely the target is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        last, predicted = targets.last, self._predict(targets)
        about = predicted if self.anticipate else last
        levels = self._levels(about, targets.levels)
        found, scores = self._search(
            observation, targets.exemplars, levels, about, last, targets.bias
        )
        sure = scores >= self.confidence
        boxes = np.where(sure[:, None], found, predicted)
        boxes = limited(boxes, last, observation.size)
        moved = targets.followed(boxes)
        return moved, Motion(boxes=moved.boxes.copy(), scores=scores)

    def refresh(
        self,
        observation: SiamMotionObservation,
        targets: SiamMotionTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> SiamMotionTargets:
        """Move the N targets to measured (N, 4) ``boxes``, their history with them.

        Where ``appearance`` is true the exemplar is made anew as well.
        """
        boxes = as_boxes(boxes)
        corrected = targets.corrected(boxes)
        if not appearance.any():
            return corrected
        exemplars, levels, bias = self._learnt(observation, boxes[appearance])
        anew = replace(corrected[appearance], exemplars=exemplars, levels=levels, bias=bias)
        return corrected.replaced(appearance, anew)

    def _normalised(self, image: np.ndarray) -> Float[Tensor, "1 3 h w"]:
        """The BGR image as the network takes it, padded to whole cells at the right and bottom."""
        weight = next(self.network.backbone.parameters())
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(weight.device)
        height, width = image.shape[:2]
        below, right = -height % LARGEST_STRIDE, -width % LARGEST_STRIDE
        return F.pad(normalised(pixels[None]).to(weight.dtype), (0, right, 0, below))

    def _exemplars(
        self,
        observation: SiamMotionObservation,
        boxes: Float32[np.ndarray, "n 4"],
        levels: Int64[np.ndarray, " n"],
    ) -> Exemplars:
        network, areas = self.network, self.network.exemplar_areas(boxes)
        kept = network.config.exemplar_kept
        with torch.inference_mode():
            cells = network.cells(observation.features, areas, levels, kept)
            return network.enroll(network.crop(cells, areas, levels, kept))

    def _learnt(
        self, observation: SiamMotionObservation, boxes: Float32[np.ndarray, "n 4"]
    ) -> tuple[Exemplars, Int64[np.ndarray, " n"], Float32[np.ndarray, "n 4"]]:
        """The exemplars of new targets, their levels, and how the network errs in them."""
        levels = self.network.levels(self.network.search_areas(boxes))
        exemplars = self._exemplars(observation, boxes, levels)
        bias = np.zeros_like(boxes)
        if not self.calibrate or not len(boxes):
            return exemplars, levels, bias
        outright = replace(self, penalisation=replace(self.penalisation, size_damping=np.inf))
        true = xyxy_to_cxcywh(boxes)
        found, _ = outright._search(observation, exemplars, levels, true, true, bias)
        shift = (found[:, :2] - true[:, :2]) / true[:, 2:]
        growth = np.log(found[:, 2:] / true[:, 2:])
        right = (np.abs(shift) < LARGEST_SHIFT).all(1) & (np.abs(growth) < LARGEST_GROWTH).all(1)
        bias = np.where(right[:, None], np.concatenate([shift, growth], axis=1), 0)
        return exemplars, levels, bias

    def _levels(
        self, about: Float32[np.ndarray, "n 4"], levels: Int64[np.ndarray, " n"]
    ) -> Int64[np.ndarray, " n"]:
        """The levels that targets of exemplars from ``levels`` are searched on."""
        areas = self.network.search_areas(cxcywh_to_xyxy(about))
        return self.network.steady_levels(areas, levels, self.slack)

    def _predict(self, targets: SiamMotionTargets) -> Float32[np.ndarray, "n 4"]:
        """Where the targets are expected, (cx, cy, w, h): the last box until more is known."""
        inertia, last = self.network.inertia, targets.last
        if inertia is None:
            return last
        if self.stand_in == "velocity":
            return targets.drifted()
        with torch.inference_mode():
            expected = inertia(torch.from_numpy(np.ascontiguousarray(targets.history))).numpy()
        return np.where(targets.known[:, None] >= inertia.known, expected, last)

    def _search(
        self,
        observation: SiamMotionObservation,
        exemplars: Exemplars,
        levels: Int64[np.ndarray, " n"],
        predicted: Float32[np.ndarray, "n 4"],
        last: Float32[np.ndarray, "n 4"],
        bias: Float32[np.ndarray, "n 4"],
    ) -> tuple[Float32[np.ndarray, "n 4"], Float32[np.ndarray, " n"]]:
        """The boxes (cx, cy, w, h) found in the search areas about ``predicted``, and scores.

        ``last`` are the boxes before, and ``bias`` what the network is known to be off by.
        """
        network, config = self.network, self.network.config
        areas = network.search_areas(cxcywh_to_xyxy(predicted))
        unit = (areas[:, 2:3] - areas[:, 0:1]) / config.canonical_side
        scaled = scaled_areas(areas, config.search_scales)
        device = exemplars.own.device
        with torch.inference_mode():
            cells = network.cells(
                observation.features,
                scaled.reshape(-1, 4),
                levels.repeat(scaled.shape[1]),
                config.search_bins,
            )
            sizes = torch.as_tensor(last[:, 2:] * np.exp(bias[:, 2:]) / unit, device=device)
            masks = self._masks(areas, observation.size, device)
            parts = [
                self._compare(cells, exemplars[rows], scaled[rows], levels[rows], sizes[rows], mask)
                for rows, mask in _batches(len(areas), self.batch, masks)
            ]
            found = torch.cat(parts).cpu().numpy()
        boxes = found[:, :4] * unit
        boxes[:, 2:] /= np.exp(bias[:, 2:])
        boxes[:, :2] += predicted[:, :2] - bias[:, :2] * boxes[:, 2:]
        return boxes, certain(log_odds(found[:, 4]), *config.certainty)

    def _masks(
        self, areas: Float32[np.ndarray, "n 4"], size: tuple[int, int], device: torch.device
    ) -> Float[Tensor, "n h w"] | None:
        """Where the other targets are in each search area; None where no one asks."""
        config = self.network.config
        if self.penalisation.distractor == 0:
            return None
        scale = self.penalisation.distractor_scale
        return distractor_masks(areas, size, cells=config.cells, scale=scale, device=device)

    def _compare(
        self,
        cells: Cells,
        exemplars: Exemplars,
        areas: Float32[np.ndarray, "n s 4"],
        levels: Int64[np.ndarray, " n"],
        last: Float[Tensor, "n 2"],
        masks: Float[Tensor, "n h w"] | None,
    ) -> Float[Tensor, "n 5"]:
        """Box (cx, cy, w, h) in canonical pixels, and score, of one batch of targets."""
        network = self.network
        crops = network.crop(
            cells,
            areas.reshape(-1, 4),
            levels.repeat(areas.shape[1]),
            network.config.search_bins,
        )
        proposals = network.compare(exemplars, crops, last)
        boxes, scores = self.penalisation.select(proposals, last, masks)
        return torch.cat([boxes, scores[:, None]], dim=1)


def _batches(
    count: int, batch: int, masks: Float[Tensor, "n h w"] | None
) -> Iterator[tuple[slice, Float[Tensor, "m h w"] | None]]:
    """Slices of at most ``batch`` of ``count`` rows, with their share of the masks."""
    for begin in range(0, count, batch):
        rows = slice(begin, begin + batch)
        yield rows, None if masks is None else masks[rows]
