"""Parts of a frame that several targets share, and their features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from mvot_plugin.ops.geometry import Geometry
from mvot_plugin.ops.images import crop_rectangle
from mvot_plugin.runtimes.base import Array, Network
from mvot_plugin.timing import stage
from mvot_plugin.types import Frame

__all__ = ["Part", "compute_parts"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """A rectangle of cells of a frame at one scale, and the squares that are cut out of it."""

    factor: float
    """How many times the frame is enlarged."""
    cells: Int64[np.ndarray, "4"]
    """The cells (xyxy) that the squares need; cell 0 lies on the frame's corner."""
    seen: Int64[np.ndarray, "4"]
    """The cells that are computed."""
    rows: Int64[np.ndarray, " m"]
    """The numbers of the squares."""


def compute_parts(
    network: Network,
    geometry: Geometry,
    frame: Frame,
    parts: Sequence[Part],
    color: tuple[float, float, float],
) -> list[Array]:
    """The features of the parts' cells (rows, columns, C); ``color`` is what is beyond the frame.

    A single part is computed by all threads, several are computed side by side, the largest first.
    """
    images = []
    with stage("crop-and-resize"):
        for part in parts:
            x0, y0, x1, y1 = geometry.to_pixels(part.seen)
            size, corner = (int(x1 - x0), int(y1 - y0)), (float(x0), float(y0))
            images.append(crop_rectangle(frame.image, part.factor, corner, size, color)[None])
    with stage("backbone"):
        if len(parts) == 1:
            found = [network.run("features", images[0])]
        else:
            order = np.argsort([-image.size for image in images], kind="stable")
            results = network.map("features", [(images[number],) for number in order])
            found = [results[place] for place in np.argsort(order)]
    return [_keep_cells(features, part) for (features,), part in zip(found, parts, strict=True)]


def _keep_cells(features: Array, part: Part) -> Array:
    """The cells of a part, of those that were computed."""
    left, top = part.cells[:2] - part.seen[:2]
    columns, rows = part.cells[2:] - part.cells[:2]
    return features[0, top : top + rows, left : left + columns]
