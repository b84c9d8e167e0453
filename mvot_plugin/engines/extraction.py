"""What SiamMT's backbone is shown of a frame: rescaled, and only the parts that it needs to see."""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.ops.boxes import size
from mvot_plugin.ops.fields import Field
from mvot_plugin.ops.roi import Cells
from mvot_plugin.ops.tiles import merged, touched
from mvot_plugin.types import Frame

__all__ = ["LARGEST_ZOOM", "Extraction", "Grid", "View"]

LARGEST_ZOOM = 2.0


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where cells of ``field`` lie on a frame of ``frame`` pixels that is seen as ``size`` pixels.

    Both are (width, height). Beyond the edges is the mean colour, as far as half a receptive field,
    so that the first cell sees the first pixel in its middle.
    """

    field: Field
    frame: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def rescaled(cls, field: Field, frame: tuple[int, int], factor: float) -> "Grid":
        """A frame enlarged or reduced to about ``factor`` times its sides."""
        width, height = (max(round(side * factor), 1) for side in frame)
        return cls(field=field, frame=frame, size=(width, height))

    @property
    def margin(self) -> int:
        """Pixels beyond each edge."""
        return self.field.receptive // 2

    @cached_property
    def cells(self) -> tuple[int, int]:
        """Columns and rows."""
        whole = (self.field.whole(side + 2 * self.margin) for side in self.size)
        columns, rows = (self.field.cells(side) for side in whole)
        return columns, rows

    def seen(self, areas: Float32[np.ndarray, "*n 4"]) -> Float32[np.ndarray, "m 4"]:
        """Areas of the frame, in the pixels that are seen."""
        factors = np.tile(np.array(self.size) / np.array(self.frame), 2)
        return np.asarray(areas.reshape(-1, 4) * factors, np.float32)

    def parts(self, areas: Float32[np.ndarray, "n 4"], bins: int) -> Int64[np.ndarray, "m 4"]:
        """Rectangles of cells (xyxy) that hold what ``bins`` x ``bins`` bins of areas sample."""
        areas, (columns, rows), stride = self.seen(areas), self.cells, self.field.stride
        x0, x1 = touched(areas[:, 0::2], bins, stride, 0.5, columns)
        y0, y1 = touched(areas[:, 1::2], bins, stride, 0.5, rows)
        needed = np.stack([x0, y0, x1 + 1, y1 + 1], axis=1)
        return merged(needed, self.field.receptive / stride - 1)

    def pixels(self, parts: Int64[np.ndarray, "m 4"]) -> int:
        """How many pixels rectangles of cells (xyxy) see."""
        sides = (parts[:, 2:] - parts[:, :2] - 1) * self.field.stride + self.field.receptive
        return int(sides.prod(1).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The features of a frame, or of parts of it, at the cells of a grid."""

    cells: Cells
    grid: Grid

    def areas(self, areas: Float32[np.ndarray, "*n 4"]) -> Float[Tensor, "m 4"]:
        """Areas of the frame, in pixels of what the backbone saw."""
        return torch.as_tensor(self.grid.seen(areas), device=self.cells.values.device)


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """How frames are rescaled for their targets, and which parts of them are seen (SiamMT 4.1).

    A frame is rescaled so that its targets' median size is ``wanted`` x ``wanted`` pixels or more,
    and ``largest`` x ``largest`` or less, where that enlarges it no more than twice. The larger
    small targets are made, up to SiamFC's 64 pixels, the better boxes fit, and the longer frames
    take. If the backbone would then have to see more than about ``pixels`` to follow them, the
    frame is made smaller, until the median is ``smallest`` x ``smallest``, which is the paper's.

    With ``partial``, the backbone sees only the parts of the frame that hold their areas, which
    changes no result. Raises ``ValueError`` for sizes that are not in this order.
    """

    smallest: float = 32.0
    wanted: float = 56.0
    largest: float = 96.0
    pixels: float = 5e5
    partial: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.wanted <= self.largest:
            raise ValueError(
                f"smallest={self.smallest:g}, wanted={self.wanted:g} and largest={self.largest:g} "
                "are sizes from small to large: put them in this order"
            )

    def grid(
        self, network: SiamMTNet, frame: tuple[int, int], boxes: Float32[np.ndarray, "n 4"]
    ) -> Grid:
        """How a frame of (width, height) is seen for targets in (N, 4) ``boxes``."""
        field, median = network.backbone.field, max(float(np.median(size(boxes))), 1.0)
        wanted = float(np.clip(median, self.wanted, self.largest))
        most, least = (min(side / median, LARGEST_ZOOM) for side in (wanted, self.smallest))
        grid = Grid.rescaled(field, frame, most)
        needed = grid.parts(network.areas(boxes, network.searched), network.searched)
        excess = grid.pixels(needed) / self.pixels
        if excess <= 1:
            return grid
        return Grid.rescaled(field, frame, max(most / math.sqrt(excess), least))

    def view(
        self,
        network: SiamMTNet,
        frame: Frame,
        grid: Grid,
        areas: Float32[np.ndarray, "n 4"],
        bins: int,
    ) -> View:
        """The features of a frame, as far as ``bins`` x ``bins`` bins of (N, 4) areas need them."""
        parts = np.array([[0, 0, *grid.cells]])
        if self.partial:
            parts = grid.parts(areas, bins)
        image = _resized(frame, grid.size)
        maps = [network.features(_shown(network, grid, image, part))[0] for part in parts]
        stride = grid.field.stride
        cells = Cells.patches(maps, parts[:, :2], grid.cells, stride, 0.5)
        return View(cells=cells, grid=grid)


def _resized(frame: Frame, wanted: tuple[int, int]) -> np.ndarray:
    """A frame's image, of (width, height)."""
    if frame.size == wanted:
        return frame.image
    how = cv2.INTER_AREA if wanted[0] < frame.size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame.image, wanted, interpolation=how))


def _shown(
    network: SiamMTNet, grid: Grid, image: np.ndarray, part: Int64[np.ndarray, "4"]
) -> Float[Tensor, "1 3 h w"]:
    """What some cells (xyxy) of a grid see of the resized image."""
    field, (width, height) = grid.field, grid.size
    x0, y0 = part[:2] * field.stride - grid.margin
    x1, y1 = (part[2:] - 1) * field.stride + field.receptive - grid.margin
    inside = image[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    padding = [max(-x0, 0), max(x1 - width, 0), max(-y0, 0), max(y1 - height, 0)]
    return F.pad(network.pixels(inside[None]), [int(side) for side in padding])
