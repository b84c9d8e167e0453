"""Where tracks go: the sink protocol, and the text formats.

A text sink writes whole records or nothing: whatever stops the run, the file ends with the last
frame that was written completely.
"""

import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar, runtime_checkable

import numpy as np

from mvot_plugin.errors import OutputError
from mvot_plugin.ops.boxes import xyxy_to_tlwh
from mvot_plugin.types import Frame, Tracks

__all__ = ["JsonLinesSink", "MotTextSink", "Sink", "StopRun", "claim_output"]

SinkT = TypeVar("SinkT", bound="Sink")


class StopRun(Exception):  # noqa: N818 - it is no error
    """The user asked to stop: end the run as if the video had ended."""


@runtime_checkable
class Sink(Protocol):
    """Takes every frame with its tracks; a context manager, and closing it twice is fine.

    The output is opened on construction, so that one that cannot be written fails before any
    tracking starts. A sink that fails raises ``OutputError`` and names itself.
    """

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Record the tracks of one frame."""

    def close(self) -> None:
        """Finish the output; a second call does nothing."""

    def __enter__(self: SinkT) -> SinkT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def claim_output(path: Path) -> BinaryIO:
    """Create or empty the file at ``path``, with its folders, unbuffered.

    Raises ``OutputError`` with the system's reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb", buffering=0)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


class _TextSink(Sink, ABC):
    """One write per frame; a write that fails half-way is taken back."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._end = 0
        self._file = claim_output(self._path)

    @abstractmethod
    def _record(self, frame: Frame, tracks: Tracks) -> str: ...

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Write the lines of one frame, ids ascending, and hand them to the system at once."""
        data = self._record(frame, tracks[np.argsort(tracks.id, kind="stable")]).encode()
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
        except BaseException as error:
            self._take_back()
            if isinstance(error, OSError):
                reason = error.strerror or error
                raise OutputError(f"cannot write {self._path}: {reason}") from error
            raise
        self._end += len(data)

    def _take_back(self) -> None:
        """Cut the file after the last whole frame; pipes and devices cannot be cut."""
        with suppress(OSError):
            self._file.truncate(self._end)
            self._file.seek(self._end)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        try:
            self._file.close()
        except OSError as error:
            raise OutputError(f"cannot finish {self._path}: {error.strerror}") from error


class MotTextSink(_TextSink):
    """MOTChallenge rows: ``frame,id,left,top,width,height,conf,-1,-1,-1``.

    Frames and pixels count from 1 there. The same tracks give the same bytes.
    """

    def _record(self, frame: Frame, tracks: Tracks) -> str:
        boxes = xyxy_to_tlwh(tracks.xyxy.astype(np.float64))
        boxes[:, :2] += 1
        rows = zip(tracks.id.tolist(), boxes.tolist(), tracks.score.tolist(), strict=True)
        return "".join(
            f"{frame.index + 1},{track_id},{_pixels(box)},{score:.4f},-1,-1,-1\n"
            for track_id, box, score in rows
        )


def _pixels(box: list[float]) -> str:
    return ",".join(f"{round(value, 2) + 0.0:.2f}" for value in box)  # + 0.0: no "-0.00"


class JsonLinesSink(_TextSink):
    """One JSON object per line: one track on one frame.

    Keys: ``frame`` (from 0), ``timestamp`` (seconds, null if unknown), ``id``, ``box``
    (x0, y0, x1, y1 in pixels from 0), ``score``, ``class_id``, ``class`` (its name, null if
    unknown; only if names are given) and ``state``, which is "detected" or "estimated".
    """

    def __init__(
        self, path: str | os.PathLike[str], *, class_names: Mapping[int, str] | None = None
    ) -> None:
        super().__init__(path)
        self._class_names = class_names

    def _record(self, frame: Frame, tracks: Tracks) -> str:
        rows = (self._row(frame, tracks, row) for row in range(len(tracks)))
        return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)

    def _row(self, frame: Frame, tracks: Tracks, row: int) -> dict[str, object]:
        class_id = int(tracks.class_id[row])
        names = self._class_names
        return {
            "frame": frame.index,
            "timestamp": _number(frame.timestamp, 6),
            "id": int(tracks.id[row]),
            "box": [_number(value, 2) for value in tracks.xyxy[row].tolist()],
            "score": _number(tracks.score[row].item(), 4),
            "class_id": class_id,
            **({} if names is None else {"class": names.get(class_id)}),
            "state": "detected" if tracks.detected[row] else "estimated",
        }


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) + 0.0 if math.isfinite(value) else None
