"""The live picture."""

import asyncio
from concurrent.futures import Executor
from functools import partial

import cv2

from mvot_pipelines.serve.state import LiveState, Shot
from mvot_pipelines.sinks.overlay import Painter
from mvot_pipelines.sinks.overlay.labels import Image

__all__ = ["LONGEST_SIDE", "LivePicture", "encode", "encode_jpeg"]

LONGEST_SIDE = 1280
"""Of a picture, in pixels, at most."""
_RATE, _QUALITY = 25, 80
_PAUSE = 2.0
"""Seconds without a picture after which trails begin anew."""


class LivePicture:
    """The newest frame with its tracks as JPEG, drawn once for all who wait, and only then.

    Pictures come at 25 a second at most, and have at most 1280 pixels a side.

    Args:
        state: where the frames are.
        executor: where they are drawn, one at a time.
    """

    def __init__(self, state: LiveState, executor: Executor) -> None:
        self._state, self._executor = state, executor
        self._lock, self._due = asyncio.Lock(), 0.0
        self._number, self._jpeg = 0, b""
        self._waiting: set[asyncio.Event] = set()
        self._painter: Painter | None = None

    async def next(self, after: int = 0) -> tuple[int, bytes] | None:
        """Wait for a newer picture than that of a number.

        Args:
            after: the number of the picture that was seen last; 0 for none.

        Returns:
            The number of the newest one, and its JPEG; None when no more come.
        """
        if (shot := await self._wait(after)) is None:
            return None
        clock = asyncio.get_running_loop().time
        async with self._lock:
            shot = self._state.latest or shot
            is_fresh = self._number > after and clock() < self._due
            if self._number != shot.number and not is_fresh:
                await asyncio.sleep(self._due - clock())
                await self._draw(self._state.latest or shot)
                self._due = clock() + 1 / _RATE
            return self._number, self._jpeg

    async def _wait(self, after: int) -> Shot | None:
        """Wait for a newer frame than that of a number; None where there will be none."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._waiting.add(changed)
        self._state.wake = partial(loop.call_soon_threadsafe, self._wake_all)
        try:
            while (shot := self._state.latest) is None or shot.number <= after:
                if self._state.has_ended:
                    return None
                await changed.wait()
                changed.clear()
            return shot
        finally:
            self._waiting.remove(changed)
            if not self._waiting:
                self._state.wake = None

    def _wake_all(self) -> None:
        for changed in self._waiting:
            changed.set()

    async def _draw(self, shot: Shot) -> None:
        """Make the picture of a frame the one at hand."""
        loop = asyncio.get_running_loop()
        if self._painter is None or loop.time() > self._due + _PAUSE:
            rate = min(self._state.report.frame_rate, _RATE)
            names = shot.tracks.class_names or self._state.class_names
            self._painter = Painter(frame_rate=rate, class_names=names)
        self._jpeg = await loop.run_in_executor(self._executor, encode, self._painter, shot)
        self._number = shot.number


def encode(painter: Painter, shot: Shot) -> bytes:
    """Draw the tracks of a frame over it, shrink it where it is large, and encode it as JPEG."""
    image = painter.paint(shot.frame, shot.tracks, shot.counts, colors=shot.colors)
    width, height = shot.frame.size
    if (scale := LONGEST_SIDE / max(width, height)) < 1:
        size = max(1, round(scale * width)), max(1, round(scale * height))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(image)


def encode_jpeg(image: Image) -> bytes:
    """Encode an image as JPEG."""
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
