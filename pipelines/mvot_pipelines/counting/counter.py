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
"""Seconds after which a track that was in a zone would be a new one there; no id comes back."""


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
            else _Zone(supervision, region, anchor)
            for region in read_regions(config, size)
        ]

    def update(self, frame: Frame, tracks: Tracks) -> tuple[Count, ...]:
        """Count the tracks of the next frame; returns all that each line and zone has counted."""
        boxes = tracks.to_supervision()
        return tuple(region.update(frame, boxes, tracks.id) for region in self._regions)


class _Line:
    def __init__(self, supervision: Any, region: Region, anchor: list[Any], frames: int) -> None:
        self._region = region
        start, end = (supervision.Point(x, y) for x, y in region.points.tolist())
        self._line = supervision.LineZone(
            start, end, triggering_anchors=anchor, minimum_crossing_threshold=frames
        )

    def update(self, frame: Frame, boxes: Any, ids: Int64[np.ndarray, " n"]) -> Count:
        self._line.trigger(boxes)
        return Count(
            name=self._region.name,
            kind="line",
            points=self._region.points,
            entered=self._line.in_count,
            left=self._line.out_count,
        )


class _Zone:
    def __init__(self, supervision: Any, region: Region, anchor: list[Any]) -> None:
        self._region = region
        polygon = region.points.round().astype(np.int64)
        self._zone = supervision.PolygonZone(polygon, triggering_anchors=anchor)
        self._seen: dict[int, float] = {}
        self._entered = 0

    def update(self, frame: Frame, boxes: Any, ids: Int64[np.ndarray, " n"]) -> Count:
        inside: Bool[np.ndarray, " n"] = self._zone.trigger(boxes)
        for track_id in ids[inside].tolist():
            self._entered += track_id not in self._seen
            self._seen[track_id] = frame.timestamp
        self._forget(frame.timestamp)
        return Count(
            name=self._region.name,
            kind="zone",
            points=self._region.points,
            entered=self._entered,
            inside=int(inside.sum()),
        )

    def _forget(self, time: float) -> None:
        """Forget tracks that have not been here for long, so that memory is bounded."""
        old = [one for one, seen in self._seen.items() if abs(time - seen) > _FORGOTTEN]
        for track_id in old:
            del self._seen[track_id]
