"""Encoding videos that play whatever ended the process that wrote them."""

import os
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import UInt8

from mvot_pipelines.sinks.files import OutputFile
from mvot_pipelines.sinks.formats import FORMATS, choose_format
from mvot_plugin.errors import OutputError

__all__ = ["VideoEncoder"]

_LEAST_QUANTIZER = 3
_MOST_BITS = 1 << 30
_CLOCK_LIMIT = 65535
"""MPEG-4 counts time in so many parts of a second at most."""
_LIMITED_RANGE = 1
"""16 to 235 are black to white, as FFmpeg numbers it."""
_BUFFER_BYTES = 1 << 20
_FRAGMENTS = "frag_every_frame+empty_moov+default_base_moof"
_MADE_ORDINARY = "+hybrid_fragmented"


class VideoEncoder:
    """Writes images of one even size to a video file, with PyAV.

    An MP4 file is made of fragments, one a frame, and becomes an ordinary one when it is closed;
    AVI needs no end to play. A frame is whole when the next one comes, which tells how long it
    lasts. The same images give the same bytes. Where FFmpeg was built without an encoder of H.264,
    MPEG-4 takes its place, and ``FallbackCodec`` says so.

    Raises ``OutputError`` where the codec does not take the size or the frame rate.
    """

    def __init__(
        self, file: OutputFile, ending: str, *, frame_rate: float | int, size: tuple[int, int]
    ) -> None:
        import av  # here, since it takes a tenth of a second

        self._file, self._format, self._count = file, choose_format(ending, file.path), 0
        self._refusal = (
            f"cannot write {file.path}: cannot encode {self._format.name} video of "
            f"{size[0]}x{size[1]} pixels at {frame_rate:g} frames per second; "
            f"try another frame rate or ending ({' or '.join(FORMATS)})"
        )
        self._target, self._failures = _Target(file), av.FFmpegError
        self._reformatter = av.video.reformatter.VideoReformatter()
        self._new_frame = av.VideoFrame.from_numpy_buffer
        self._container = av.open(
            self._target,
            "w",
            format=self._format.container,
            container_options=_container_options(self._format.container, file.seekable()),
            buffer_size=_BUFFER_BYTES,
        )
        try:
            self._stream: Any = self._container.add_stream(
                self._format.codec, rate=_approximate_rate(frame_rate)
            )
            self._open_codec(size, frame_rate)
        except (av.FFmpegError, ValueError, OverflowError) as error:
            raise OutputError(self._refusal) from error

    def _open_codec(self, size: tuple[int, int], frame_rate: float | int) -> None:
        """Set the codec up; with several threads, the bytes would depend on their number."""
        codec = self._stream.codec_context
        codec.width, codec.height = size
        codec.pix_fmt, codec.gop_size = self._format.pixels, self._format.key_frame_interval
        if self._format.bits is not None:
            bits = self._format.bits * size[0] * size[1] * frame_rate
            codec.qmin, codec.bit_rate = _LEAST_QUANTIZER, int(min(bits, _MOST_BITS))
        if (colors := self._format.colors) is not None:
            codec.color_primaries = codec.color_trc = codec.colorspace = colors
            codec.color_range = _LIMITED_RANGE
        codec.options = dict(self._format.options)
        codec.thread_count = 1
        codec.open()

    def write(self, image: UInt8[np.ndarray, "height width 3"]) -> None:
        """Encode an image (BGR)."""
        frame = self._reformatter.reformat(
            self._new_frame(image, format="bgr24"),
            format=self._format.pixels,
            dst_colorspace=self._format.colors,
            interpolation="AREA",
            threads=1,
        )
        frame.pts = self._count
        self._mux(frame)
        self._keep(is_whole=self._count > 0)
        self._count += 1

    def close(self) -> None:
        """Write the last frame and the end of the file, and close it.

        Where there was no frame, or a failure, there is nothing left to write; a second call does
        nothing.
        """
        try:
            if self._count and not self._file.closed:
                self._mux(None)
                self._container.close()
                self._keep(is_whole=True)
                self._target.correct()
        finally:
            self._file.close()

    def _mux(self, frame: Any) -> None:
        """Encode a frame, None for the end; some limits of the codecs are known from then on."""
        try:
            self._container.mux(self._stream.encode(frame))
        except self._failures as error:
            raise OutputError(self._refusal) from error

    def _keep(self, *, is_whole: bool) -> None:
        """Keep what was written; after a failure, let the file end with its last whole frame."""
        try:
            if self._target.error is not None:
                raise self._target.error
            if is_whole:
                self._file.keep()
        except BaseException as error:
            self._target.error = error
            self._container.close()
            self._file.undo()
            self._file.close()
            raise


class _Target:
    """What PyAV writes to.

    What changes bytes that were written before, to turn fragments into an ordinary file, waits for
    ``correct``. PyAV does not end well after an error: the first is kept for the encoder, and
    nothing reaches the file from then on.
    """

    def __init__(self, file: OutputFile) -> None:
        self._file, self._position, self._end = file, 0, 0
        self._corrections: list[tuple[int, bytes]] = []
        self.error: BaseException | None = None
        self.seekable = file.seekable

    def write(self, data: bytes) -> int:
        if self._position < self._end:
            self._corrections.append((self._position, data))
        elif self.error is None:
            try:
                self._file.write(data)
            except BaseException as error:
                self.error = error
        self._position += len(data)
        self._end = max(self._position, self._end)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._end)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def correct(self) -> None:
        """Write the changes, unless there was an error."""
        if self.error is None:
            for position, data in self._corrections:
                self._file.overwrite(position, data)


def _container_options(container: str, seekable: bool) -> dict[str, str]:
    options = {"flush_packets": "1"}
    if container == "mp4":
        options["movflags"] = _FRAGMENTS + _MADE_ORDINARY * seekable
    return options


def _approximate_rate(rate: float | int) -> Fraction:
    """The nearest frame rate that is a fraction of numbers that MPEG-4 can hold."""
    limit = min(max(int(_CLOCK_LIMIT / rate), 1), _CLOCK_LIMIT)
    return Fraction(rate).limit_denominator(limit)
