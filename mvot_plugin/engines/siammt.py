"""`siammt` and `siammt-w`: the features of the frame once, and all targets in one batch.

SiamMT (3.2, Fig. 4b): the unpadded backbone over the frame, or over the part of it that holds the
targets; the crop-and-resize of their areas from its features; the pairwise cross-correlation.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from mvot_plugin.engines.base import Motion, as_boxes
from mvot_plugin.engines.correlation import CorrelationTargets
from mvot_plugin.models.scale_search import Placement, ScaleSearch
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.ops.roi import Cells
from mvot_plugin.ops.tiles import touched
from mvot_plugin.types import Frame, as_frame

__all__ = ["SiamMTEngine", "batched_search"]

SMALLEST, LARGEST = 32.0, 96.0
"""Sides in pixels that the median target has in the frame as the backbone sees it."""
LARGEST_ZOOM = 2.0


def batched_search() -> ScaleSearch:
    """SiamFC's search; features tell sizes less well than images do: a change has to be clearer.

    The paper interpolates bilinearly, which is faster on a GPU and "slightly less accurate" (4.4):
    its peaks lie on cells. As products of matrices both cost the same, and boxes fit much better.
    """
    return ScaleSearch(interpolation="bicubic", penalty=0.985)


@dataclass(frozen=True, kw_only=True)
class SiamMTEngine:
    """A ``SiamMTNet`` as a motion engine, on the device and in the precision it is in.

    The frame is rescaled, by powers of the square root of 2, so that its targets' median size is
    above 32 x 32 pixels, as in the paper, and where they are large not far above 96. With
    ``partial``, the backbone sees only the part of the frame that holds their areas, which changes
    no result (SiamMT 4.1). At most ``batch`` targets are cropped and compared at once, which
    bounds memory and changes no result either.
    """

    network: SiamMTNet
    search: ScaleSearch = field(default_factory=batched_search)
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
            features, placed = self.features(observation, areas, boxes, network.kept)
            exemplars = network.crop(features, placed, network.kept)
        return CorrelationTargets(boxes=boxes, exemplars=exemplars)

    def track(
        self, observation: Frame, targets: CorrelationTargets
    ) -> tuple[CorrelationTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,): how surely the target is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        network, scales = self.network, self.search.scales
        areas = network.areas(targets.boxes, network.searched)
        tried = scaled_areas(areas, scales).reshape(-1, 4)
        with torch.inference_mode():
            features, placed = self.features(observation, tried, targets.boxes, network.searched)
            parts = zip(
                torch.split(targets.exemplars, self.batch),
                torch.split(placed, self.batch * len(scales)),
                strict=True,
            )
            maps = torch.cat([self._compare(features, *part) for part in parts])
            best = self.search.best_scale(maps)
            chosen = maps[torch.arange(len(maps), device=maps.device), best]
            placement = self._place(chosen)
        return targets.moved(
            placement,
            np.array(scales, np.float32)[best.cpu().numpy()],
            (areas[:, 2] - areas[:, 0]) / network.searched,
            self.search,
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

    def features(
        self,
        frame: Frame,
        areas: Float32[np.ndarray, "m 4"],
        boxes: Float32[np.ndarray, "n 4"],
        bins: int,
    ) -> tuple[Cells, Float[Tensor, "m 4"]]:
        """The features that ``bins`` x ``bins`` bins of (M, 4) areas are sampled from.

        Also where the areas are in them, in pixels of the rescaled frame from the first cell's.
        """
        network, field = self.network, self.network.backbone.field
        image, areas = _zoomed(frame, areas, zoom(boxes))
        margin = field.receptive // 2  # with it, the first cell sees the first pixel in its middle
        region = []
        for axis, pixels in ((0, image.shape[1]), (1, image.shape[0])):
            count = field.cells(field.whole(pixels + 2 * margin))
            first, last = 0, count - 1
            if self.partial:
                ends = touched(areas[:, axis::2], bins, field.stride, 0.5, count)
                first, last = int(ends[0].min()), int(ends[1].max())
            region.append((first * field.stride, last * field.stride + field.receptive))
        pixels = _part(image, region, margin, network)
        origin = np.array([region[0][0], region[1][0]] * 2, np.float32)
        cells = Cells.dense(
            list(network.features(pixels).permute(0, 3, 1, 2)), [field.stride], [0.5]
        )
        return cells, torch.as_tensor(areas - origin, device=cells.values.device)

    def _compare(
        self, features: Cells, exemplars: Float[Tensor, "n k k c"], areas: Float[Tensor, "m 4"]
    ) -> Float[Tensor, "n s h w"]:
        """The score maps of some targets."""
        crops = self.network.crop(features, areas, self.network.searched)
        tried = crops.view(-1, len(self.search.scales), *crops.shape[1:])
        return self.network.compare(tried, exemplars)

    def _place(self, maps: Float[Tensor, "n h w"]) -> Placement:
        """The places of the chosen scale, as finely as SiamFC's; some maps at a time."""
        few = torch.split(maps, self.batch)
        parts = [self.search.place(self.search.upsampled(part)) for part in few]
        return Placement(
            offsets=torch.cat([part.offsets for part in parts]),
            logits=torch.cat([part.logits for part in parts]),
        )


def zoom(boxes: Float32[np.ndarray, "n 4"]) -> float:
    """How much a frame is enlarged or reduced for targets in these boxes."""
    median = max(float(np.median(size(boxes))), 1.0)
    if median < SMALLEST:
        return min(_power(SMALLEST / median), LARGEST_ZOOM)
    return min(_power(LARGEST / median), 1.0)


def _power(factor: float) -> float:
    """The next power of the square root of 2 that is no less."""
    return float(2 ** (np.ceil(2 * np.log2(factor) - 1e-6) / 2))


def _zoomed(
    frame: Frame, areas: Float32[np.ndarray, "m 4"], factor: float
) -> tuple[np.ndarray, Float32[np.ndarray, "m 4"]]:
    """A frame's image rescaled, and areas with it."""
    if factor == 1:
        return frame.image, areas
    wanted = [max(round(side * factor), 1) for side in frame.size]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = np.asarray(cv2.resize(frame.image, wanted, interpolation=how))
    factors = np.array(wanted) / np.array(frame.size)
    return image, (areas * np.tile(factors, 2)).astype(np.float32)


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
