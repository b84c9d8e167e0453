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
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor

from mvot_plugin.engines.base import Motion, as_boxes
from mvot_plugin.engines.correlation import CorrelationTargets
from mvot_plugin.models.scale_search import Placement, PlaceSearch
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.models.size_search import SizeSearch
from mvot_plugin.ops.areas import scaled_areas
from mvot_plugin.ops.boxes import size
from mvot_plugin.ops.roi import Cells
from mvot_plugin.ops.tiles import merged, touched
from mvot_plugin.types import Frame, as_frame

__all__ = ["SiamMTEngine", "View"]

LARGEST_ZOOM = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameTargets(CorrelationTargets):
    """Targets that had (N,) ``sides``, in pixels of the frame, when their exemplars were taken."""

    sides: Float32[np.ndarray, " n"]


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The features of a frame, or of parts of it, which the backbone saw ``factors`` as large."""

    cells: Cells
    factors: Float64[np.ndarray, "2"]

    def areas(self, areas: Float32[np.ndarray, "*n 4"]) -> Float[Tensor, "m 4"]:
        """Areas of the frame, in pixels of what the backbone saw."""
        seen = areas.reshape(-1, 4) * np.tile(self.factors, 2)
        return torch.as_tensor(seen.astype(np.float32), device=self.cells.values.device)


@dataclass(frozen=True, kw_only=True)
class SiamMTEngine:
    """A ``SiamMTNet`` as a motion engine, on the device and in the precision it is in.

    The frame is rescaled so that its targets' median size is ``smallest`` x ``smallest`` pixels or
    more, and ``largest`` x ``largest`` or less, where that enlarges it no more than twice. The
    paper's least is 32: the larger small targets are made, up to SiamFC's 64, the better boxes fit,
    and the longer frames take. ``search`` finds targets; its window counts more than SiamFC's,
    as search areas are larger. ``sizes`` tells how large they are: in the paper search areas of
    three scales do, whose scores grow with the smoothness of features that are enlarged, and hardly
    tell sizes.

    With ``partial``, the backbone sees only the parts of the frame that hold their areas, which
    changes no result (SiamMT 4.1). At most ``batch`` targets are cropped and compared at once,
    which bounds memory and changes no result either.
    """

    network: SiamMTNet
    search: PlaceSearch = field(default_factory=lambda: PlaceSearch(window=0.3))
    sizes: SizeSearch = field(default_factory=SizeSearch)
    smallest: float = 56.0
    largest: float = 96.0
    partial: bool = True
    batch: int = 16
    trained: bool = False

    def observe(self, frame: Frame | np.ndarray) -> Frame:
        """The frame itself: its features depend on where its targets are, and how large."""
        return as_frame(frame)

    def enroll(self, observation: Frame, boxes: Float32[np.ndarray, "n 4"]) -> FrameTargets:
        """Exemplars of (N, 4) ``boxes``; raises ``ValueError`` for boxes without area."""
        boxes = as_boxes(boxes)
        network, exemplars = self.network, self.network.no_exemplars()
        if len(boxes):
            areas = network.areas(boxes, network.kept)
            with torch.inference_mode():
                view = self.view(observation, areas, boxes, network.kept)
                exemplars = network.crop(view.cells, view.areas(areas), network.kept)
        return FrameTargets(boxes=boxes, exemplars=exemplars, sides=size(boxes))

    def track(self, observation: Frame, targets: FrameTargets) -> tuple[FrameTargets, Motion]:
        """Boxes (N, 4) on this frame, and scores (N,): how surely the target is in its box."""
        if not len(targets):
            return targets, Motion(boxes=targets.boxes, scores=np.zeros(0, np.float32))
        network = self.network
        areas = network.areas(targets.boxes, network.searched)
        with torch.inference_mode():
            view = self.view(observation, areas, targets.boxes, network.searched)
            parts = zip(
                torch.split(targets.exemplars, self.batch),
                torch.split(view.areas(areas), self.batch),
                strict=True,
            )
            found = [self._place(view.cells, *part) for part in parts]
            offsets = torch.cat([place.offsets for place in found]).cpu().numpy()
            cell = ((areas[:, 2] - areas[:, 0]) / network.searched)[:, None]
            near = np.clip(offsets, -self._windowed, self._windowed)
            alike = self._alike(view, targets, near * cell)
        grown = np.log(size(targets.boxes) / targets.sides)
        return targets.moved(
            offsets * cell,
            self.sizes.growth(alike, grown),
            torch.cat([place.logits for place in found]),
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
        image = _zoomed(frame, zoom(boxes, self.smallest, self.largest))
        sides = np.array([image.shape[1], image.shape[0]])
        factors = sides / np.array(frame.size)
        margin = field.receptive // 2  # with it, the first cell sees the first pixel in its middle
        columns, rows = (field.cells(field.whole(side + 2 * margin)) for side in sides.tolist())
        parts = np.array([[0, 0, columns, rows]])
        if self.partial:
            seen = (areas * np.tile(factors, 2)).astype(np.float32)
            x0, x1 = touched(seen[:, 0::2], bins, field.stride, 0.5, columns)
            y0, y1 = touched(seen[:, 1::2], bins, field.stride, 0.5, rows)
            needed = np.stack([x0, y0, x1 + 1, y1 + 1], axis=1)
            parts = merged(needed, field.receptive / field.stride - 1)
        maps = [network.features(_part(image, part, network))[0] for part in parts]
        cells = Cells.patches(maps, parts[:, :2], (columns, rows), field.stride, 0.5)
        return View(cells=cells, factors=factors)

    @property
    def _windowed(self) -> float:
        """How many cells off windows still lie within search areas, which is all there is."""
        network = self.network
        return (network.searched - network.window * max(self.sizes.sizes)) / 2

    def _place(
        self, cells: Cells, exemplars: Float[Tensor, "n k k c"], areas: Float[Tensor, "n 4"]
    ) -> Placement:
        """Where some targets are in their search areas, as finely as SiamFC tells."""
        crops = self.network.crop(cells, areas, self.network.searched)
        maps = self.network.compare(crops[:, None], exemplars)[:, 0]
        return self.search.place(self.search.upsampled(maps))

    def _alike(
        self, view: View, targets: FrameTargets, shift: Float32[np.ndarray, "n 2"]
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


def zoom(boxes: Float32[np.ndarray, "n 4"], smallest: float, largest: float) -> float:
    """How much a frame is enlarged or reduced for targets in these boxes."""
    median = max(float(np.median(size(boxes))), 1.0)
    return min(float(np.clip(median, smallest, largest)) / median, LARGEST_ZOOM)


def _zoomed(frame: Frame, factor: float) -> np.ndarray:
    """A frame's image rescaled."""
    if factor == 1:
        return frame.image
    wanted = [max(round(side * factor), 1) for side in frame.size]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame.image, wanted, interpolation=how))


def _part(
    image: np.ndarray, cells: Int64[np.ndarray, "4"], network: SiamMTNet
) -> Float[Tensor, "1 3 h w"]:
    """What some ``cells`` (xyxy) of an image's features see; about it is the mean colour."""
    field, (height, width) = network.backbone.field, image.shape[:2]
    margin = field.receptive // 2
    x0, y0 = cells[:2] * field.stride - margin
    x1, y1 = (cells[2:] - 1) * field.stride + field.receptive - margin
    inside = image[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    padding = [max(-x0, 0), max(x1 - width, 0), max(-y0, 0), max(y1 - height, 0)]
    return F.pad(network.pixels(inside[None]), [int(side) for side in padding])
