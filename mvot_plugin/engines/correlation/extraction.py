"""Features of frames for SiamMT: of the rescaled frame, and only of the parts with targets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.engines.parts import Part, compute_parts
from mvot_plugin.models.siamfc.config import GEOMETRY, CorrelationConfig
from mvot_plugin.ops.boxes import size
from mvot_plugin.ops.images import mean_color
from mvot_plugin.runtimes.base import Array, Network
from mvot_plugin.timing import stage
from mvot_plugin.types import XYXY, Frame

__all__ = ["LARGEST_ZOOM", "FrameFeatures", "FrameScale"]

LARGEST_ZOOM = 2.0
"""The largest factor by which a frame is enlarged."""
PARTS = Extraction(way="parts")


@dataclass(frozen=True, kw_only=True)
class FrameScale:
    """How frames are rescaled for their targets (SiamMT 4.1).

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

    def __post_init__(self) -> None:
        if not 0 < self.smallest <= self.wanted <= self.largest:
            raise ValueError(
                f"smallest={self.smallest:g}, wanted={self.wanted:g} and largest={self.largest:g} "
                "are sizes from small to large: put them in this order"
            )

    def choose(
        self, config: CorrelationConfig, frame: tuple[int, int], boxes: Float32[XYXY, " n"]
    ) -> float:
        """How many times to enlarge a frame of (width, height) pixels with N targets."""
        median = max(float(np.median(size(boxes))), 1.0)
        wanted = float(np.clip(median, self.wanted, self.largest))
        factor, least = (min(side / median, LARGEST_ZOOM) for side in (wanted, self.smallest))
        areas = config.cell_areas(boxes, config.search_cells)
        parts = find_parts(frame, areas, factor, config.search_cells)
        excess = count_pixels(parts) / self.pixels
        return factor if excess <= 1 else max(factor / math.sqrt(excess), least)


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameFeatures:
    """The features of parts of a frame at one scale, for N areas."""

    network: Network
    """The network that they are of."""
    parts: Sequence[Part]
    """Where the parts lie."""
    maps: Sequence[Array]
    """The features (rows, columns, C) of each part."""
    owners: Int64[np.ndarray, " n"]
    """The part that holds each area."""

    @classmethod
    def extract(
        cls,
        network: Network,
        frame: Frame,
        factor: float,
        areas: Float32[XYXY, " n"],
        bins: int,
    ) -> "FrameFeatures":
        """The features that ``bins`` x ``bins`` bins of N areas of a frame need.

        Args:
            network: The network.
            frame: The frame.
            factor: How many times it is enlarged.
            areas: In pixels of the frame.
            bins: Bins along an area.
        """
        parts = find_parts(frame.size, areas, factor, bins)
        color = mean_color(frame.image)
        maps = compute_parts(network, GEOMETRY, frame, parts, color)
        owners = np.zeros(len(areas), np.int64)
        for number, part in enumerate(parts):
            owners[part.rows] = number
        return cls(network=network, parts=parts, maps=maps, owners=owners)

    def crop(self, rows: slice, areas: Float32[XYXY, "n s"], bins: int) -> Array:
        """The features of S areas within each of those in ``rows``, ``bins`` x ``bins`` each."""
        numbers, which = np.unique(self.owners[rows].repeat(areas.shape[1]), return_inverse=True)
        parts = [self.parts[number] for number in numbers]
        corners = np.array([part.cells[:2] * GEOMETRY.stride for part in parts])
        scaled = areas.reshape(-1, 4) * self.parts[0].factor - np.tile(corners, 2)[which]
        maps, stride = [self.maps[number] for number in numbers], GEOMETRY.stride
        with stage("crop-and-resize"):
            return self.network.crop(maps, scaled.astype(np.float32), which, bins, stride)


def find_parts(
    frame: tuple[int, int], areas: Float32[XYXY, " n"], factor: float, bins: int
) -> list[Part]:
    """The parts of a frame that bins of N areas need, where it is enlarged ``factor`` times."""
    factors = np.full(len(areas), factor)
    return PARTS.plan(GEOMETRY, frame, areas, factors, bins)[0]


def count_pixels(parts: Sequence[Part]) -> int:
    """How many pixels the backbone sees of some parts."""
    pixels = GEOMETRY.to_pixels(np.array([part.seen for part in parts]))
    return int((pixels[:, 2:] - pixels[:, :2]).prod(1).sum())
