"""Videos in every container, lying headers, and images that claim to be gigantic."""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random

import av
import cv2
import numpy as np

from helpers.faults.material import SIZE, draw_frame

__all__ = [
    "BOMBS",
    "CONTAINERS",
    "TRAPS",
    "flip_bytes",
    "make_blank_png",
    "set_rate",
    "truncate",
    "write_jpegs_as_video",
    "write_sound",
    "write_video",
]

CONTAINERS = {
    "clip.mp4": "mpeg4",
    "h264.mp4": "libx264",
    "hevc.mp4": "libx265",
    "clip.mov": "mjpeg",
    "clip.avi": "mjpeg",
    "clip.mkv": "libx264",
    "clip.webm": "libvpx",
    "vp9.webm": "libvpx-vp9",
    "clip.mpg": "mpeg1video",
    "clip.ts": "mpeg2video",
    "clip.gif": "gif",
    "clip.h264": "libx264",
    "clip.flv": "flv",
    "ffv1.mkv": "ffv1",
}
"""A codec for each kind of file."""
_PIXELS = {"mjpeg": "yuvj420p", "gif": "rgb8"}


def write_video(
    path: Path,
    codec: str | None = None,
    *,
    frames: int = 12,
    size: tuple[int, int] = SIZE,
    rate: Fraction | int = 25,
    pixels: str | None = None,
) -> Path:
    """Write a valid video; its name decides the container."""
    codec = codec or CONTAINERS[path.name]
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = pixels or _PIXELS.get(codec, "yuv420p")
        for index in range(frames):
            image = cv2.resize(draw_frame(index % 24), size)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "bgr24")))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le" if path.suffix == ".wav" else "aac", 44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1024), np.int16), "s16", "stereo")
        frame.rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_jpegs_as_video(
    path: Path, sizes: Sequence[tuple[int, int]], *, declared: tuple[int, int] | None = None
) -> Path:
    """An mkv or avi of images of these sizes, one of which its header names, or another one."""
    raw = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1]
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, 25.0, declared or sizes[0], raw)
    for index, size in enumerate(sizes):
        writer.write(cv2.imencode(".jpg", cv2.resize(draw_frame(index), size))[1])
    writer.release()
    return path


def set_rate(path: Path, rate: int, scale: int) -> Path:
    """Write a frame rate, rate / scale, into the header of an AVI."""
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 28
    data[place : place + 8] = struct.pack("<II", scale, rate)
    path.write_bytes(data)
    return path


def truncate(path: Path, share: float) -> Path:
    """Keep the beginning of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def flip_bytes(path: Path, random: Random, count: int = 20) -> Path:
    """Change bytes at random places."""
    data = bytearray(path.read_bytes())
    for _ in range(count):
        data[random.randrange(len(data))] = random.randrange(256)
    path.write_bytes(data)
    return path


def make_blank_png(width: int, height: int) -> bytes:
    """Nothing but black: 16,000 x 12,000 pixels take 24 KB."""
    lines = zlib.compress(bytes(height * (1 + width // 8)), 9)
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", lines), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _tiff_bomb() -> bytes:
    entries = [
        (256, 4, 1, 60_000),
        (257, 4, 1, 60_000),
        (258, 3, 1, 8),
        (259, 3, 1, 5),
        (262, 3, 1, 1),
        (273, 4, 1, 8),
        (277, 3, 1, 1),
        (278, 4, 1, 60_000),
        (279, 4, 1, 1000),
    ]
    tags = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 9) + tags + bytes(1004)


def _jpeg_bomb() -> bytes:
    data = bytearray(cv2.imencode(".jpg", draw_frame(0))[1].tobytes())
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 65_000, 65_000)
    return bytes(data)


def _scan_bomb() -> bytes:
    """8,000 x 8,000 pixels, gone over ten thousand times."""
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    data = cv2.imencode(".jpg", np.zeros((8000, 8000), np.uint8), options)[1].tobytes()
    return data[:-2] + 10_000 * data[data.rindex(b"\xff\xda") : -2] + data[-2:]


def _chunk_bomb() -> bytes:
    """A small image, of which a part claims to have gigabytes."""
    data = bytearray(cv2.imencode(".png", draw_frame(0))[1].tobytes())
    data[33] = 0xFF
    return bytes(data)


BOMBS = {
    "bomb.png": lambda: make_blank_png(16_000, 12_000),
    "bomb.tiff": _tiff_bomb,
    "bomb.jpg": _jpeg_bomb,
    "bomb.bmp": lambda: (
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 1000, 0, 54, 40, 60_000, -60_000, 1, 24, *[0] * 6)
    ),
    "bomb.ppm": lambda: b"P6\n# a comment\n60000 60000\n255\n" + bytes(1000),
    "bomb.pgm": lambda: b"P2 60000 60000 255\n0 0 0\n",
    "bomb.webp": lambda: (
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\xff\x00" * 2 + bytes(8)
    ),
}
"""The bytes of images of gigapixels in files of kilobytes."""
TRAPS = {"scans.jpg": _scan_bomb, "chunk.png": _chunk_bomb}
"""Small files that would take minutes, or gigabytes."""
