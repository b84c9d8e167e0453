"""Drawing of frame after frame."""

import math
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.colors import Color, TrackColors
from mvot_pipelines.sinks.overlay.counts import draw_places, label_places
from mvot_pipelines.sinks.overlay.labels import LIGHT, Image, choose_thickness, measure, write
from mvot_pipelines.sinks.overlay.tracks import Point, draw_box, draw_tracks
from mvot_plugin.types import Frame, Tracks

__all__ = ["Painter"]


class Painter:
    """Draws the tracks of frame after frame, with trails.

    Args:
        frame_rate: frames per second.
        class_names: the names of the classes by number, where the tracks have none.
        trail_seconds: the length of trails; older points are dropped, so memory is bounded.

    Examples:
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_pipelines.sinks.overlay import Painter
        >>> from mvot_synthetic import NoisyDetector, street
        >>> scene, painter = street(seed=2, size=(320, 240), frames=2), Painter()
        >>> for frame, tracks in MotPipeline(NoisyDetector(scene), "hold").run(scene):
        ...     image = painter.paint(frame, tracks)
        >>> image.shape, bool((image != frame.image).any())
        ((240, 320, 3), True)
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
        self._colors = TrackColors()
        self._arrays: list[Image] = []

    def paint(
        self,
        frame: Frame,
        tracks: Tracks,
        counts: Sequence[Count] = (),
        *,
        colors: Mapping[int, Color] | None = None,
    ) -> Image:
        """Draw tracks, trails, counts and a legend on a copy of the frame's image.

        Args:
            frame: the frame.
            tracks: its N tracks, with boxes in pixels of the frame.
            counts: what lines and zones have counted up to it.
            colors: those of the tracks by id, BGR, 0..255; None gives each track one of its own,
                which it keeps.

        Returns:
            The image, BGR uint8 of the frame's shape; the next call draws in the same array.
        """
        self._update_trails(tracks)
        trails = {key: [point for _, point in trail] for key, trail in self._trails.items()}
        colors = self._colors.assign(tracks.id.tolist()) if colors is None else colors
        if not self._arrays or self._arrays[0].shape != frame.image.shape:
            self._arrays = [np.empty_like(frame.image) for _ in range(3)]
        canvas, layer, image = self._arrays
        image = draw_places(frame.image, counts, image) if counts else frame.image
        names = self._class_names
        draw_tracks(
            image, tracks, trails, class_names=names, colors=colors, canvas=canvas, layer=layer
        )
        label_places(canvas, counts)
        _draw_legend(canvas, frame, tracks)
        return canvas

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
    detected = int(tracks.detected.sum())
    entries: list[tuple[bool | None, str]] = [
        (None, f"frame {frame.index}{_format_time(frame.timestamp)}"),
        (None, f"{len(tracks)} tracks"),
        (True, f"{detected} detected"),
        (False, f"{len(tracks) - detected} estimated"),
    ]
    height = gap = measure(canvas, "0g")[1]
    x, visible = gap, []
    for is_detected, text in entries:
        width = measure(canvas, text)[0] + (0 if is_detected is None else 2 * height)
        if x + width + gap > canvas.shape[1]:
            break
        visible.append((x, is_detected, text))
        x += width + gap
    panel = canvas[: 2 * height + choose_thickness(canvas), :x]
    panel[:] = panel // 3
    base = height + height // 2
    for x, is_detected, text in visible:
        if is_detected is not None:
            icon = np.array([x, base - height, x + height, base], np.int32)
            draw_box(canvas, icon, LIGHT, full=is_detected)
        origin = (x if is_detected is None else x + round(1.6 * height), base)
        write(canvas, text, origin, LIGHT)


def _format_time(seconds: float) -> str:
    """Minutes and seconds; nothing where the time is unknown."""
    if not math.isfinite(seconds):
        return ""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"  {minutes:.0f}:{rest:04.1f}"
