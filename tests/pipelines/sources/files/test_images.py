"""Image files: finding and reading them."""

import os

import cv2
import numpy as np
import pytest

from helpers.faults.media import BOMBS
from helpers.pipelines.videos import noise_image
from mvot_pipelines.sources.files import list_images, read_image
from mvot_pipelines.sources.files.headers import has_false_lengths
from mvot_pipelines.sources.limits import LimitsConfig
from mvot_plugin.errors import InputError


def test_images_are_listed_in_natural_order(tmp_path):
    for name in ("img10.png", "img9.png", "img1.PNG", "img2.jpg", "notes.txt", "._img1.png"):
        (tmp_path / name).touch()
    names = [path.name for path in list_images(tmp_path)]
    assert names == ["img1.PNG", "img2.jpg", "img9.png", "img10.png"]


@pytest.mark.parametrize("content", [b"", b"no image at all", None])
def test_an_unreadable_image_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "2.png").write_bytes(content)
    with pytest.raises(InputError, match=r"2\.png cannot be read as an image[;:] .*replace"):
        read_image(tmp_path / "2.png")


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path.name} holds no images: .*\.bmp, \.jpeg"):
        list_images(tmp_path)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "2.png"
    path.write_bytes(BOMBS["bomb.png"]())
    with pytest.raises(InputError, match=r"2\.png is 16000x12000 pixels, more than the 134217728"):
        read_image(path)


def test_the_limit_can_be_raised_and_lowered(tmp_path):
    path = tmp_path / "2.png"
    cv2.imwrite(str(path), noise_image(0, (30, 20)))
    assert read_image(path, LimitsConfig(pixels=600)).shape == (20, 30, 3)
    with pytest.raises(InputError, match=r"30x20 pixels, more than the 599 that limits\.pixels"):
        read_image(path, LimitsConfig(pixels=599))


def test_a_file_of_more_bytes_than_an_image_can_have_is_not_read(tmp_path):
    path = tmp_path / "2.png"
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(InputError, match=r"2\.png has 1099511627776 bytes, more than an image"):
        read_image(path)


def test_what_would_never_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "2.png")
    with pytest.raises(InputError, match=r"2\.png is a named pipe, not a file"):
        read_image(tmp_path / "2.png")


def test_an_unknown_format_under_a_known_ending_is_refused(tmp_path):
    (tmp_path / "2.png").write_bytes(cv2.imencode(".avif", noise_image(0))[1].tobytes())
    with pytest.raises(InputError, match=r"2\.png cannot be .* its content is not PNG, JPEG, "):
        read_image(tmp_path / "2.png")


@pytest.mark.parametrize("ending", [".gif", ".jp2"])
def test_a_known_format_under_another_ending_is_read(tmp_path, ending):
    (tmp_path / "2.png").write_bytes(cv2.imencode(ending, noise_image(0))[1].tobytes())
    assert read_image(tmp_path / "2.png").shape == noise_image(0).shape


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_of_all_kinds_become_colour_of_8_bits(tmp_path, kind, channels):
    values = np.arange(12 * 8 * channels).reshape(12, 8, channels).astype(kind)
    cv2.imwrite(str(tmp_path / "1.png"), values)
    image = read_image(tmp_path / "1.png")
    assert (image.shape, image.dtype) == ((12, 8, 3), np.uint8)


def test_a_chunk_that_claims_gigabytes_is_refused_without_making_room(tmp_path):
    data = bytearray(cv2.imencode(".png", noise_image(0))[1].tobytes())
    data[33] = 0xFF  # the length of the first chunk of pixels
    (tmp_path / "1.png").write_bytes(data)
    assert has_false_lengths(bytes(data))
    with pytest.raises(InputError, match=r"1\.png cannot be read as an image"):
        read_image(tmp_path / "1.png")


def test_a_jpeg_of_very_many_scans_is_refused_by_its_size(tmp_path):
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    data = cv2.imencode(".jpg", np.zeros((1000, 1000), np.uint8), options)[1].tobytes()
    last = data[data.rindex(b"\xff\xda") : -2]
    (tmp_path / "1.jpg").write_bytes(data[:-2] + 100 * last + data[-2:])
    assert read_image(tmp_path / "1.jpg").shape == (1000, 1000, 3)
    with pytest.raises(InputError, match=r"1\.jpg has 106 scans, which would take too long"):
        read_image(tmp_path / "1.jpg", LimitsConfig(pixels=1_000_000))
