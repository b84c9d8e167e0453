"""Reading a piece of a recording: the frames that the unbroken run reads, pixel by pixel.

A video is entered at the piece's first frame, which is found by its time. That this gave the same
pixels, numbers and times is checked afterwards, where the piece shares frames with the one before
(``digest``); a piece that fails is read from the beginning of the video, where the frames before it
are decoded and left out.
"""

import zlib
from collections.abc import Generator, Iterator

import cv2

from mvot_pipelines.cluster.pieces.plan import Piece
from mvot_pipelines.sources import Source
from mvot_pipelines.sources.capture import Timeline, decode_frames, open_video
from mvot_pipelines.sources.quiet import silence_libraries
from mvot_pipelines.sources.reading import select_frames
from mvot_pipelines.sources.recordings import VideoSource
from mvot_plugin.types import Frame

__all__ = ["digest", "read_piece"]

_TOLERANCE = 1e-4
"""Seconds by which the time of the same frame may differ."""
_MARGINS = (2.0, 25.0, 300.0)
"""Frames before the wanted one at which a video is entered, one after another."""
_MOST_FAILED_READS = 300
"""As of ``decode_frames``."""
_ROWS = 8
"""Of so many rows of an image one is in its digest."""


def read_piece(source: Source, piece: Piece, stride: int = 1) -> Generator[Frame, None, None]:
    """Iterate over the frames of a piece, with the numbers and times that they have in the whole.

    Args:
        source: The recording.
        piece: The piece.
        stride: Of so many frames one is taken.
    """
    if isinstance(source, VideoSource):
        frames: Iterator[Frame] = select_frames(_read_video(source, piece), stride=stride)
    else:
        frames = source.select(start=piece.start / source.frame_rate, stride=stride)
    for frame in frames:
        if piece.stop is not None and frame.index >= piece.stop:
            return
        yield frame


def digest(frame: Frame) -> int:
    """A number that differs, in all likelihood, between images that are not the same."""
    return zlib.crc32(frame.image[::_ROWS].tobytes())


def _read_video(source: VideoSource, piece: Piece) -> Generator[Frame, None, None]:
    """The frames of a video from a piece's first one on."""
    if piece.seconds is not None:
        timeline = _start_timeline(source)
        with open_video(source.address, source.limits) as capture:
            if _seek(capture, piece.seconds, source.frame_rate):
                success, image = capture.retrieve()
                if success:
                    seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                    time = timeline.timestamp(piece.start, seconds)
                    yield Frame(image=image, index=piece.start, timestamp=time)
                    yield from _decode(source, capture, timeline, piece.start + 1)
                    return
    timeline = _start_timeline(source)
    with open_video(source.address, source.limits) as capture:
        if _skip(capture, timeline, piece.start):
            yield from _decode(source, capture, timeline, piece.start)


def _start_timeline(source: VideoSource) -> Timeline:
    return Timeline(source.frame_rate, forced=source.forced_rate is not None)


def _decode(
    source: VideoSource, capture: cv2.VideoCapture, timeline: Timeline, first: int
) -> Generator[Frame, None, None]:
    """The frames from where the video is read, the first of which has the number ``first``."""
    if first == source.limit:
        return
    for index, image in decode_frames(capture, source.limits):
        seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        time = timeline.timestamp(first + index, seconds)
        yield Frame(image=image, index=first + index, timestamp=time)
        if first + index + 1 == source.limit:
            return


def _seek(capture: cv2.VideoCapture, seconds: float, rate: float) -> bool:
    """Enter a video on the frame that is shown at a time, which is then the one to retrieve."""
    with silence_libraries():
        for margin in _MARGINS:
            capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * max(0.0, seconds - margin / rate))
            while capture.grab():
                apart = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - seconds
                if abs(apart) <= _TOLERANCE:
                    return True
                if apart > 0:
                    break
    return False


def _skip(capture: cv2.VideoCapture, timeline: Timeline, count: int) -> bool:
    """Decode frames and leave them out, failed reads too; returns whether there are more."""
    failures = 0
    with silence_libraries():
        for index in range(count):
            success = capture.grab()
            failures = 0 if success else failures + 1
            if success:
                timeline.timestamp(index, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if failures >= _MOST_FAILED_READS:
                return False
    return True
