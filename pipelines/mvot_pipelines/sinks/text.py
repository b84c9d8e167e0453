"""Sinks for the text formats: MOTChallenge rows and JSON lines.

A text sink writes whole frames or nothing: whatever ends the run, the file ends with the last
frame that was written completely.
"""

import json
import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

import numpy as np

from mvot_pipelines.sinks.base import Sink
from mvot_pipelines.sinks.files import OutputFile
from mvot_pipelines.sinks.masks import encode_rle
from mvot_plugin.ops.boxes import xyxy_to_ltwh
from mvot_plugin.types import Frame, Tracks, paste_mask

__all__ = ["JsonLinesSink", "MotTextSink"]


class _TextSink(Sink, ABC):
    """Writes each frame at once; a write that fails half-way is undone."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = OutputFile(path)

    @abstractmethod
    def _format_frame(self, frame: Frame, tracks: Tracks) -> str:
        """The lines of one frame."""

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Write the lines of one frame, ordered by id, without buffering."""
        order = np.argsort(tracks.id, kind="stable")
        self._file.append(self._format_frame(frame, tracks[order]).encode())

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


class MotTextSink(_TextSink):
    """MOTChallenge rows: ``frame,id,left,top,width,height,conf,-1,-1,-1``.

    Frames and pixels count from 1 in this format. The same tracks give the same bytes.
    """

    def _format_frame(self, frame: Frame, tracks: Tracks) -> str:
        boxes = xyxy_to_ltwh(tracks.xyxy.astype(np.float64))
        boxes[:, :2] += 1
        rows = zip(tracks.id.tolist(), boxes.tolist(), tracks.score.tolist(), strict=True)
        return "".join(
            f"{frame.index + 1},{track_id},{_format_box(box)},{score:.4f},-1,-1,-1\n"
            for track_id, box, score in rows
        )


def _format_box(box: list[float]) -> str:
    return ",".join(f"{round(value, 2) + 0.0:.2f}" for value in box)  # + 0.0: no "-0.00"


class JsonLinesSink(_TextSink):
    """One JSON object per line: one track on one frame.

    Keys: ``frame`` (from 0), ``timestamp`` (seconds, null if unknown), ``id``, ``box``
    (x0, y0, x1, y1 in pixels from 0), ``score``, ``class_id``, ``class`` (its name, null if
    unknown; only if names are given) and ``state``, which is "detected" or "estimated". Tracks with
    masks also have ``mask``, the pixels of the frame that show the target, in COCO's compressed
    run-length encoding: ``{"size": [height, width], "counts": "..."}``. Frames of a live source
    also have ``captured`` (seconds since 1970, when the source captured it) and ``delay`` (seconds
    from then until it is written).

    ``clock`` is that of ``Frame.captured``. Masks need pycocotools, of the extra ``masks``;
    ``write`` raises ``UsageError`` where it is missing.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        class_names: Mapping[int, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(path)
        self._class_names = class_names
        self._clock, self._epoch = clock, time.time() - clock()

    def _format_frame(self, frame: Frame, tracks: Tracks) -> str:
        times = self._format_times(frame)
        rows = (self._format_track(frame, tracks, row) | times for row in range(len(tracks)))
        return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)

    def _format_times(self, frame: Frame) -> dict[str, object]:
        """When a frame was captured, and its delay; nothing for a recording."""
        if not math.isfinite(frame.captured):
            return {}
        delay = self._clock() - frame.captured
        return {"captured": round(self._epoch + frame.captured, 3), "delay": round(delay, 3)}

    def _format_track(self, frame: Frame, tracks: Tracks, row: int) -> dict[str, object]:
        class_id = int(tracks.class_id[row])
        names = self._class_names
        return {
            "frame": frame.index,
            "timestamp": _round_finite(frame.timestamp, 6),
            "id": int(tracks.id[row]),
            "box": [_round_finite(value, 2) for value in tracks.xyxy[row].tolist()],
            "score": _round_finite(tracks.score[row].item(), 4),
            "class_id": class_id,
            **({} if names is None else {"class": names.get(class_id)}),
            "state": "detected" if tracks.detected[row] else "estimated",
            **_format_mask(frame, tracks, row),
        }


def _format_mask(frame: Frame, tracks: Tracks, row: int) -> dict[str, object]:
    """The pixels that show a target; nothing where tracks have no masks."""
    if tracks.masks is None:
        return {}
    pasted = paste_mask(tracks.masks[row], tracks.xyxy[row], frame.size)
    return {"mask": encode_rle(pasted, frame.size)}


def _round_finite(value: float, digits: int) -> float | None:
    """The rounded value; None, which is JSON's null, where it is not finite."""
    return round(value, digits) + 0.0 if math.isfinite(value) else None
