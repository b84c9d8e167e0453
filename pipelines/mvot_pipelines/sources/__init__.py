"""Sources of frames: video files, image folders, MOT sequences, cameras and streams."""

from mvot_pipelines.sources.base import Source, TruncatedError
from mvot_pipelines.sources.live import LiveSource
from mvot_pipelines.sources.opening import open_source
from mvot_pipelines.sources.playback import Playback
from mvot_pipelines.sources.recordings import ImageSource, VideoSource

__all__ = [
    "ImageSource",
    "LiveSource",
    "Playback",
    "Source",
    "TruncatedError",
    "VideoSource",
    "open_source",
]
