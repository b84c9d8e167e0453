"""Tracks drawn over frames: boxes, labels, trails and a legend."""

import colorsys
import math
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Int32, UInt8

from mvot_plugin.types import Frame, Tracks

__all__ = ["Painter", "draw_tracks", "track_color"]

Image = UInt8[np.ndarray, "height width 3"]
Color = tuple[int, int, int]
Point = tuple[int, int]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_DARK, _LIGHT = (24, 24, 24), (255, 255, 255)
_TRAIL_STEPS = 5


@lru_cache(maxsize=4096)
def track_color(track_id: int) -> Color:
    """The BGR colour of an identity: always the same, and far from its neighbours'.

    Hues advance by the golden ratio, so that any run of ids spreads evenly over the circle.
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
) -> Image:
    """A copy of ``image`` with boxes, labels and the trails of the tracks, by track id.

    Detected boxes are whole outlines, estimated ones are corners only. Whoever stands lower in
    the image, and so nearer to most cameras, is drawn on top.
    """
    canvas = image.copy()
    height, width = image.shape[:2]
    limit = np.array([width, height, width, height], np.float32)
    boxes = np.nan_to_num(tracks.xyxy.clip(-limit, 2 * limit)).round().astype(np.int32)
    order = np.argsort(boxes[:, 3], kind="stable").tolist()
    ids = tracks.id.tolist()
    _draw_trails(canvas, {ids[row]: trails.get(ids[row], ()) for row in order})
    for row in order:
        _draw_box(canvas, boxes[row], track_color(ids[row]), whole=bool(tracks.detected[row]))
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


def _draw_trails(canvas: Image, trails: Mapping[int, Sequence[Point]]) -> None:
    """Lines that thin out towards the past, half transparent."""
    if not any(len(trail) > 1 for trail in trails.values()):
        return
    layer = canvas.copy()
    for track_id, trail in trails.items():
        points = np.array(trail, np.int32).reshape(-1, 1, 2)
        edges = np.linspace(0, len(points) - 1, _TRAIL_STEPS + 1).round().astype(int)
        for step, (start, stop) in enumerate(pairwise(edges)):
            width = max(1, round(2 * _thickness(canvas) * (step + 1) / _TRAIL_STEPS))
            part = points[start : stop + 1]
            cv2.polylines(layer, [part], False, track_color(track_id), width, cv2.LINE_AA)
    cv2.addWeighted(layer, 0.7, canvas, 0.3, 0, dst=canvas)


def _draw_box(canvas: Image, box: Int32[np.ndarray, "4"], color: Color, *, whole: bool) -> None:
    """An outline, or its four corners; on a dark edge that keeps it readable anywhere."""
    x0, y0, x1, y1 = box[0], box[1], max(box[0], box[2] - 1), max(box[1], box[3] - 1)
    across, down = round(0.28 * float(x1 - x0)), round(0.22 * float(y1 - y0))
    corners = [
        np.array([[x + dx, y], [x, y], [x, y + dy]], np.int32)
        for x, dx in ((x0, across), (x1, -across))
        for y, dy in ((y0, down), (y1, -down))
    ]
    outline = [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.int32)]
    lines, thickness = outline if whole else corners, _thickness(canvas)
    cv2.polylines(canvas, lines, whole, _DARK, thickness + 2, cv2.LINE_AA)
    cv2.polylines(canvas, lines, whole, color, thickness, cv2.LINE_AA)


def _draw_label(canvas: Image, box: Int32[np.ndarray, "4"], text: str, color: Color) -> None:
    """A filled tag on top of the box, or in it at the image's upper edge; always inside."""
    scale, pad = _font_scale(canvas), _thickness(canvas) + 1
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    width, height = text_width + 2 * pad, text_height + 2 * pad
    left = int(np.clip(box[0] - 1, 0, max(0, canvas.shape[1] - width)))
    above = int(box[1]) - height
    top = int(np.clip(above if above >= 0 else box[1], 0, max(0, canvas.shape[0] - height)))
    cv2.rectangle(canvas, (left, top), (left + width - 1, top + height - 1), color, cv2.FILLED)
    bright = color @ np.array([0.114, 0.587, 0.299]) > 110
    origin = (left + pad, top + pad + text_height)
    cv2.putText(canvas, text, origin, _FONT, scale, _DARK if bright else _LIGHT, 1, cv2.LINE_AA)


class Painter:
    """Draws frame after frame, and remembers where each track was for its trail.

    The memory is bounded: points older than ``trail_seconds`` are forgotten, and with its last
    point a track.
    """

    def __init__(
        self,
        *,
        frame_rate: float | int = 25.0,
        class_names: Mapping[int, str] | None = None,
        trail_seconds: float | int = 1.5,
    ) -> None:
        self._class_names = class_names
        self._span = min(max(2, round(frame_rate * trail_seconds)), 200)
        self._painted = 0
        self._trails: dict[int, deque[tuple[int, Point]]] = {}

    def paint(self, frame: Frame, tracks: Tracks) -> Image:
        """A copy of the frame's image with tracks, trails and a legend."""
        self._remember(tracks)
        trails = {key: [point for _, point in trail] for key, trail in self._trails.items()}
        canvas = draw_tracks(frame.image, tracks, trails, class_names=self._class_names)
        _draw_legend(canvas, frame, tracks)
        return canvas

    def _remember(self, tracks: Tracks) -> None:
        """Add the middle of each box's lower edge, and drop what is too old."""
        self._painted += 1
        boxes = np.nan_to_num(tracks.xyxy.clip(-1e4, 1e5))
        feet = np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1).round().astype(int)
        for track_id, (x, y) in zip(tracks.id.tolist(), feet.tolist(), strict=True):
            self._trails.setdefault(track_id, deque()).append((self._painted, (x, y)))
        for track_id, trail in list(self._trails.items()):
            while trail and trail[0][0] <= self._painted - self._span:
                trail.popleft()
            if not trail:
                del self._trails[track_id]


def _draw_legend(canvas: Image, frame: Frame, tracks: Tracks) -> None:
    """One line in the upper left corner: when this is, and how many boxes of which kind."""
    scale, unit = _font_scale(canvas), _thickness(canvas)
    detected = int(tracks.detected.sum())
    entries: list[tuple[bool | None, str]] = [
        (None, f"frame {frame.index}{_clock(frame.timestamp)}"),
        (None, f"{len(tracks)} tracks"),
        (True, f"{detected} detected"),
        (False, f"{len(tracks) - detected} estimated"),
    ]
    height = gap = cv2.getTextSize("0g", _FONT, scale, 1)[0][1]
    place, placed = gap, []
    for kind, text in entries:
        width = cv2.getTextSize(text, _FONT, scale, 1)[0][0] + (0 if kind is None else 2 * height)
        if place + width + gap > canvas.shape[1]:
            break
        placed.append((place, kind, text))
        place += width + gap
    panel = canvas[: 2 * height + unit, :place]
    panel[:] = panel // 3
    base = height + height // 2
    for x, kind, text in placed:
        if kind is not None:
            icon = np.array([x, base - height, x + height, base], np.int32)
            _draw_box(canvas, icon, _LIGHT, whole=kind)
        origin = (x if kind is None else x + round(1.6 * height), base)
        cv2.putText(canvas, text, origin, _FONT, scale, _LIGHT, 1, cv2.LINE_AA)


def _clock(seconds: float) -> str:
    if not math.isfinite(seconds):
        return ""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"  {minutes:.0f}:{rest:04.1f}"
