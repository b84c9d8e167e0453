"""Small pictures of a stream, for pages that show many."""

import asyncio
from concurrent.futures import Executor
from dataclasses import replace

import cv2
import numpy as np

from mvot_pipelines.serve.picture import LONGEST_SIDE, encode_jpeg
from mvot_pipelines.serve.state import LiveState, Shot
from mvot_pipelines.sinks.overlay import draw_tracks
from mvot_pipelines.sinks.overlay.counts import draw_places
from mvot_plugin.types import Tracks

__all__ = ["TilePicture", "encode_tile"]

_RATE, _MOST_SIZES = 8, 4


class TilePicture:
    """The newest frame with its tracks as a small JPEG, drawn once for all who ask for its size.

    It is drawn only when somebody asks, and 8 times a second at most. It has boxes, ids and lines,
    but no trails, which would need more frames.

    Args:
        state: where the frames are.
        executor: where they are drawn, one at a time.
    """

    def __init__(self, state: LiveState, executor: Executor) -> None:
        self._state, self._executor, self._lock = state, executor, asyncio.Lock()
        self._drawn: dict[int, tuple[int, float, bytes]] = {}

    async def read(self, width: int) -> bytes | None:
        """The newest picture, ``width`` pixels wide at most; None before the first frame."""
        loop = asyncio.get_running_loop()
        async with self._lock:
            if (shot := self._state.latest) is None:
                return None
            number, due, jpeg = self._drawn.pop(width, (0, 0.0, b""))
            if number != shot.number:
                await asyncio.sleep(due - loop.time())
                shot = self._state.latest or shot
                jpeg = await loop.run_in_executor(self._executor, encode_tile, shot, width)
                due = loop.time() + 1 / _RATE
            while len(self._drawn) >= _MOST_SIZES:
                del self._drawn[next(iter(self._drawn))]
            self._drawn[width] = shot.number, due, jpeg
            return jpeg


def encode_tile(shot: Shot, width: int) -> bytes:
    """Shrink a frame to a width in pixels, draw its tracks over it, and encode it as JPEG."""
    small = _shrink(shot, width)
    image = small.frame.image
    if small.counts:
        image = draw_places(image, small.counts, np.empty_like(image))
    return encode_jpeg(draw_tracks(image, small.tracks, {}, colors=small.colors))


def _shrink(shot: Shot, width: int) -> Shot:
    """The shot with a frame so wide, or of 1280 pixels a side, at most; without class names."""
    before = shot.frame.size
    scale = min(1.0, width / before[0], LONGEST_SIDE / max(before))
    tracks = _name_no_classes(shot.tracks)
    if scale == 1:
        return replace(shot, tracks=tracks)
    size = max(1, round(scale * before[0])), max(1, round(scale * before[1]))
    image = cv2.resize(shot.frame.image, size, interpolation=cv2.INTER_AREA)
    factors = np.array(size, np.float32) / np.array(before, np.float32)
    return replace(
        shot,
        frame=replace(shot.frame, image=image),
        tracks=replace(tracks, xyxy=tracks.xyxy * np.tile(factors, 2)),
        counts=[replace(count, points=count.points * factors) for count in shot.counts],
    )


def _name_no_classes(tracks: Tracks) -> Tracks:
    """The tracks, of which the labels shall have the ids only."""
    return replace(tracks, class_names=None)
