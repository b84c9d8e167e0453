"""The videos of a measurement: those that are given, or rendered ones, each when it is needed."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from mvot_benchmarks.streams.clips import FRAME_RATE, Clip, render_clip, repeat_video

__all__ = ["StreamVideos"]

_CAMERAS = 4
_WALKERS = 10
_REPEATS = 6
"""How often the long video plays the first one."""


class StreamVideos:
    """Videos for the parts of the measurement.

    Args:
        folder: Takes those that are rendered; it exists.
        given: The user's videos; without any, all are rendered.
        size: Width and height of rendered ones, in pixels.
        seconds: Their length.
    """

    def __init__(
        self, folder: Path, given: Sequence[Path], size: tuple[int, int], seconds: float
    ) -> None:
        self._folder, self._given, self._size = folder, list(given), size
        self._frames = max(round(seconds * FRAME_RATE), 1)

    @property
    def count(self) -> int:
        """How many cameras there are: as many as videos, or four where there is one or none."""
        return len(self._given) if len(self._given) > 1 else _CAMERAS

    @cached_property
    def cameras(self) -> list[Path]:
        """The videos of the cameras."""
        if self._given:
            return self._given
        paths = [self._folder / f"street-{seed}.mp4" for seed in range(1, _CAMERAS + 1)]
        for seed, path in enumerate(paths, 1):
            render_clip(path, size=self._size, frames=self._frames, targets=_WALKERS, seed=seed)
        return paths

    @cached_property
    def long(self) -> Path:
        """The one for the cluster: the first that is given, or six times a rendered one."""
        if self._given:
            return self._given[0]
        path = self._folder / "long.mp4"
        repeat_video(self.cameras[0], path, _REPEATS * self._frames)
        return path

    def render_scene(self, targets: int, frames: int) -> Clip:
        """A clip with a number of targets, for what a stream costs."""
        path = self._folder / f"targets-{targets}.mp4"
        return render_clip(path, size=self._size, frames=frames, targets=targets)
