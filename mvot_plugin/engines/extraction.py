"""Features of search areas: out of parts of the frame that several share, or out of a crop of each.

A frame is seen at half-octave scales. What a target needs is cut out of the scale nearest to its
own; the rest is a bilinear crop-and-resize of features. Targets that lie close together share a
part of the frame; where a crop for each has fewer pixels, each gets one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64

from mvot_plugin.engines.parts import Part, compute_parts
from mvot_plugin.ops.geometry import FIRST_CELL, Geometry
from mvot_plugin.ops.images import crop_rectangle, mean_color
from mvot_plugin.ops.rectangles import merge_rectangles, sampled_cell_range
from mvot_plugin.rows import concatenate, split_rows, take_rows
from mvot_plugin.runtimes.base import Array, Network
from mvot_plugin.timing import stage
from mvot_plugin.types import XYXY, Frame

__all__ = ["Extraction", "choose_octaves", "octave_factors"]

STEP = 0.5
"""Octaves between the scales at which frames are seen."""


def choose_octaves(
    sides: Float32[np.ndarray, " n"],
    side: float,
    last: Int64[np.ndarray, " n"] | None = None,
    slack: float = 0.0,
) -> Int64[np.ndarray, " n"]:
    """The scales, in half octaves, on which squares of the frame are nearest to ``side`` pixels.

    Args:
        sides: Of N squares, in pixels of the frame.
        side: The side at which the network compares them, in pixels.
        last: The targets' last scales, if they have any.
        slack: By how many half octaves a target may outgrow its last scale before it changes.

    Returns:
        N exponents j, of the scales 2^(j/2).
    """
    exact = np.log2(side / np.maximum(sides.astype(np.float64), 1e-3)) / STEP
    nearest = np.asarray(np.round(exact), np.int64)
    if last is None:
        return nearest
    return np.where(np.abs(exact - last) <= 0.5 + slack, last, nearest)


def octave_factors(octaves: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    """The factors by which frames are enlarged at N scales."""
    return np.asarray(2.0 ** (STEP * octaves))


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """How the features of search areas are computed.

    The results of one way do not depend on which other targets there are.
    """

    way: Literal["auto", "parts", "crops"] = "auto"
    """Parts of the frame, a crop of each area, or for each part whichever has fewer pixels."""
    batch: int = 4
    """Most crops that go through the backbone at once."""

    def extract(
        self,
        network: Network,
        geometry: Geometry,
        frame: Frame,
        squares: Float32[XYXY, " n"],
        factors: Float64[np.ndarray, " n"],
        bins: int,
        side: int | None = None,
    ) -> Array:
        """The features of N > 0 squares of a frame.

        Args:
            network: Its function "features" maps images (B, H, W, 3) to features (B, h, w, C).
            geometry: Where its cells lie.
            frame: The frame.
            squares: In pixels of the frame; each has a feature at the centres of its bins.
            factors: How many times the frame is enlarged for each, where it shares a part.
            bins: Bins along a square.
            side: Pixels along the image of a square of its own; None makes every bin a cell.

        Returns:
            Features (N, bins, bins, C).
        """
        parts, is_cropped = self.plan(geometry, frame.size, squares, factors, bins, side)
        color = mean_color(frame.image)
        found, rows = [], []
        if is_cropped.any():
            rows.append(np.flatnonzero(is_cropped))
            cropped = squares[is_cropped]
            found += list(self._crop(network, geometry, frame, cropped, bins, side, color))
        if parts:
            rows += [part.rows for part in parts]
            found.append(self._cut_out(network, geometry, frame, squares, parts, bins, color))
        order = np.argsort(np.concatenate(rows))
        together = concatenate(found)
        if (order[1:] > order[:-1]).all():
            return together
        return take_rows(together, order)

    def plan(
        self,
        geometry: Geometry,
        size: tuple[int, int],
        squares: Float32[XYXY, " n"],
        factors: Float64[np.ndarray, " n"],
        bins: int,
        side: int | None = None,
    ) -> tuple[list[Part], Bool[np.ndarray, " n"]]:
        """The parts of a frame of (width, height) to compute; true for squares that are cropped.

        The pixels that the backbone sees decide, for each part against the crops of its squares.
        """
        is_cropped = np.full(len(squares), self.way == "crops")
        if self.way == "crops":
            return [], is_cropped
        crop_pixels = geometry.crop_pixels(side or bins * geometry.stride) ** 2
        parts = []
        for part in self._find_parts(geometry, size, squares, factors, bins):
            width, height = np.diff(geometry.to_pixels(part.seen).reshape(2, 2), axis=0)[0]
            if self.way == "auto" and len(part.rows) * crop_pixels <= width * height:
                is_cropped[part.rows] = True
            else:
                parts.append(part)
        return parts, is_cropped

    def _find_parts(
        self,
        geometry: Geometry,
        size: tuple[int, int],
        squares: Float32[XYXY, " n"],
        factors: Float64[np.ndarray, " n"],
        bins: int,
    ) -> Iterator[Part]:
        """Rectangles of cells that hold what the squares need, at each scale."""
        stride, block = geometry.stride, geometry.block
        for factor in np.unique(factors).tolist():
            rows = np.flatnonzero(factors == factor)
            scaled = (squares[rows] * factor).astype(np.float32)
            edges = np.array([_round_up(side * factor, stride * block) // stride for side in size])
            x0, x1 = sampled_cell_range(scaled[:, 0::2], bins, stride, FIRST_CELL, int(edges[0]))
            y0, y1 = sampled_cell_range(scaled[:, 1::2], bins, stride, FIRST_CELL, int(edges[1]))
            needed = np.stack([x0, y0, x1 + 1, y1 + 1], axis=1)
            merged = merge_rectangles(needed, geometry.growth)
            inside = (needed[:, None, :2] >= merged[:, :2]) & (needed[:, None, 2:] <= merged[:, 2:])
            owner = inside.all(2).argmax(1)
            for number, cells in enumerate(merged):
                low = np.maximum((cells[:2] - geometry.halo) // block * block, 0)
                high = np.minimum(-(-(cells[2:] + geometry.halo) // block) * block, edges)
                seen = np.concatenate([low, high])
                yield Part(factor=factor, cells=cells, seen=seen, rows=rows[owner == number])

    def _crop(
        self,
        network: Network,
        geometry: Geometry,
        frame: Frame,
        squares: Float32[XYXY, " n"],
        bins: int,
        side: int | None,
        color: tuple[float, float, float],
    ) -> Iterator[Array]:
        """The features of squares, each from an image of its own."""
        stride, side = geometry.stride, side or bins * geometry.stride
        is_direct = side == bins * stride
        pixels = geometry.crop_pixels(side)
        seen = geometry.to_pixels(np.zeros(4, np.int64))[0]
        first = seen + stride / 2 - FIRST_CELL if is_direct else float(seen)
        zooms = side / (squares[:, 2] - squares[:, 0]).astype(np.float64)
        images = np.empty((len(squares), pixels, pixels, 3), np.uint8)
        with stage("crop-and-resize"):
            for image, square, zoom in zip(images, squares, zooms, strict=True):
                x, y = (zoom * square[:2] + first).tolist()
                image[:] = crop_rectangle(frame.image, zoom, (x, y), (pixels, pixels), color)
        batches = split_rows(len(squares), self.batch, network.workers)
        with stage("backbone"):
            found = network.map("features", [(images[rows],) for rows in batches])
        local = np.array([0, 0, side, side], np.float32)
        for (features,) in found:
            if is_direct:
                yield features[:, :bins, :bins]
                continue
            with stage("crop-and-resize"):
                repeated = np.tile(local, (len(features), 1))
                which = np.arange(len(features))
                yield network.crop(list(features), repeated, which, bins, stride)

    def _cut_out(
        self,
        network: Network,
        geometry: Geometry,
        frame: Frame,
        squares: Float32[XYXY, " n"],
        parts: list[Part],
        bins: int,
        color: tuple[float, float, float],
    ) -> Array:
        """The features of the parts' squares, part after part, cut out of the parts' features."""
        local, which = [], []
        maps = compute_parts(network, geometry, frame, parts, color)
        for number, part in enumerate(parts):
            origin = np.tile(part.cells[:2] * geometry.stride, 2)
            local.append(squares[part.rows] * part.factor - origin)
            which.append(np.full(len(part.rows), number))
        placed = np.concatenate(local).astype(np.float32)
        with stage("crop-and-resize"):
            return network.crop(maps, placed, np.concatenate(which), bins, geometry.stride)


def _round_up(pixels: float, multiple: int) -> int:
    """The least multiple that is ``pixels`` or more."""
    return -(-int(np.ceil(pixels)) // multiple) * multiple
