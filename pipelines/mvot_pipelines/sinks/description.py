"""Frames and tracks as plain values, for JSON."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mvot_pipelines.sinks.masks import encode_rle
from mvot_plugin.types import Frame, Tracks, paste_mask

__all__ = ["FrameDescription"]


class FrameDescription:
    """Describes the frames of a video, as ``JsonLinesSink`` documents it.

    Args:
        class_names: The names of the classes by number, where the tracks have none.
        clock: That of ``Frame.captured``.
        stream: The stream's name, where there are others; None leaves it out.
    """

    def __init__(
        self,
        class_names: Mapping[int, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        stream: str | None = None,
    ) -> None:
        self._class_names = class_names
        self._own: dict[str, Any] = {} if stream is None else {"stream": stream}
        self._clock, self._epoch = clock, time.time() - clock()

    def frame(self, frame: Frame) -> dict[str, Any]:
        """The stream, where there are several, the number and the time of a frame."""
        is_timed = math.isfinite(frame.timestamp)
        timestamp = round(frame.timestamp, 6) + 0.0 if is_timed else None
        return {**self._own, "frame": frame.index, "timestamp": timestamp}

    def times(self, frame: Frame) -> dict[str, Any]:
        """When a frame was captured, and its delay; nothing for a recording."""
        if not math.isfinite(frame.captured):
            return {}
        delay = self._clock() - frame.captured
        return {"captured": round(self._epoch + frame.captured, 3), "delay": round(delay, 3)}

    def tracks(self, frame: Frame, tracks: Tracks) -> list[dict[str, Any]]:
        """The tracks on a frame, with their masks."""
        named = replace(tracks, class_names=tracks.class_names or self._class_names)
        entries = named.to_dicts()
        if tracks.masks is not None:
            for row, entry in enumerate(entries):
                pasted = paste_mask(tracks.masks[row], tracks.xyxy[row], frame.size)
                entry["mask"] = encode_rle(pasted, frame.size)
        return entries
