"""Rectangles of rescaled images, against `warp_affine` and a pixel at a time."""

import cv2
import numpy as np
import pytest

from mvot_plugin.ops.images import crop_areas, crop_rectangle, mean_color, warp_affine

GREY = (90.0, 120.0, 200.0)
NOISE = np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8)
SMOOTH = cv2.GaussianBlur(cv2.resize(NOISE, (180, 120)), (0, 0), 6)


def sample_bilinear(image, zoom, corner, size, color):
    """The colour at the centre of each pixel of a rectangle of the enlarged image."""
    padded = np.full((image.shape[0] + 2, image.shape[1] + 2, 3), color)
    padded[1:-1, 1:-1] = image
    found = np.empty((size[1], size[0], 3))
    for row in range(size[1]):
        for column in range(size[0]):
            x, y = (
                np.clip((place + 0.5 + begin) / zoom - 0.5 + 1, 0, limit - 1.001)
                for place, begin, limit in zip(
                    (column, row), corner, padded.shape[1::-1], strict=True
                )
            )
            i, j = int(y), int(x)
            upper = (1 - (x - j)) * padded[i, j] + (x - j) * padded[i, j + 1]
            lower = (1 - (x - j)) * padded[i + 1, j] + (x - j) * padded[i + 1, j + 1]
            found[row, column] = (1 - (y - i)) * upper + (y - i) * lower
    return found


def warp(image, zoom, corner, size, color):
    matrix = np.array([[zoom, 0, -corner[0]], [0, zoom, -corner[1]]])
    return warp_affine(image, matrix, size, border=color)


@pytest.mark.parametrize("corner", [(0, 0), (12, 7), (-5, 30), (70, -8), (-9, -9)])
def test_a_rectangle_of_the_image_itself_is_its_pixels(corner):
    x, y = corner
    padded = np.empty((160, 190, 3), np.uint8)
    padded[:] = GREY
    padded[50:110, 50:140] = NOISE
    found = crop_rectangle(NOISE, 1.0, (float(x), float(y)), (40, 30), GREY)
    np.testing.assert_array_equal(found, padded[50 + y : 80 + y, 50 + x : 90 + x])


@pytest.mark.parametrize("zoom", [1.0, 1.37, 2.0, 3.3, 0.8])
@pytest.mark.parametrize("corner", [(3.25, 1.5), (-8.0, -6.4), (40.0, 20.6)])
def test_an_enlarged_rectangle_is_interpolated_between_pixels(zoom, corner):
    found = crop_rectangle(NOISE, zoom, corner, (50, 36), GREY)
    oracle = sample_bilinear(NOISE, zoom, corner, (50, 36), GREY)
    off = np.abs(found.astype(float) - oracle)  # OpenCV rounds positions to 1/32 of a pixel
    assert np.percentile(off, 99) < 9
    assert off.mean() < 2


@pytest.mark.parametrize("block", [2, 3, 4])
def test_a_reduced_rectangle_is_the_mean_of_blocks(block):
    found = crop_rectangle(NOISE, 1 / block, (0.0, 0.0), (60 // block, 48 // block), GREY)
    rows, columns = found.shape[:2]
    part = NOISE[: rows * block, : columns * block].astype(float)
    means = part.reshape(rows, block, columns, block, 3).mean((1, 3))
    assert np.abs(found - means).max() <= 1


@pytest.mark.parametrize("zoom", [0.13, 0.22, 0.35, 0.47, 0.6, 0.9, 1.6, 2.5])
@pytest.mark.parametrize("share", [(0.0, 0.0), (0.31, 0.17), (-0.2, 0.6)])
def test_a_rectangle_of_a_smooth_image_is_that_of_a_warp(zoom, share):
    """At any zoom, also over the image's edge."""
    corner = (180 * zoom * share[0], 120 * zoom * share[1])
    size = (max(int(90 * zoom), 4), max(int(60 * zoom), 4))
    found = crop_rectangle(SMOOTH, zoom, corner, size, mean_color(SMOOTH))
    expected = warp(SMOOTH, zoom, corner, size, mean_color(SMOOTH))
    off = np.abs(found.astype(float) - expected)
    assert off.mean() < 2.5
    assert np.percentile(off, 90) < 6


@pytest.mark.parametrize("zoom", [0.5, 0.3, 0.2, 0.11])
def test_fine_texture_is_averaged_where_an_image_is_reduced(zoom):
    board = np.zeros((240, 320, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 255
    found = crop_rectangle(board, zoom, (6.0, 5.0), (24, 16), GREY)
    assert np.abs(found.astype(float) - 127.5).max() < 40
    assert abs(found.mean() - 127.5) < 4


@pytest.mark.parametrize("zoom", [0.24, 0.7, 1.0, 1.9])
def test_a_rectangle_within_another_has_the_same_pixels(zoom):
    """Parts of one frame at one scale agree, wherever they begin."""
    large = crop_rectangle(SMOOTH, zoom, (-8.0, -8.0), (72, 56), GREY)
    small = crop_rectangle(SMOOTH, zoom, (16.0, 8.0), (30, 20), GREY)
    assert np.abs(small.astype(int) - large[16:36, 24:54]).max() <= 3


@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.7])
@pytest.mark.parametrize("corner", [(-900.0, 3.0), (3.0, 4000.0)])
def test_a_rectangle_outside_the_image_has_one_colour(zoom, corner):
    found = crop_rectangle(NOISE, zoom, corner, (12, 10), GREY)
    assert (found == np.array(GREY)).all()


def test_areas_are_resized_to_images_with_the_mean_colour_beyond():
    areas = np.array([[30, 20, 94, 84], [-40, -30, 40, 50], [1000, 0, 1064, 64]], np.float32)
    found = crop_areas(SMOOTH, areas, 32)
    assert found.shape == (3, 32, 32, 3)
    assert found.dtype == np.uint8
    for image, (x0, y0, x1, _) in zip(found, areas.tolist(), strict=True):
        zoom = 32 / (x1 - x0)
        expected = warp(SMOOTH, zoom, (zoom * x0, zoom * y0), (32, 32), mean_color(SMOOTH))
        assert np.abs(image.astype(float) - expected).mean() < 2.5
    assert crop_areas(SMOOTH, areas[:0], 32).shape == (0, 32, 32, 3)


def test_the_mean_colour_is_that_of_each_channel():
    np.testing.assert_allclose(mean_color(NOISE), NOISE.mean((0, 1)), rtol=1e-6)
