"""Rendered videos to measure with: people who walk in a street, and where they are."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mvot_pipelines.sinks.encoder import VideoEncoder
from mvot_pipelines.sinks.files import OutputFile
from mvot_pipelines.sources import open_source
from mvot_plugin.types import Detections, Frame
from mvot_synthetic import NoisyDetector, Scene, street

__all__ = ["FRAME_RATE", "Clip", "link_videos", "render_clip", "repeat_video", "write_video"]

FRAME_RATE = 25.0
_PAN = 0.2
"""The range of the camera, in image widths: those who walk stay in view for most of the time."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Clip:
    """A video, and detections of what it shows."""

    path: Path
    """The video, H.264."""
    detections: Sequence[Detections]
    """Those of each frame, with the errors of a real detector."""

    def replay(self, frame: Frame, /) -> Detections:
        """The detections on a frame, as a detector that costs nothing."""
        return self.detections[frame.index]


def render_clip(
    path: Path, *, size: tuple[int, int], frames: int, targets: int, seed: int = 0
) -> Clip:
    """Render a street with a number of pedestrians into a video.

    Args:
        path: The file, ``.mp4``.
        size: Width and height in pixels.
        frames: How many, at 25 frames per second.
        targets: The pedestrians.
        seed: What they look like, and where they walk.

    Raises:
        OutputError: It cannot be written.
    """
    scene = street(
        seed, size=size, frames=frames, walkers=targets, vehicles=0, cyclists=0, pan=_PAN
    )
    detector = NoisyDetector(scene, seed=seed)
    return Clip(path=path, detections=list(_write(path, scene, detector)))


def _write(path: Path, scene: Scene, detector: NoisyDetector) -> Iterator[Detections]:
    """Write a scene frame by frame, and yield what is detected on each."""
    with _open_video(path, scene.frame_rate, scene.size) as video:
        for frame in scene:
            video.write(frame.image)
            yield detector(frame)


def repeat_video(source: Path, path: Path, frames: int) -> None:
    """Write the first ``frames`` frames of a video that is played over and over.

    Raises ``InputError`` for what cannot be read, ``OutputError`` for what cannot be written.
    """
    with open_source(source) as first:
        size, rate = first.size, first.frame_rate
    images = (frame.image for frame in islice(_play_forever(source), frames))
    write_video(path, images, rate, size)


def write_video(
    path: Path, images: Iterable[np.ndarray], frame_rate: float | int, size: tuple[int, int]
) -> None:
    """Write images of one size, whose width and height are even, into a video (H.264).

    Raises ``OutputError`` where it cannot be written.
    """
    with _open_video(path, frame_rate, size) as video:
        for image in images:
            video.write(image)


@contextmanager
def _open_video(
    path: Path, frame_rate: float | int, size: tuple[int, int]
) -> Iterator[VideoEncoder]:
    encoder = VideoEncoder(OutputFile(path), path.suffix, frame_rate=frame_rate, size=size)
    with closing(encoder):
        yield encoder


def _play_forever(source: Path) -> Iterator[Frame]:
    while True:
        with open_source(source) as frames:
            yield from frames


def link_videos(videos: Sequence[Path], folder: Path, count: int) -> list[Path]:
    """Links to ``count`` videos in a folder, with names of their own: cam-1, cam-2, ...

    Where there are fewer videos, the first ones are taken again.
    """
    folder.mkdir(exist_ok=True)
    links = []
    for number in range(count):
        video = videos[number % len(videos)].resolve()
        ending = "" if video.is_dir() else video.suffix
        links.append(folder / f"cam-{number + 1}{ending}")
        if not links[-1].is_symlink():
            links[-1].symlink_to(video, target_is_directory=video.is_dir())
    return links
