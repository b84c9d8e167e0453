"""`siammt` and `siammt-w`: the features of the frame once, and all targets in one batch.

SiamMT (3.2, Fig. 4b): the unpadded backbone over the frame, or over the part of it that holds the
targets; the crop-and-resize of their areas from its features; the pairwise cross-correlation, which
tells where they are. How large they are, windows of several sizes there tell.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from mvot_plugin.engines.base import Motion, as_boxes
from mvot_plugin.engines.correlation import CorrelationTargets
from mvot_plugin.models.scale_search import Placement, PlaceSearch
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.models.size_search import SizeSearch
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.ops.roi import Cells
from mvot_plugin.ops.tiles import touched
from mvot_plugin.types import Frame, as_frame

__all__ = ["SiamMTEngine", "View"]

SMALLEST, LARGEST = 32.0, 96.0
"""Sides in pixels that the median target has in the frame as the backbone sees it.

The least is the paper's. From 64 on, SiamFC's size, boxes fit better, and frames cost up to four
times as much: at 25 frames a second on a CPU, that loses far more than it gains.
"""
LARGEST_ZOOM = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The features of a frame, or of a part of it, and how its pixels became theirs."""

    cells: Cells
    factors: Float64[np.ndarray, "2"]
    origin: Float64[np.ndarray, "2"]

    def areas(self, areas: Float32[np.ndarray, "*n 4"]) -> Float[Tensor, "m 4"]:
        """Areas of the frame, in pixels of what the backbone saw, from its corner."""
        seen = areas.reshape(-1, 4) * np.tile(self.factors, 2) - np.tile(self.origin, 2)
        return torch.as_tensor(seen.astype(np.float32), device=self.cells.values.device)


@dataclass(frozen=True, kw_only=True)
class SiamMTEngine:
    """A ``SiamMTNet`` as a motion engine, on the device and in the precision it is in.

    The frame is rescaled, by powers of the square root of 2, so that its targets' median size is
    above 32 x 32 pixels, as in the paper, and where they are large not far above 96. ``search``
    finds targets; its window counts more than SiamFC's, as search areas are larger. ``sizes`` tells
    how large they are: in the paper search areas of three scales do, whose scores grow with the
    smoothness of features that are enlarged, and hardly tell sizes.

    With ``partial``, the backbone sees only the part of the frame that holds their areas, which
    changes no result (SiamMT 4.1). At most ``batch`` targets are cropped and compared at once,
    which bounds memory and changes no result either.
    """

    network: SiamMTNet
    search: PlaceSearch = field(default_factory=lambda: PlaceSearch(window=0.3))
    sizes: SizeSearch = field(default_factory=SizeSearch)
    partial: bool = True
    batch: int = 16
    trained: bool = False

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself: its features depend on where its targets are, and how large."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[np.ndarray, "n 4"]) -> CorrelationTargets:
        """Exemplars of (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        if not len(boxes):
            return CorrelationTargets(boxes=boxes, exemplars=self.network.no_exemplars())
        network = self.network
        areas = network.areas(boxes, network.kept)
        with torch.inference_mode():
            view = self.view(observation, areas, boxes, network.kept)
            exemplars = network.crop(view.cells, view.areas(areas), network.kept)
        return CorrelationTargets(boxes=boxes, exemplars=exemplars)

    def track(
        self, observation: Frame, targets: CorrelationTargets
    ) -> tuple[CorrelationTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,): how surely the target is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        network = self.network
        areas = network.areas(targets.boxes, network.searched)
        with torch.inference_mode():
            reach = scaled_areas(areas, (self._reach,))[:, 0]
            view = self.view(observation, reach, targets.boxes, network.searched)
            parts = zip(
                torch.split(targets.exemplars, self.batch),
                torch.split(view.areas(areas), self.batch),
                strict=True,
            )
            found = [self._place(view.cells, *part) for part in parts]
            offsets = torch.cat([place.offsets for place in found]).cpu().numpy()
            shift = offsets * ((areas[:, 2] - areas[:, 0]) / network.searched)[:, None]
            growth = self.sizes.growth(self._alike(view, targets, shift))
        return targets.moved(
            shift,
            growth,
            torch.cat([place.logits for place in found]),
            frame_size=observation.size,
            certainty=network.config.certainty,
        )

    def refresh(
        self,
        observation: Frame,
        targets: CorrelationTargets,
        boxes: Float32[np.ndarray, "n 4"],
        appearance: Bool[np.ndarray, " n"],
    ) -> CorrelationTargets:
        """Move N targets to measured (N, 4) ``boxes``; some exemplars are made anew there."""
        return targets.corrected(boxes, appearance, self.enroll(observation, boxes[appearance]))

    def view(
        self,
        frame: Frame,
        areas: Float32[np.ndarray, "m 4"],
        boxes: Float32[np.ndarray, "n 4"],
        bins: int,
    ) -> View:
        """The features of a frame, as far as ``bins`` x ``bins`` bins of (M, 4) areas need them.

        The frame is rescaled for targets in (N, 4) ``boxes``.
        """
        network, field = self.network, self.network.backbone.field
        image = _zoomed(frame, zoom(boxes))
        factors = np.array([image.shape[1], image.shape[0]]) / np.array(frame.size)
        seen = (areas * np.tile(factors, 2)).astype(np.float32)
        margin = field.receptive // 2  # with it, the first cell sees the first pixel in its middle
        region = []
        for axis, pixels in ((0, image.shape[1]), (1, image.shape[0])):
            count = field.cells(field.whole(pixels + 2 * margin))
            first, last = 0, count - 1
            if self.partial:
                ends = touched(seen[:, axis::2], bins, field.stride, 0.5, count)
                first, last = int(ends[0].min()), int(ends[1].max())
            region.append((first * field.stride, last * field.stride + field.receptive))
        maps = network.features(_part(image, region, margin, network)).permute(0, 3, 1, 2)
        cells = Cells.dense(list(maps), [field.stride], [0.5])
        return View(cells=cells, factors=factors, origin=np.array([r[0] for r in region], float))

    @property
    def _reach(self) -> float:
        """How much larger than search areas is what windows of found targets reach; a cell over."""
        network = self.network
        window = network.window * max(self.sizes.sizes)
        return max((network.cells + window) / network.searched, 1.0)

    def _place(
        self, cells: Cells, exemplars: Float[Tensor, "n k k c"], areas: Float[Tensor, "n 4"]
    ) -> Placement:
        """Where some targets are in their search areas, as finely as SiamFC tells."""
        crops = self.network.crop(cells, areas, self.network.searched)
        maps = self.network.compare(crops[:, None], exemplars)[:, 0]
        return self.search.place(self.search.upsampled(maps))

    def _alike(
        self, view: View, targets: CorrelationTargets, shift: Float32[np.ndarray, "n 2"]
    ) -> Float[Tensor, "n s d d"]:
        """How alike exemplars are to windows of several sizes, where the targets are found."""
        network, sizes = self.network, self.sizes.sizes
        windows = network.areas(targets.boxes + np.tile(shift, 2), network.window)
        parts = zip(
            torch.split(targets.exemplars, self.batch),
            torch.split(view.areas(scaled_areas(windows, sizes)), self.batch * len(sizes)),
            strict=True,
        )
        found = []
        for exemplars, areas in parts:
            crops = network.crop(view.cells, areas, network.window)
            found.append(network.alike(crops.view(-1, len(sizes), *crops.shape[1:]), exemplars))
        return torch.cat(found)


def zoom(boxes: Float32[np.ndarray, "n 4"]) -> float:
    """How much a frame is enlarged or reduced for targets in these boxes."""
    median = max(float(np.median(size(boxes))), 1.0)
    if median < SMALLEST:
        return min(_power(SMALLEST / median), LARGEST_ZOOM)
    return min(_power(LARGEST / median), 1.0)


def _power(factor: float) -> float:
    """The next power of the square root of 2 that is no less."""
    return float(2 ** (np.ceil(2 * np.log2(factor) - 1e-6) / 2))


def _zoomed(frame: Frame, factor: float) -> np.ndarray:
    """A frame's image rescaled."""
    if factor == 1:
        return frame.image
    wanted = [max(round(side * factor), 1) for side in frame.size]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame.image, wanted, interpolation=how))


def _part(
    image: np.ndarray, region: list[tuple[int, int]], margin: int, network: SiamMTNet
) -> Float[Tensor, "1 3 h w"]:
    """The ``region`` of an image with margins all around, which are the mean colour."""
    inside, padding = [], []
    for (begin, end), pixels in zip(region, (image.shape[1], image.shape[0]), strict=True):
        low, high = max(begin - margin, 0), min(end - margin, pixels)
        inside.append(slice(low, high))
        padding += [low + margin - begin, end - margin - high]
    columns, rows = inside
    return F.pad(network.pixels(image[None, rows, columns]), padding)
