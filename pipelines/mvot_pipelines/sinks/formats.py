"""The formats of videos that are written, and the codecs that FFmpeg may lack."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FORMATS", "FallbackCodec", "VideoFormat", "choose_format"]


class FallbackCodec(UserWarning):
    """A video is written with another codec, which fewer players have."""


@dataclass(frozen=True, kw_only=True)
class VideoFormat:
    """A container with its codec."""

    name: str
    """The codec, for messages."""
    codec: str
    """The codec, as FFmpeg names it."""
    pixels: str
    """Its pixel format."""
    container: str
    """The container, as FFmpeg names it."""
    colors: int | None = None
    """Primaries, transfer and matrix, as H.264 numbers them; None for those of JPEG."""
    key_frame_interval: int
    """The most frames from one that needs no other to the next."""
    bits: int | None = None
    """The most bits that a pixel takes in the mean; None where quality decides."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Options of the codec."""


_BT709 = 1
_H264 = VideoFormat(
    name="H.264",
    codec="libx264",
    pixels="yuv420p",
    container="mp4",
    colors=_BT709,
    key_frame_interval=50,
    options={
        "preset": "veryfast",
        "crf": "26",
        "tune": "zerolatency",  # no frame waits for another
        "x264-params": "cpu-independent=1",  # the same bytes on each processor
    },
)
_MPEG4 = VideoFormat(
    name="MPEG-4",
    codec="mpeg4",
    pixels="yuv420p",
    container="mp4",
    colors=_BT709,
    key_frame_interval=12,
    bits=1,
)
_MJPEG = VideoFormat(
    name="motion JPEG",
    codec="mjpeg",
    pixels="yuvj420p",
    container="avi",
    key_frame_interval=12,
    bits=3,
)
FORMATS = {".mp4": _H264, ".avi": _MJPEG}
"""What is written, by the ending of a file."""


def choose_format(ending: str, path: Path) -> VideoFormat:
    """What to write by the ending of a file, with what the FFmpeg of PyAV can encode."""
    import av

    wanted = FORMATS[ending]
    if wanted.codec in av.codecs_available:
        return wanted
    warnings.warn(
        f"{path} is written as {_MPEG4.name} video, which browsers do not play: the FFmpeg "
        f"that PyAV was built with cannot encode {wanted.name}; the wheels of PyPI can "
        "(pip install --force-reinstall av)",
        FallbackCodec,
        stacklevel=4,
    )
    return _MPEG4
