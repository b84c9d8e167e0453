"""Sinks for the text formats: MOTChallenge rows and JSON lines.

A text sink writes whole frames or nothing: whatever ends the run, the file ends with the last
frame that was written completely.
"""

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.base import Sink
from mvot_pipelines.sinks.description import FrameDescription
from mvot_pipelines.sinks.files import OutputFile
from mvot_plugin.ops.boxes import xyxy_to_ltwh
from mvot_plugin.types import Frame, Tracks

__all__ = ["JsonLinesSink", "MotTextSink"]


class _TextSink(Sink, ABC):
    """Writes each frame at once; a write that fails half-way is undone."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = OutputFile(path)

    @abstractmethod
    def _format_frame(self, frame: Frame, tracks: Tracks, counts: Sequence[Count]) -> str:
        """The lines of one frame."""

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Write the lines of one frame, ordered by id, without buffering."""
        order = np.argsort(tracks.id, kind="stable")
        self._file.append(self._format_frame(frame, tracks[order], counts).encode())

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


class MotTextSink(_TextSink):
    """MOTChallenge rows: ``frame,id,left,top,width,height,conf,-1,-1,-1``.

    Frames and pixels count from 1 in this format. The same tracks give the same bytes.

    Args:
        path: the file; ``-`` is the standard output.

    Raises:
        OutputError: where it cannot be written.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_pipelines.sinks import MotTextSink
        >>> from mvot_plugin.types import as_frame
        >>> frame = as_frame(np.zeros((240, 320, 3), np.uint8))
        >>> tracks = MotPipeline(engine="hold").update(frame, [[10, 20, 50, 80]])
        >>> with MotTextSink("tracks.txt") as sink:
        ...     sink.write(frame, tracks)
        >>> print(Path("tracks.txt").read_text(), end="")
        1,1,11.00,21.00,40.00,60.00,1.0000,-1,-1,-1
    """

    def _format_frame(self, frame: Frame, tracks: Tracks, counts: Sequence[Count]) -> str:
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

    Keys: ``frame`` (from 0), ``timestamp`` (seconds, null if unknown), those of
    ``Tracks.to_dicts``, and, for tracks with masks, ``mask``: the pixels of the frame that show the
    target, in COCO's run-length encoding, ``{"size": [height, width], "counts": "..."}``.
    Frames of a live source also have ``captured`` (seconds since 1970, when the source captured it)
    and ``delay`` (seconds from then until it is written).

    A frame without tracks leaves one line with ``tracks``, which is 0. Where lines and zones count,
    each frame ends with a line that has ``counts`` (``Count.to_dict``).

    Args:
        path: the file; ``-`` is the standard output.
        class_names: the names of the classes by number, where the tracks have none.
        clock: that of ``Frame.captured``.
        stream: a name, which each line has as ``stream``; None leaves it out.

    Raises:
        OutputError: where the file cannot be written.
        UsageError: on ``write``, for masks without pycocotools, of the extra ``masks``.

    Examples:
        >>> import json
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_pipelines.sinks import JsonLinesSink
        >>> from mvot_plugin import Frame
        >>> frame = Frame(image=np.zeros((240, 320, 3), np.uint8), index=0, timestamp=0.0)
        >>> tracks = MotPipeline(engine="hold").update(frame, [[10, 20, 50, 80]])
        >>> with JsonLinesSink("tracks.jsonl", class_names={0: "person"}) as sink:
        ...     sink.write(frame, tracks)
        >>> line = json.loads(Path("tracks.jsonl").read_text())
        >>> line["frame"], line["class"], line["box"], line["state"]
        (0, 'person', [10.0, 20.0, 50.0, 80.0], 'detected')
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        class_names: Mapping[int, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        stream: str | None = None,
    ) -> None:
        super().__init__(path)
        self._describe = FrameDescription(class_names, clock, stream)

    def _format_frame(self, frame: Frame, tracks: Tracks, counts: Sequence[Count]) -> str:
        shared, after = self._describe.frame(frame), self._describe.times(frame)
        rows = [shared | track | after for track in self._describe.tracks(frame, tracks)]
        if not rows:
            rows.append(shared | {"tracks": 0} | after)
        if counts:
            rows.append(shared | {"counts": [count.to_dict() for count in counts]} | after)
        return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
