"""`siammt` and `siammt-w`: the features of the frame once, and all targets in one batch.

SiamMT (3.2, Fig. 4b): the unpadded backbone over the frame, or over the part of it that holds the
targets; the crop-and-resize of their areas from its features; the pairwise cross-correlation, which
tells where they are. How large they are, windows of several sizes there tell.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from mvot_plugin.engines.base import Motion, as_boxes
from mvot_plugin.engines.correlation import CorrelationTargets
from mvot_plugin.engines.extraction import Extraction, View
from mvot_plugin.models.scale_search import PlaceSearch
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.models.size_search import SizeSearch
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.types import Frame, as_frame

__all__ = ["SiamMTEngine"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTargets(CorrelationTargets):
    """Targets that had (N,) ``sides``, in pixels of the frame, when their exemplars were taken."""

    sides: Float32[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True)
class SiamMTEngine:
    """A ``SiamMTNet`` as a motion engine, on the device and in the precision it is in.

    ``extraction`` is what the backbone sees of a frame. ``search`` finds targets; its window counts
    more than SiamFC's, as search areas are larger. ``sizes`` tells how large they are: in the paper
    search areas of three scales do, whose scores grow with the smoothness of features that are
    enlarged, and hardly tell sizes.

    At most ``batch`` targets are cropped and compared at once, which bounds memory and changes no
    result.
    """

    network: SiamMTNet
    search: PlaceSearch = field(default_factory=lambda: PlaceSearch(window=0.3))
    sizes: SizeSearch = field(default_factory=SizeSearch)
    extraction: Extraction = field(default_factory=Extraction)
    batch: int = 16
    trained: bool = False

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself: its features depend on where its targets are, and how large."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[np.ndarray, "n 4"]) -> FrameTargets:
        """Exemplars of (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        return self._enrolled(observation, boxes, boxes)

    def track(self, observation: Frame, targets: FrameTargets) -> tuple[FrameTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,): how surely the target is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        network, boxes = self.network, targets.boxes
        areas = network.areas(boxes, network.searched)
        with torch.inference_mode():
            view = self._view(observation, boxes, areas, network.searched)
            starts = range(0, len(boxes), self.batch)
            found = [self._found(view, targets[at : at + self.batch]) for at in starts]
        shift, growth, logits = zip(*found, strict=True)
        return targets.moved(
            np.concatenate(shift),
            np.concatenate(growth),
            torch.cat(logits),
            frame_size=observation.size,
            certainty=network.config.certainty,
        )

    def refresh(
        self,
        observation: Frame,
        targets: FrameTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> FrameTargets:
        """Move N targets to measured (N, 4) ``boxes``; some exemplars are made anew there."""
        boxes = as_boxes(boxes)
        anew = self._enrolled(observation, boxes[appearance], boxes)
        return targets.corrected(boxes, appearance, anew)

    def _enrolled(
        self,
        frame: Frame,
        boxes: Float32[np.ndarray, "n 4"],
        among: Float32[np.ndarray, "m 4"],
    ) -> FrameTargets:
        """New targets in ``boxes``, which are ``among`` all that will be followed together."""
        network, exemplars = self.network, self.network.no_exemplars()
        if len(boxes):
            areas = network.areas(boxes, network.kept)
            with torch.inference_mode():
                view = self._view(frame, among, areas, network.kept)
                exemplars = network.crop(view.cells, view.areas(areas), network.kept)
        return FrameTargets(boxes=boxes, exemplars=exemplars, sides=size(boxes))

    def _view(
        self,
        frame: Frame,
        boxes: Float32[np.ndarray, "n 4"],
        areas: Float32[np.ndarray, "m 4"],
        bins: int,
    ) -> View:
        """A frame as it is seen for targets in ``boxes``, where ``areas`` of it need it."""
        grid = self.extraction.grid(self.network, frame.size, boxes)
        return self.extraction.view(self.network, frame, grid, areas, bins)

    def _found(
        self, view: View, targets: FrameTargets
    ) -> tuple[Float32[np.ndarray, "n 2"], Float32[np.ndarray, " n"], Float[Tensor, " n"]]:
        """How far some targets have moved, in pixels, and grown; the log odds that they are there.

        Sizes are told by windows at the places that were found, or as near to them as windows lie
        within search areas, which is all that is seen.
        """
        network, sizes, boxes = self.network, self.sizes.sizes, targets.boxes
        areas = network.areas(boxes, network.searched)
        crops = network.crop(view.cells, view.areas(areas), network.searched)
        maps = network.compare(crops[:, None], targets.exemplars)[:, 0]
        place = self.search.place(self.search.upsampled(maps))
        offsets = place.offsets.cpu().numpy()
        cell = (areas[:, 2:3] - areas[:, 0:1]) / network.searched
        inside = (network.searched - network.window * max(sizes)) / 2
        near = np.tile(offsets.clip(-inside, inside) * cell, 2)
        windows = scaled_areas(network.areas(boxes + near, network.window), sizes)
        crops = network.crop(view.cells, view.areas(windows), network.window)
        crops = crops.view(len(boxes), len(sizes), *crops.shape[1:])
        alike = network.alike(crops, targets.exemplars)
        growth = self.sizes.growth(alike, np.log(size(boxes) / targets.sides))
        return offsets * cell, growth, place.logits
