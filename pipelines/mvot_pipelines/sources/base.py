"""The base of all sources."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from mvot_pipelines.sources.newest import NewestFrame
from mvot_pipelines.sources.reading import select_frames
from mvot_plugin.errors import InputError
from mvot_plugin.types import Frame

__all__ = ["Source", "TruncatedError"]

SourceT = TypeVar("SourceT", bound="Source")


class TruncatedError(InputError):
    """A video ends early or has damaged stretches; raised after its last readable frame."""


class Source(ABC):
    """An iterable of frames in order, and a context manager.

    Each iteration over files starts at their first frame. Frames are BGR uint8 of shape (height,
    width, 3); their indices count from 0 and skip what could not be decoded; their timestamps are
    in seconds and increase strictly. ``open_source`` makes sources.

    Raises:
        InputError: while iterating, for a frame that cannot be read, or a video that is cut short;
            raised after the last readable frame.

    Examples:
        >>> import cv2
        >>> import numpy as np
        >>> from mvot_pipelines import open_source
        >>> for index in range(6):
        ...     _ = cv2.imwrite(f"{index}.png", np.full((48, 64, 3), 40 * index, np.uint8))
        >>> with open_source(".", frame_rate=25) as frames:
        ...     print(frames.length, frames.size, [one.index for one in frames.select(stride=2)])
        6 (64, 48) [0, 2, 4]
    """

    name: str
    """A short name for messages and output files."""
    frame_rate: float
    """Frames per second."""
    size: tuple[int, int]
    """(width, height) in pixels."""
    length: int | None
    """The expected number of frames; None where it is unknown."""
    files: Sequence[Path] = ()
    """The files here that are read, and those that name them; no output may replace one."""
    is_live: bool = False
    """Whether frames come at their own pace, and those that nobody takes in time are dropped."""
    dropped: int = 0
    """Frames of a live source that came while nobody was ready to take one."""
    on_event: Callable[[str], None] | None = None
    """Called at once, in the reading thread, when a live source goes away or comes back."""
    _newest: NewestFrame | None = None
    _running: Generator[Frame, None, None] | None = None

    @abstractmethod
    def _frames(self) -> Generator[Frame, None, None]: ...

    def __iter__(self) -> Iterator[Frame]:
        self._stop()
        self._running = self._frames()
        return self._running

    def select(
        self, *, start: float | int = 0.0, stride: int = 1, count: int | None = None
    ) -> Iterator[Frame]:
        """Iterate over a part of the frames, which keep their numbers and times.

        Args:
            start: seconds after the first frame at which the part begins.
            stride: of so many frames one is taken.
            count: the most that are taken; None is all.

        Returns:
            The frames; this is an iteration like any other.
        """
        return select_frames(self, start=start, stride=stride, count=count)

    @property
    def notes(self) -> list[str]:
        """What a report should say about the source, such as outages of a live one."""
        return []

    def interrupt(self) -> None:
        """Let an iteration over a live source end, also while it waits; from any thread."""
        if self._newest is not None:
            self._newest.interrupt()

    def _stop(self) -> None:
        if self._running is not None:
            with suppress(ValueError):  # another thread is reading, which an interrupt left behind
                self._running.close()
            self._running = None

    def close(self) -> None:
        """Release the file or device, and end a running iteration; a second call does nothing."""
        self._stop()

    def __enter__(self: SourceT) -> SourceT:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
