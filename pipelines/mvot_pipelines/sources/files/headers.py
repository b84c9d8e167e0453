"""The size of an image from its header, before anything is decoded.

A file of kilobytes can hold an image of gigabytes. Only the formats that are read are known.
"""

import re
from collections.abc import Callable
from struct import error as StructError
from struct import unpack_from

import numpy as np

__all__ = [
    "FORMATS",
    "count_passes",
    "has_false_lengths",
    "is_animation",
    "is_known_format",
    "read_image_size",
]

FORMATS = "PNG, JPEG, JPEG 2000, BMP, GIF, PBM, PGM, PPM, TIFF or WebP"
"""The formats that are known."""

_SPACE = rb"(?:\s|#[^\n\r]*[\n\r])+"
_PNM = re.compile(rb"P[1-6]" + _SPACE + rb"(\d{1,10})" + _SPACE + rb"(\d{1,10})\s")
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""The markers that begin a frame header (SOF)."""
_MOST_SEGMENTS, _MOST_CHUNKS = 1 << 16, 1 << 20
_PNG = b"\x89PNG\r\n\x1a\n"
_SIZ = re.compile(b"\xff\x4f\xff\x51")
"""The markers that begin a code stream of JPEG 2000 and its sizes (SOC, SIZ)."""
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_TYPES = {3: "H", 4: "I", 16: "Q"}


def read_image_size(data: bytes) -> tuple[int, int] | None:
    """The (width, height) in pixels by the header of an image.

    Args:
        data: A file of one of ``FORMATS``, or its beginning.

    Returns:
        None for another format, or a header that is damaged or not whole.
    """
    for start, read in _FORMATS:
        if data.startswith(start):
            try:
                return read(data)
            except StructError:
                return None
    return None


def is_known_format(data: bytes) -> bool:
    """Whether an image begins like one of the formats that are known."""
    return any(data.startswith(start) for start, _ in _FORMATS)


def is_animation(data: bytes) -> bool:
    """Whether an image may hold several frames, by its beginning; of GIF files, every one may."""
    if data.startswith(_PNG):
        return b"acTL" in data[: data.find(b"IDAT")]
    if data.startswith(b"RIFF"):
        return data[12:16] == b"VP8X" and bool(data[20:21] and data[20] & 2)
    return data.startswith(b"GIF8")


def has_false_lengths(data: bytes) -> bool:
    """Whether chunks of a PNG file claim to be longer than the file: OpenCV makes room for them."""
    if not data.startswith(_PNG):
        return False
    place = len(_PNG)
    for _ in range(_MOST_CHUNKS):
        if place + 8 > len(data):
            break
        length, kind = unpack_from(">I4s", data, place)
        place += 12 + length
        if kind == b"IEND":
            return bool(place > len(data))
    return True


def count_passes(data: bytes) -> int:
    """How often a decoder goes over the image: the scans of a JPEG file, at most, or 1."""
    if not data.startswith(b"\xff\xd8"):
        return 1
    values = np.frombuffer(data, np.uint8)
    markers = values[1:][np.flatnonzero(values[:-1] == 0xFF)]
    return max(int(np.count_nonzero(markers == 0xDA)), 1)


def _read_png(data: bytes) -> tuple[int, int]:
    width, height = unpack_from(">II", data, 16)
    return width, height


def _read_gif(data: bytes) -> tuple[int, int]:
    width, height = unpack_from("<HH", data, 6)
    return width, height


def _read_jpeg_2000(data: bytes) -> tuple[int, int] | None:
    """The largest size of all code streams: the one in front need not be the one that is read."""
    sizes = [unpack_from(">IIII", data, found.end() + 4) for found in _SIZ.finditer(data)]
    if not sizes:
        return None
    return max(x1 - x0 for x1, _, x0, _ in sizes), max(y1 - y0 for _, y1, _, y0 in sizes)


def _read_bmp(data: bytes) -> tuple[int, int]:
    (header,) = unpack_from("<I", data, 14)
    width, height = unpack_from("<HH" if header == 12 else "<ii", data, 18)
    return abs(width), abs(height)


def _read_pnm(data: bytes) -> tuple[int, int] | None:
    found = _PNM.match(data, 0, 4096)
    return (int(found[1]), int(found[2])) if found else None


def _read_webp(data: bytes) -> tuple[int, int] | None:
    kind = data[8:16]
    if kind == b"WEBPVP8X":
        return (
            1 + int.from_bytes(data[24:27], "little"),
            1 + int.from_bytes(data[27:30], "little"),
        )
    if kind == b"WEBPVP8L":
        (bits,) = unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"WEBPVP8 ":
        width, height = unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _read_jpeg(data: bytes) -> tuple[int, int] | None:
    place = 2
    for _ in range(_MOST_SEGMENTS):
        place = data.find(b"\xff", place)  # decoders, too, skip what is between two segments
        if place < 0:
            return None
        marker, length = unpack_from(">BH", data, place + 1)
        if marker in _JPEG_SIZES:
            height, width = unpack_from(">HH", data, place + 5)
            return width, height
        if marker == 0xFF:
            place += 1  # padding
        elif marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            place += 2  # a marker without a segment
        else:
            place += 2 + length
    return None


def _read_tiff(data: bytes) -> tuple[int, int] | None:
    order = "<" if data[:1] == b"I" else ">"
    is_big = unpack_from(order + "H", data, 2)[0] == 43
    (place,) = unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
    (count,) = unpack_from(order + ("Q" if is_big else "H"), data, place)
    first, step, value = (place + 8, 20, 12) if is_big else (place + 2, 12, 8)
    sizes = {_TIFF_WIDTH: 0, _TIFF_HEIGHT: 0}
    for entry in range(first, first + step * min(count, 4096), step):
        tag, kind = unpack_from(order + "HH", data, entry)
        if tag in sizes and kind in _TIFF_TYPES:
            (size,) = unpack_from(order + _TIFF_TYPES[kind], data, entry + value)
            sizes[tag] = max(sizes[tag], size)
    return (sizes[_TIFF_WIDTH], sizes[_TIFF_HEIGHT]) if all(sizes.values()) else None


_FORMATS: tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...] = (
    (_PNG, _read_png),
    (b"\xff\xd8", _read_jpeg),
    (b"\0\0\0\x0cjP  \r\n\x87\n", _read_jpeg_2000),
    (_SIZ.pattern, _read_jpeg_2000),
    (b"GIF8", _read_gif),
    (b"BM", _read_bmp),
    (b"P", _read_pnm),
    (b"RIFF", _read_webp),
    (b"II*\0", _read_tiff),
    (b"MM\0*", _read_tiff),
    (b"II+\0", _read_tiff),
    (b"MM\0+", _read_tiff),
)
