"""The size of an image from its header."""

import struct

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helpers.faults.media import BOMBS
from helpers.pipelines.videos import noise_image
from mvot_pipelines.sources.files.headers import is_animation, read_image_size

SIZE = 37, 21
ENCODED = {
    ending: cv2.imencode(f".{ending}", noise_image(0, SIZE))[1].tobytes()
    for ending in ("bmp", "gif", "jpg", "png", "ppm", "tiff", "webp")
}
LOSSLESS = cv2.imencode(".webp", noise_image(0, SIZE), [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
GREY = cv2.imencode(".pgm", noise_image(0, SIZE)[..., 0])[1].tobytes()


@pytest.mark.parametrize("data", [*ENCODED.values(), LOSSLESS, GREY])
def test_the_size_is_that_of_the_decoded_image(data):
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[1::-1] == SIZE
    assert read_image_size(data) == SIZE


@pytest.mark.parametrize("name", BOMBS)
def test_the_size_of_a_giant_is_seen_in_its_header(name):
    width, height = read_image_size(BOMBS[name]())
    assert width * height > 2**27


def test_the_largest_code_stream_of_jpeg_2000_counts():
    data = cv2.imencode(".jp2", noise_image(0, (64, 48)))[1].tobytes()
    stream = data[data.index(b"\xff\x4f") :]
    giant = stream[:8] + struct.pack(">II", 60_000, 50_000) + stream[16:]
    assert read_image_size(data) == read_image_size(stream) == (64, 48)
    assert read_image_size(data + giant) == (60_000, 50_000)


@pytest.mark.parametrize("ending", [".png", ".webp", ".gif"])
def test_an_animation_is_told_from_an_image(tmp_path, ending):
    animation = cv2.Animation()
    animation.frames, animation.durations = [noise_image(n) for n in range(2)], [40, 40]
    cv2.imwriteanimation(str(tmp_path / f"1{ending}"), animation)
    assert is_animation((tmp_path / f"1{ending}").read_bytes())
    assert not any(map(is_animation, (ENCODED["png"], ENCODED["webp"], LOSSLESS, b"", b"RIFF")))


def test_big_endian_and_64_bit_tiff_files_are_read():
    big_endian = struct.pack(">2sHIHHHIHHHHII", b"MM", 42, 8, 2, 256, 3, 1, 37, 0, 257, 4, 1, 21)
    entries = struct.pack("<HHQQHHQQ", 256, 4, 1, 37, 257, 16, 1, 21)
    large = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 2) + entries
    assert read_image_size(big_endian) == read_image_size(large) == SIZE


def test_segments_and_comments_before_the_size_are_skipped():
    preview = b"\xff\xe1" + struct.pack(">H", 60_000) + bytes(59_998)
    assert read_image_size(b"\xff\xd8" + preview + ENCODED["jpg"][2:]) == SIZE
    assert read_image_size(b"P6\n# 1 2\n 37 # wide\n21\n255\n") == SIZE


@pytest.mark.parametrize(
    "data", [b"#?RADIANCE\n" + bytes(99), b"", b"P7\nWIDTH 37\n", b"RIFF" + bytes(99)]
)
def test_other_formats_have_none(data):
    assert read_image_size(data) is None


STARTS = [data[:40] for data in ENCODED.values()] + [make()[:40] for make in BOMBS.values()]


@given(st.sampled_from(STARTS), st.integers(0, 40), st.binary(max_size=200))
@example(b"\xff\xd8", 2, b"\xff\0" * 1000)
@example(b"P6", 2, b"# " * 1000)
def test_no_bytes_raise_an_error(start, kept, rest):
    size = read_image_size(start[:kept] + rest)
    assert size is None or len(size) == 2
