"""Drawing of tracks: trails, masks, boxes and labels."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from jaxtyping import Int32

from mvot_pipelines.sinks.colors import Color, TrackColors
from mvot_pipelines.sinks.masks import tint_mask
from mvot_pipelines.sinks.overlay.labels import DARK, Image, choose_thickness, draw_label
from mvot_plugin.types import Tracks, paste_mask

__all__ = ["Point", "draw_box", "draw_tracks"]

Point: TypeAlias = tuple[int, int]

_TRAIL_STEPS = 5


def draw_tracks(
    image: Image,
    tracks: Tracks,
    trails: Mapping[int, Sequence[Point]],
    *,
    class_names: Mapping[int, str] | None = None,
    colors: Mapping[int, Color] | None = None,
    canvas: Image | None = None,
    layer: Image | None = None,
) -> Image:
    """Draw masks, boxes, labels and trails (points by track id) on a copy of ``image``.

    Masks are tints with an edge. Detected boxes are full outlines, estimated ones are corners only.
    Boxes that end lower in the image are drawn on top, since these objects are nearer to most
    cameras. ``colors`` are those of the tracks by id, by default the first of the palette.
    ``canvas`` and ``layer`` are arrays to use again, of the shape of the image: for the copy, and
    to draw trails on.
    """
    canvas = np.empty_like(image) if canvas is None else canvas
    layer = np.empty_like(image) if layer is None else layer
    np.copyto(canvas, image)
    height, width = image.shape[:2]
    limit = np.array([width, height, width, height], np.float32)
    boxes = np.nan_to_num(tracks.xyxy.clip(-limit, 2 * limit)).round().astype(np.int32)
    order = np.argsort(boxes[:, 3], kind="stable").tolist()
    ids = tracks.id.tolist()
    colors = TrackColors().assign(ids) if colors is None else colors
    names = class_names or tracks.class_names or {}
    shown = {ids[row]: trails.get(ids[row], ()) for row in order}
    _draw_trails(canvas, image, layer, shown, colors)
    _draw_masks(canvas, tracks, order, colors)
    for row in order:
        draw_box(canvas, boxes[row], colors[ids[row]], full=bool(tracks.detected[row]))
    for row in order:
        name = names.get(int(tracks.class_id[row]))
        text = str(ids[row]) if name is None else f"{ids[row]} {name}"
        draw_label(canvas, text, int(boxes[row, 0]) - 1, int(boxes[row, 1]), colors[ids[row]])
    return canvas


def _draw_trails(
    canvas: Image,
    image: Image,
    layer: Image,
    trails: Mapping[int, Sequence[Point]],
    colors: Mapping[int, Color],
) -> None:
    """Draw semi-transparent lines that get thinner towards the past, on a copy of ``image``.

    They are drawn on the ``layer``, and only the parts with a trail are blended.
    """
    shown = {key: np.array(trail, np.int32) for key, trail in trails.items() if len(trail) > 1}
    parts = [_enclose(points, image) for points in shown.values()]
    for part in parts:
        layer[part] = image[part]
    for track_id, points in shown.items():
        _draw_trail(layer, points, colors[track_id])
    for part in parts:
        if canvas[part].size:
            cv2.addWeighted(layer[part], 0.7, image[part], 0.3, 0, dst=canvas[part])


def _enclose(points: Int32[np.ndarray, "n 2"], image: Image) -> tuple[slice, slice]:
    """The rows and columns of the image that a trail through the points may cover."""
    x, y, width, height = cv2.boundingRect(points)
    margin = 2 * choose_thickness(image) + 2
    rows = slice(max(0, y - margin), max(0, y + height + margin))
    return rows, slice(max(0, x - margin), max(0, x + width + margin))


def _draw_trail(layer: Image, points: Int32[np.ndarray, "n 2"], color: Color) -> None:
    """Draw a line through the points in steps, each wider than the one before."""
    for step, (start, stop) in enumerate(pairwise(_split_trail(len(points)))):
        width = max(1, round(2 * choose_thickness(layer) * (step + 1) / _TRAIL_STEPS))
        part = points[start : stop + 1].reshape(-1, 1, 2)
        cv2.polylines(layer, [part], False, color, width, cv2.LINE_AA)


@lru_cache(maxsize=256)
def _split_trail(length: int) -> list[int]:
    """The rows of a trail at which its steps start and end."""
    rows: list[int] = np.linspace(0, length - 1, _TRAIL_STEPS + 1).round().astype(int).tolist()
    return rows


def _draw_masks(
    canvas: Image, tracks: Tracks, order: Sequence[int], colors: Mapping[int, Color]
) -> None:
    """Tint the pixels of the tracks' masks, row by row in this order."""
    if tracks.masks is None:
        return
    height, width = canvas.shape[:2]
    for row in order:
        pasted = paste_mask(tracks.masks[row], tracks.xyxy[row], (width, height))
        color = colors[int(tracks.id[row])]
        tint_mask(canvas, pasted, color, edge=-(-choose_thickness(canvas) // 2))


def draw_box(canvas: Image, box: Int32[np.ndarray, "4"], color: Color, *, full: bool) -> None:
    """Draw an outline or its four corners, on a dark edge for contrast."""
    x0, y0, x1, y1 = box[0], box[1], max(box[0], box[2] - 1), max(box[1], box[3] - 1)
    across, down = round(0.28 * float(x1 - x0)), round(0.22 * float(y1 - y0))
    corners = [
        np.array([[x + dx, y], [x, y], [x, y + dy]], np.int32)
        for x, dx in ((x0, across), (x1, -across))
        for y, dy in ((y0, down), (y1, -down))
    ]
    outline = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)]
    lines, thickness = outline if full else corners, choose_thickness(canvas)
    cv2.polylines(canvas, lines, full, DARK, thickness + 2, cv2.LINE_AA)
    cv2.polylines(canvas, lines, full, color, thickness, cv2.LINE_AA)
