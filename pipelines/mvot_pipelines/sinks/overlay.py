"""Drawing of tracks over frames: masks, boxes, labels, trails and a legend."""

import colorsys
import math
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Int32, UInt8

from mvot_pipelines.sinks.masks import tint_mask
from mvot_plugin.types import Frame, Tracks, paste_mask

__all__ = ["Painter", "draw_tracks", "track_color"]

Image = UInt8[np.ndarray, "height width 3"]
Color = tuple[int, int, int]
Point = tuple[int, int]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_DARK, _LIGHT = (24, 24, 24), (255, 255, 255)
_TRAIL_STEPS = 5


@lru_cache(maxsize=4096)
def track_color(track_id: int) -> Color:
    """The BGR colour of a track id.

    Hues advance by the golden ratio, so that consecutive ids differ clearly.
    """
    hue = track_id * 0.618034 % 1
    saturation, value = ((0.80, 1.0), (0.55, 1.0), (0.70, 0.90))[track_id % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def draw_tracks(
    image: Image,
    tracks: Tracks,
    trails: Mapping[int, Sequence[Point]],
    *,
    class_names: Mapping[int, str] | None = None,
    canvas: Image | None = None,
    layer: Image | None = None,
) -> Image:
    """Draw masks, boxes, labels and trails (points by track id) on a copy of ``image``.

    Masks are tints with an edge. Detected boxes are full outlines, estimated ones are corners only.
    Boxes that end lower in the image are drawn on top, since these objects are nearer to most
    cameras. ``canvas`` and ``layer`` are arrays to use again, of the shape of the image: for the
    copy, and to draw trails on.
    """
    canvas = np.empty_like(image) if canvas is None else canvas
    layer = np.empty_like(image) if layer is None else layer
    np.copyto(canvas, image)
    height, width = image.shape[:2]
    limit = np.array([width, height, width, height], np.float32)
    boxes = np.nan_to_num(tracks.xyxy.clip(-limit, 2 * limit)).round().astype(np.int32)
    order = np.argsort(boxes[:, 3], kind="stable").tolist()
    ids = tracks.id.tolist()
    _draw_trails(canvas, image, layer, {ids[row]: trails.get(ids[row], ()) for row in order})
    _draw_masks(canvas, tracks, order)
    for row in order:
        _draw_box(canvas, boxes[row], track_color(ids[row]), full=bool(tracks.detected[row]))
    for row in order:
        name = (class_names or {}).get(int(tracks.class_id[row]))
        text = str(ids[row]) if name is None else f"{ids[row]} {name}"
        _draw_label(canvas, boxes[row], text, track_color(ids[row]))
    return canvas


def _short_side(image: Image) -> int:
    return int(min(image.shape[:2]))


def _thickness(image: Image) -> int:
    return max(1, round(_short_side(image) / 350))


def _font_scale(image: Image) -> float:
    return 0.25 + _short_side(image) / 2700


def _draw_trails(
    canvas: Image, image: Image, layer: Image, trails: Mapping[int, Sequence[Point]]
) -> None:
    """Draw semi-transparent lines that get thinner towards the past, on a copy of ``image``.

    They are drawn on the ``layer``, and only the parts with a trail are blended.
    """
    shown = {key: np.array(trail, np.int32) for key, trail in trails.items() if len(trail) > 1}
    parts = [_enclose(points, image) for points in shown.values()]
    for part in parts:
        layer[part] = image[part]
    for track_id, points in shown.items():
        _draw_trail(layer, points, track_color(track_id))
    for part in parts:
        if canvas[part].size:
            cv2.addWeighted(layer[part], 0.7, image[part], 0.3, 0, dst=canvas[part])


def _enclose(points: Int32[np.ndarray, "n 2"], image: Image) -> tuple[slice, slice]:
    """The rows and columns of the image that a trail through the points may cover."""
    x, y, width, height = cv2.boundingRect(points)
    margin = 2 * _thickness(image) + 2
    rows = slice(max(0, y - margin), max(0, y + height + margin))
    return rows, slice(max(0, x - margin), max(0, x + width + margin))


def _draw_trail(layer: Image, points: Int32[np.ndarray, "n 2"], color: Color) -> None:
    """Draw a line through the points in steps, each wider than the one before."""
    for step, (start, stop) in enumerate(pairwise(_split_trail(len(points)))):
        width = max(1, round(2 * _thickness(layer) * (step + 1) / _TRAIL_STEPS))
        part = points[start : stop + 1].reshape(-1, 1, 2)
        cv2.polylines(layer, [part], False, color, width, cv2.LINE_AA)


@lru_cache(maxsize=256)
def _split_trail(length: int) -> list[int]:
    """The rows of a trail at which its steps start and end."""
    rows: list[int] = np.linspace(0, length - 1, _TRAIL_STEPS + 1).round().astype(int).tolist()
    return rows


def _draw_masks(canvas: Image, tracks: Tracks, order: Sequence[int]) -> None:
    """Tint the pixels of the tracks' masks, row by row in this order."""
    if tracks.masks is None:
        return
    height, width = canvas.shape[:2]
    for row in order:
        pasted = paste_mask(tracks.masks[row], tracks.xyxy[row], (width, height))
        color = track_color(int(tracks.id[row]))
        tint_mask(canvas, pasted, color, edge=-(-_thickness(canvas) // 2))


def _draw_box(canvas: Image, box: Int32[np.ndarray, "4"], color: Color, *, full: bool) -> None:
    """Draw an outline or its four corners, on a dark edge for contrast."""
    x0, y0, x1, y1 = box[0], box[1], max(box[0], box[2] - 1), max(box[1], box[3] - 1)
    across, down = round(0.28 * float(x1 - x0)), round(0.22 * float(y1 - y0))
    corners = [
        np.array([[x + dx, y], [x, y], [x, y + dy]], np.int32)
        for x, dx in ((x0, across), (x1, -across))
        for y, dy in ((y0, down), (y1, -down))
    ]
    outline = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)]
    lines, thickness = outline if full else corners, _thickness(canvas)
    cv2.polylines(canvas, lines, full, _DARK, thickness + 2, cv2.LINE_AA)
    cv2.polylines(canvas, lines, full, color, thickness, cv2.LINE_AA)


def _draw_label(canvas: Image, box: Int32[np.ndarray, "4"], text: str, color: Color) -> None:
    """Draw a filled label above the box, or in it at the image's upper edge."""
    scale, pad = _font_scale(canvas), _thickness(canvas) + 1
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    width, height = text_width + 2 * pad, text_height + 2 * pad
    left = int(np.clip(box[0] - 1, 0, max(0, canvas.shape[1] - width)))
    above = int(box[1]) - height
    top = int(np.clip(above if above >= 0 else box[1], 0, max(0, canvas.shape[0] - height)))
    cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), color, cv2.FILLED)
    is_bright = color @ np.array([0.114, 0.587, 0.299]) > 110
    origin = (left + pad, top + pad + text_height)
    cv2.putText(canvas, text, origin, _FONT, scale, _DARK if is_bright else _LIGHT, 1, cv2.LINE_AA)


class Painter:
    """Draws the tracks of frame after frame, with trails of the last ``trail_seconds``.

    Older points are dropped, so memory is bounded.
    """

    def __init__(
        self,
        *,
        frame_rate: float | int = 25.0,
        class_names: Mapping[int, str] | None = None,
        trail_seconds: float | int = 1.5,
    ) -> None:
        self._class_names = class_names
        self._trail_frames = min(max(2, round(frame_rate * trail_seconds)), 200)
        self._frames = 0
        self._trails: dict[int, deque[tuple[int, Point]]] = {}
        self._canvas: Image | None = None
        self._layer: Image | None = None

    def paint(self, frame: Frame, tracks: Tracks) -> Image:
        """Draw tracks, trails and a legend on a copy of the frame's image.

        The next call draws in the same array.
        """
        self._update_trails(tracks)
        trails = {key: [point for _, point in trail] for key, trail in self._trails.items()}
        if self._canvas is None or self._canvas.shape != frame.image.shape:
            self._canvas, self._layer = np.empty_like(frame.image), np.empty_like(frame.image)
        arrays = {"canvas": self._canvas, "layer": self._layer}
        draw_tracks(frame.image, tracks, trails, class_names=self._class_names, **arrays)
        _draw_legend(self._canvas, frame, tracks)
        return self._canvas

    def _update_trails(self, tracks: Tracks) -> None:
        """Add the centre of each box's lower edge to its trail, and drop old points."""
        self._frames += 1
        boxes = np.nan_to_num(tracks.xyxy.clip(-1e4, 1e5))
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1).round().astype(int)
        for track_id, (x, y) in zip(tracks.id.tolist(), feet.tolist(), strict=True):
            self._trails.setdefault(track_id, deque()).append((self._frames, (x, y)))
        for track_id, trail in list(self._trails.items()):
            while trail and trail[0][0] <= self._frames - self._trail_frames:
                trail.popleft()
            if not trail:
                del self._trails[track_id]


def _draw_legend(canvas: Image, frame: Frame, tracks: Tracks) -> None:
    """Draw a line in the upper left corner: frame, time, and the numbers of boxes."""
    scale, unit = _font_scale(canvas), _thickness(canvas)
    detected = int(tracks.detected.sum())
    entries: list[tuple[bool | None, str]] = [
        (None, f"frame {frame.index}{_format_time(frame.timestamp)}"),
        (None, f"{len(tracks)} tracks"),
        (True, f"{detected} detected"),
        (False, f"{len(tracks) - detected} estimated"),
    ]
    height = gap = cv2.getTextSize("0g", _FONT, scale, 1)[0][1]
    x, visible = gap, []
    for is_detected, text in entries:
        width = cv2.getTextSize(text, _FONT, scale, 1)[0][0] + (
            0 if is_detected is None else 2 * height
        )
        if x + width + gap > canvas.shape[1]:
            break
        visible.append((x, is_detected, text))
        x += width + gap
    panel = canvas[: 2 * height + unit, :x]
    panel[:] = panel // 3
    base = height + height // 2
    for x, is_detected, text in visible:
        if is_detected is not None:
            icon = np.array([x, base - height, x + height, base], np.int32)
            _draw_box(canvas, icon, _LIGHT, full=is_detected)
        origin = (x if is_detected is None else x + round(1.6 * height), base)
        cv2.putText(canvas, text, origin, _FONT, scale, _LIGHT, 1, cv2.LINE_AA)


def _format_time(seconds: float) -> str:
    """Minutes and seconds; nothing where the time is unknown."""
    if not math.isfinite(seconds):
        return ""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"  {minutes:.0f}:{rest:04.1f}"
