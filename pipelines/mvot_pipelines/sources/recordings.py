"""Recordings: video files and folders of images."""

import math
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import cv2

from mvot_pipelines.sources.base import Source, TruncatedError
from mvot_pipelines.sources.capture import (
    Timeline,
    check_video_file,
    count_frames,
    decode_frames,
    hide_secrets,
    image_size,
    open_video,
    rate_or_default,
    read_first_image,
)
from mvot_pipelines.sources.files import read_image
from mvot_pipelines.sources.files.playlists import list_files
from mvot_pipelines.sources.limits import DEFAULT_FRAME_RATE, LimitsConfig
from mvot_pipelines.sources.reading import index_at
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame

__all__ = ["ImageSource", "VideoSource"]


class VideoSource(Source):
    """A video file, here or at a URL; timestamps are its own, so a variable frame rate is kept.

    Args:
        address: a path or a URL.
        frame_rate: frames per second instead of the file's own; timestamps are then index /
            frame_rate.
        name: a short name for messages and output files; None is the file's.
        limit: the largest number of frames; None is all.
        limits: how large they may be, and how long to wait for one.

    Attributes:
        address: as it was given.
        limit: as it was given.
        limits: as they were given, or their defaults.
        forced_rate: ``frame_rate`` as it was given.
        file_rate: frames per second by the file.

    Raises:
        InputError: for a file that cannot be opened.

    Examples:
        >>> from pathlib import Path
        >>> from mvot_pipelines.sinks import OverlayVideoSink
        >>> from mvot_pipelines.sources import VideoSource
        >>> from mvot_plugin import Tracks
        >>> from mvot_synthetic import street
        >>> scene = street(size=(320, 240), frames=3, walkers=1, vehicles=0, cyclists=0)
        >>> with OverlayVideoSink("street.mp4", frame_rate=25, size=scene.size) as sink:
        ...     for frame in scene:
        ...         sink.write(frame, Tracks.empty())
        >>> with VideoSource(Path("street.mp4")) as frames:
        ...     print(frames.length, frames.size, [frame.timestamp for frame in frames])
        3 (320, 240) [0.0, 0.04, 0.08]
    """

    def __init__(
        self,
        address: Path | str,
        *,
        frame_rate: float | None = None,
        name: str | None = None,
        limit: int | None = None,
        limits: LimitsConfig | None = None,
    ) -> None:
        self.address, self.forced_rate, self.limit = address, frame_rate, limit
        self.limits = limits or LimitsConfig()
        if isinstance(address, Path):
            self.files, self._label = list_files(address), str(address)
            self.name = name or address.name
            check_video_file(address, self.limits)
        else:
            self._label = hide_secrets(address)
            self.name = name or self._label
        with open_video(address, self.limits) as capture:
            self.size = image_size(read_first_image(capture, self._label, self.limits))
            self.file_rate = rate_or_default(capture.get(cv2.CAP_PROP_FPS))
            reported = count_frames(capture)
        self.frame_rate = frame_rate or self.file_rate
        self.length = min((n for n in (reported, limit) if n is not None), default=None)

    def _frames(self) -> Generator[Frame, None, None]:
        timeline = Timeline(self.frame_rate, forced=self.forced_rate is not None)
        read, index, seconds = 0, -1, 0.0
        with open_video(self.address, self.limits) as capture:
            for index, image in decode_frames(capture, self.limits):
                seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                read += 1
                yield Frame(image=image, index=index, timestamp=timeline.timestamp(index, seconds))
                if index + 1 == self.limit:
                    break
        skipped = index + 1 - read
        self.check_complete(read, skipped, last=max(index, round(seconds * self.file_rate)))

    def check_complete(self, read: int, skipped: int, last: int) -> None:
        """Compare with the length by the container, which is an estimate: 2 % may be missing.

        Args:
            read: how many frames were read.
            skipped: how many before the last one could not be decoded.
            last: the index of the last frame, by its number or its time, whichever is later: where
                the frame rate varies, the length is computed from the duration and the rate.

        Raises:
            TruncatedError: where more are missing.
        """
        expected = self.length or 0
        missing = skipped + max(0, expected - 1 - last)
        tolerated = max(2.0, 0.02 * expected)
        if missing > tolerated and isinstance(self.address, Path):
            shown = _count_shown(self.address, self.file_rate, self.limits)
            missing = skipped + max(0, min(expected, shown) - 1 - last)
        if missing > tolerated:
            raise TruncatedError(
                f"{self._label} is damaged or cut short: only {read} of {read + missing} frames "
                "could be read, and the results hold those alone; copy it here again for the rest"
            )


def _count_shown(path: Path, rate: float, limits: LimitsConfig) -> int:
    """The most frames that a video shows; of an MP4, its edit list may hide many that it holds.

    So do phones trim videos. Other containers have no such list, and their duration may be that of
    what is left of them.
    """
    import av  # here, since few videos need it, and it takes some time

    with (
        suppress(av.FFmpegError, IndexError),
        av.open(str(path.resolve()), metadata_errors="replace", timeout=limits.opening) as video,
    ):
        stream = video.streams.video[0]
        if "mov" in video.format.name and stream.duration and stream.time_base:
            return math.ceil(stream.duration * stream.time_base * rate)
    return sys.maxsize


class ImageSource(Source):
    """Image files of one size, in the given order; timestamps are index / frame_rate.

    Args:
        paths: the files.
        name: a short name for messages and output files.
        frame_rate: frames per second; None is 25.
        limits: how large an image may be.

    Raises:
        InputError: for an image that cannot be read, or has another size than the first.

    Examples:
        >>> from pathlib import Path
        >>> import cv2
        >>> import numpy as np
        >>> from mvot_pipelines.sources import ImageSource
        >>> for index in range(3):
        ...     _ = cv2.imwrite(f"{index}.png", np.full((48, 64, 3), 40 * index, np.uint8))
        >>> with ImageSource([Path("2.png"), Path("0.png")], name="yard", frame_rate=5.0) as frames:
        ...     print([frame.timestamp for frame in frames])
        [0.0, 0.2]
    """

    def __init__(
        self,
        paths: list[Path],
        *,
        name: str,
        frame_rate: float | None = None,
        limits: LimitsConfig | None = None,
    ) -> None:
        self._paths, self.files, self.name = paths, paths, name
        self._limits = limits or LimitsConfig()
        self.frame_rate = frame_rate or DEFAULT_FRAME_RATE
        self.length = len(paths)
        self.size = image_size(read_image(paths[0], self._limits))

    def select(
        self, *, start: float | int = 0.0, stride: int = 1, count: int | None = None
    ) -> Iterator[Frame]:
        """As for every source; no other image is read."""
        self._stop()
        first = index_at(start, self.frame_rate)
        self._running = self._read(range(len(self._paths))[first::stride][:count])
        return self._running

    def _frames(self) -> Generator[Frame, None, None]:
        return self._read(range(len(self._paths)))

    def _read(self, indices: range) -> Generator[Frame, None, None]:
        for index in indices:
            path = self._paths[index]
            image = read_image(path, self._limits)
            if image_size(image) != self.size:
                raise InputError(
                    f"{path} is {image_size(image)} pixels and {self._paths[0]} is {self.size}: "
                    "the images of one folder must have one size; resize or remove it"
                )
            yield Frame(image=image, index=index, timestamp=index / self.frame_rate)
