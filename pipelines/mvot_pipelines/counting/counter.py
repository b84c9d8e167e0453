"""Counting with supervision's lines and zones."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Int64

from mvot_pipelines.counting.config import CountingConfig
from mvot_pipelines.counting.counts import Count
from mvot_pipelines.counting.regions import Region, read_regions
from mvot_plugin.extras import require_module
from mvot_plugin.types import Frame, Tracks

__all__ = ["Counter"]

_FORGOTTEN = 60.0
"""Seconds after which a track that is not reported any more is forgotten, and counts as new."""


class Counter:
    """Counts the tracks of one video; every reported box counts, detected or estimated.

    Args:
        config: What is counted, and how.
        size: (width, height) of the frames in pixels.

    Raises:
        UsageError: supervision is not installed, or a line cannot be understood.
        InputError: The file of zones cannot be read.
    """

    def __init__(self, config: CountingConfig, size: tuple[int, int]) -> None:
        supervision = require_module(
            "supervision", "counting (--count-line, --zone)", "supervision"
        )
        anchor = [supervision.Position[config.anchor.upper()]]
        self._regions = [
            _Line(supervision, region, anchor, config.crossing_frames)
            if region.is_line
            else _Zone(supervision, region, anchor, size)
            for region in read_regions(config, size)
        ]

    def update(self, frame: Frame, tracks: Tracks) -> tuple[Count, ...]:
        """Count the tracks of the next frame; returns all that each line and zone has counted."""
        boxes = tracks.to_supervision()
        return tuple(region.update(frame, boxes, tracks.id) for region in self._regions)


class _Line:
    """A line. It sees a track that is hidden where it was last, and so knows its side."""

    def __init__(self, supervision: Any, region: Region, anchor: list[Any], frames: int) -> None:
        self._region = region
        self._build_boxes = supervision.Detections
        start, end = (supervision.Point(x, y) for x, y in region.points.tolist())
        self._line = supervision.LineZone(
            start, end, triggering_anchors=anchor, minimum_crossing_threshold=frames
        )
        self._last: dict[int, tuple[float, list[float]]] = {}

    def update(self, frame: Frame, boxes: Any, ids: Int64[np.ndarray, " n"]) -> Count:
        time = frame.timestamp
        self._last |= {
            one: (time, box) for one, box in zip(ids.tolist(), boxes.xyxy.tolist(), strict=True)
        }
        self._last = {one: at for one, at in self._last.items() if abs(time - at[0]) <= _FORGOTTEN}
        xyxy = np.array([box for _, box in self._last.values()], np.float32).reshape(-1, 4)
        self._line.trigger(
            self._build_boxes(xyxy=xyxy, tracker_id=np.array(list(self._last), np.int64))
        )
        return Count(
            name=self._region.name,
            kind="line",
            points=self._region.points,
            entered=self._line.in_count,
            left=self._line.out_count,
        )


class _Zone:
    def __init__(
        self, supervision: Any, region: Region, anchor: list[Any], size: tuple[int, int]
    ) -> None:
        self._region = region
        points = region.points.round().astype(np.int64)
        edge = np.array(size)  # boxes are half-open: those in the last pixel end beyond it
        polygon = np.where(points == edge - 1, edge, points)
        self._zone = supervision.PolygonZone(polygon, triggering_anchors=anchor)
        self._seen: dict[int, float] = {}
        self._entered = 0

    def update(self, frame: Frame, boxes: Any, ids: Int64[np.ndarray, " n"]) -> Count:
        inside: Bool[np.ndarray, " n"] = self._zone.trigger(boxes)
        time = frame.timestamp
        for track_id in ids[inside].tolist():
            self._entered += track_id not in self._seen
            self._seen[track_id] = time
        self._seen = {one: at for one, at in self._seen.items() if abs(time - at) <= _FORGOTTEN}
        return Count(
            name=self._region.name,
            kind="zone",
            points=self._region.points,
            entered=self._entered,
            inside=int(inside.sum()),
        )
