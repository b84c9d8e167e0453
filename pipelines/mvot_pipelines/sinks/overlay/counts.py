"""Drawing of lines and zones, with what they have counted."""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, Int32

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.overlay.labels import DARK, LIGHT, Image, choose_thickness, draw_label

__all__ = ["draw_places", "label_places"]

_OPACITY = 0.2
_ARROW = 0.06
"""Of the image's shorter side, at most."""


def draw_places(image: Image, counts: Sequence[Count], canvas: Image) -> Image:
    """Draw lines and zones over ``image``, on a ``canvas`` of its shape; returns it.

    Zones are tints with an edge; an arrow at a line's middle points to where "in" is.
    """
    np.copyto(canvas, image)
    for count in counts:
        points = count.points.round().astype(np.int32)
        if count.kind == "zone":
            _tint(canvas, points)
        _draw_lines(canvas, points, closed=count.kind == "zone")
        if count.kind == "line":
            _draw_arrow(canvas, count.points)
    return canvas


def label_places(canvas: Image, counts: Sequence[Count]) -> None:
    """Write what they have counted at the lines' first points and in the middle of zones."""
    for count in counts:
        x, y = (count.points.mean(axis=0) if count.kind == "zone" else count.points[0]).tolist()
        draw_label(canvas, count.label, round(x), round(y), DARK, centred=True)


def _tint(canvas: Image, points: Int32[np.ndarray, "k 2"]) -> None:
    """Brighten the pixels within a polygon."""
    x, y, width, height = cv2.boundingRect(points)
    window = slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width))
    part = canvas[window]
    if not part.size:
        return
    tint = part.copy()
    cv2.fillPoly(tint, [points - (max(0, x), max(0, y))], LIGHT)
    cv2.addWeighted(tint, _OPACITY, part, 1 - _OPACITY, 0, dst=part)


def _draw_lines(canvas: Image, points: Int32[np.ndarray, "k 2"], *, closed: bool) -> None:
    thickness = choose_thickness(canvas)
    for width, color in ((thickness + 2, DARK), (thickness, LIGHT)):
        cv2.polylines(canvas, [points], closed, color, width, cv2.LINE_AA)


def _draw_arrow(canvas: Image, points: Float32[np.ndarray, "2 2"]) -> None:
    """Draw an arrow from the line's middle to its left side, seen along the line."""
    along = points[1] - points[0]
    length = float(np.hypot(*along))
    if not length:
        return
    reach = min(_ARROW * min(canvas.shape[:2]), length / 3)
    start = points.mean(axis=0)
    tip = start + np.array([along[1], -along[0]]) * reach / length
    start, tip = (point.round().astype(int).tolist() for point in (start, tip))
    thickness = choose_thickness(canvas)
    for width, color in ((thickness + 2, DARK), (thickness, LIGHT)):
        cv2.arrowedLine(canvas, start, tip, color, width, cv2.LINE_AA, tipLength=0.4)
