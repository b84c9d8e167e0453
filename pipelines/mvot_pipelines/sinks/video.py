"""The sink that draws the tracks over the video, into a video file."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from mvot_pipelines.counting import Count
from mvot_pipelines.sinks.base import Sink
from mvot_pipelines.sinks.encoder import VideoEncoder
from mvot_pipelines.sinks.files import OutputFile
from mvot_pipelines.sinks.formats import FORMATS
from mvot_pipelines.sinks.overlay import Painter
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

__all__ = ["OverlayVideoSink"]

_LONGEST_REPEAT = 2.0
"""Seconds."""


class OverlayVideoSink(Sink):
    """Writes the video with its tracks, as H.264 in ``.mp4`` or as motion JPEG in ``.avi``.

    The codecs need an even width and height: odd ones are padded by a repeated column or row.
    Whatever ends the run, what was written plays, and lacks the last frame at most; a file that
    was at ``path`` stays until the first frame is whole.

    Args:
        path: the file, ``.mp4`` or ``.avi``.
        frame_rate: frames per second.
        size: (width, height) of the frames in pixels.
        class_names: the names of the classes by number, where the tracks have none.
        keep_time: for sources that drop frames: each frame is repeated until the time of the next
            one, for two seconds at most.

    Raises:
        OutputError: where the file cannot be written, and for a frame of another size.

    Examples:
        >>> from pathlib import Path
        >>> from mvot_pipelines import MotPipeline
        >>> from mvot_pipelines.sinks import OverlayVideoSink
        >>> from mvot_synthetic import NoisyDetector, street
        >>> scene = street(seed=2, size=(320, 240), frames=5)
        >>> with OverlayVideoSink("street.mp4", frame_rate=25, size=scene.size) as sink:
        ...     for frame, tracks in MotPipeline(NoisyDetector(scene), "hold").run(scene):
        ...         sink.write(frame, tracks)
        >>> Path("street.mp4").stat().st_size > 1000
        True
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        frame_rate: float | int,
        size: tuple[int, int],
        class_names: Mapping[int, str] | None = None,
        keep_time: bool = False,
    ) -> None:
        self._path, self._rate, self._keep_time = Path(path), frame_rate, keep_time
        self._image: np.ndarray | None = None
        self._size, self._written, self._left_out = size, 0, 0
        self._painter = Painter(frame_rate=frame_rate, class_names=class_names)
        ending = self._path.suffix.lower()
        if ending not in FORMATS:
            raise OutputError(f"cannot write {path}: a video must end in {' or '.join(FORMATS)}")
        even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
        file = OutputFile(path)
        try:
            self._encoder = VideoEncoder(file, ending, frame_rate=frame_rate, size=even)
        except OutputError:
            file.close()
            raise

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Draw and encode one frame of the size given on construction."""
        if frame.size != self._size:
            raise OutputError(
                f"cannot write {self._path}: frame {frame.index} is {frame.size} pixels, but the "
                f"video has {self._size}; all frames of a video must have one size"
            )
        if self._keep_time and math.isfinite(frame.timestamp):
            self._repeat_until(frame.timestamp)
        image = self._painter.paint(frame, tracks, counts)
        width, height = frame.size
        if width % 2 or height % 2:
            border = (0, height % 2, 0, width % 2)
            image = np.asarray(cv2.copyMakeBorder(image, *border, cv2.BORDER_REPLICATE), np.uint8)
        self._encode(image)
        self._image = image

    def _repeat_until(self, timestamp: float) -> None:
        """Repeat the last frame until the time of the next one, in seconds."""
        missing = round(timestamp * self._rate) - self._written - self._left_out
        repeats = min(missing, round(_LONGEST_REPEAT * self._rate))
        self._left_out += max(missing - repeats, 0)
        if self._image is not None:
            for _ in range(repeats):
                self._encode(self._image)

    def _encode(self, image: np.ndarray) -> None:
        self._encoder.write(image)
        self._written += 1

    def close(self) -> None:
        """Finish the file; a second call does nothing."""
        self._encoder.close()
