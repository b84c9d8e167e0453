"""Features of frames for SiamMT: of the rescaled frame, and only of the parts with targets."""

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from mvot_plugin.models.backbones.receptive_field import ReceptiveField
from mvot_plugin.models.siamfc import SiamMTNet
from mvot_plugin.ops.boxes import size
from mvot_plugin.ops.roi import FeatureTable
from mvot_plugin.ops.tensor_boxes import TensorXYXY
from mvot_plugin.ops.tiles import merge_rectangles, sampled_cell_range
from mvot_plugin.timing import stage
from mvot_plugin.types import XYXY, Frame

__all__ = ["LARGEST_ZOOM", "Extraction", "FeatureGrid", "FrameFeatures"]

LARGEST_ZOOM = 2.0
"""The largest factor by which a frame is enlarged."""


@dataclass(frozen=True, kw_only=True)
class FeatureGrid:
    """Where the backbone's cells lie on a frame that is rescaled.

    The frame is padded by half a receptive field of the mean colour, so that the first cell is
    centred on the first pixel.
    """

    field: ReceptiveField
    """The receptive field of the backbone's cells."""
    frame: tuple[int, int]
    """(width, height) of the frame in pixels."""
    size: tuple[int, int]
    """(width, height) of the rescaled frame in pixels."""

    @classmethod
    def at_scale(
        cls, field: ReceptiveField, frame: tuple[int, int], factor: float
    ) -> "FeatureGrid":
        """The grid of a frame enlarged or reduced to about ``factor`` times its sides."""
        width, height = (max(round(side * factor), 1) for side in frame)
        return cls(field=field, frame=frame, size=(width, height))

    @property
    def margin(self) -> int:
        """Pixels of padding at each edge."""
        return self.field.size // 2

    @cached_property
    def cells(self) -> tuple[int, int]:
        """Columns and rows of cells on the padded frame."""
        sides = (self.field.round_up(side + 2 * self.margin) for side in self.size)
        columns, rows = (self.field.count_cells(side) for side in sides)
        return columns, rows

    def scale(self, areas: Float32[XYXY, "*n"]) -> Float32[XYXY, " m"]:
        """Areas of the frame, in pixels of the rescaled frame."""
        factors = np.tile(np.array(self.size) / np.array(self.frame), 2)
        return np.asarray(areas.reshape(-1, 4) * factors, np.float32)

    def find_parts(self, areas: Float32[XYXY, " n"], bins: int) -> Int64[np.ndarray, "m 4"]:
        """Rectangles of cells (xyxy) that hold what ``bins`` x ``bins`` bins of areas sample."""
        areas, (columns, rows), stride = self.scale(areas), self.cells, self.field.stride
        x0, x1 = sampled_cell_range(areas[:, 0::2], bins, stride, 0.5, columns)
        y0, y1 = sampled_cell_range(areas[:, 1::2], bins, stride, 0.5, rows)
        needed = np.stack([x0, y0, x1 + 1, y1 + 1], axis=1)
        return merge_rectangles(needed, self.field.size / stride - 1)

    def count_pixels(self, parts: Int64[np.ndarray, "m 4"]) -> int:
        """How many pixels the backbone sees for rectangles of cells (xyxy)."""
        sides = (parts[:, 2:] - parts[:, :2] - 1) * self.field.stride + self.field.size
        return int(sides.prod(1).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameFeatures:
    """The features of a frame, or of parts of it."""

    table: FeatureTable
    """The cells' features."""
    grid: FeatureGrid
    """Where the cells lie."""

    def scale(self, areas: Float32[XYXY, "*n"]) -> Float[TensorXYXY, " m"]:
        """Areas of the frame, in pixels of the rescaled frame, on the features' device."""
        return torch.as_tensor(self.grid.scale(areas), device=self.table.values.device)


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """How frames are rescaled for their targets, and which parts the backbone sees (SiamMT 4.1).

    The size of a target is the root of its area, in pixels. A frame is rescaled so that its
    targets' median size is ``wanted`` or more, and ``largest`` or less, but enlarged no more than
    ``LARGEST_ZOOM`` times. Enlarging small targets, up to SiamFC's 64 pixels, makes their boxes
    more accurate, and frames slower.

    Raises ``ValueError`` for sizes that are not in this order.
    """

    smallest: float = 32.0
    """The least median size in pixels that a frame may be reduced to: the paper's 32 x 32."""
    wanted: float = 56.0
    """Median size in pixels to which smaller targets are enlarged."""
    largest: float = 96.0
    """Median size in pixels to which larger targets are reduced."""
    pixels: float = 5e5
    """About how many pixels the backbone may see; with more, the frame is reduced further."""
    partial: bool = True
    """Whether only the parts that hold targets are seen: faster, with the same results."""

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.wanted <= self.largest:
            raise ValueError(
                f"smallest={self.smallest:g}, wanted={self.wanted:g} and largest={self.largest:g} "
                "are sizes from small to large: put them in this order"
            )

    def choose_grid(
        self, network: SiamMTNet, frame: tuple[int, int], boxes: Float32[XYXY, " n"]
    ) -> FeatureGrid:
        """The grid for a frame of (width, height) pixels with N targets in ``boxes``."""
        field, median = network.backbone.receptive_field, max(float(np.median(size(boxes))), 1.0)
        wanted = float(np.clip(median, self.wanted, self.largest))
        factor, least = (min(side / median, LARGEST_ZOOM) for side in (wanted, self.smallest))
        grid = FeatureGrid.at_scale(field, frame, factor)
        needed = grid.find_parts(network.areas(boxes, network.search_cells), network.search_cells)
        excess = grid.count_pixels(needed) / self.pixels
        if excess <= 1:
            return grid
        return FeatureGrid.at_scale(field, frame, max(factor / math.sqrt(excess), least))

    def extract(
        self,
        network: SiamMTNet,
        frame: Frame,
        grid: FeatureGrid,
        areas: Float32[XYXY, " n"],
        bins: int,
    ) -> FrameFeatures:
        """The features of a frame, as far as ``bins`` x ``bins`` bins of N areas need them."""
        parts = np.array([[0, 0, *grid.cells]])
        if self.partial:
            parts = grid.find_parts(areas, bins)
        image = _resize(frame, grid.size)
        maps = [_extract_part(network, grid, image, part) for part in parts]
        stride = grid.field.stride
        table = FeatureTable.from_patches(maps, parts[:, :2], grid.cells, stride, 0.5)
        return FrameFeatures(table=table, grid=grid)


def _resize(frame: Frame, wanted: tuple[int, int]) -> np.ndarray:
    """A frame's image, resized to (width, height)."""
    if frame.size == wanted:
        return frame.image
    interpolation = cv2.INTER_AREA if wanted[0] < frame.size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame.image, wanted, interpolation=interpolation))


def _extract_part(
    network: SiamMTNet, grid: FeatureGrid, image: np.ndarray, part: Int64[np.ndarray, "4"]
) -> Float[Tensor, "h w c"]:
    """The features of a rectangle of cells (xyxy) of the rescaled image."""
    field, (width, height) = grid.field, grid.size
    x0, y0 = part[:2] * field.stride - grid.margin
    x1, y1 = (part[2:] - 1) * field.stride + field.size - grid.margin
    inside = image[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    padding = [max(-x0, 0), max(x1 - width, 0), max(-y0, 0), max(y1 - height, 0)]
    with stage("setup"):
        pixels = network.normalize(inside[None])
    padded = F.pad(pixels, [int(side) for side in padding])
    with stage("backbone"):
        features: Tensor = network.features(padded)[0]
    return features
