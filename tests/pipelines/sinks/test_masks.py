"""Masks become pixels as in a slow pixel-by-pixel loop, and runs as pycocotools makes them."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from helpers.pipelines.masks import decode_rle
from mvot_pipelines.sinks.masks import encode_rle
from mvot_plugin.errors import UsageError
from mvot_plugin.types import PastedMask, paste_mask

SIZE = WIDTH, HEIGHT = 37, 29
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""Of pycocotools' decoding, with numpy 2."""


def whole(pasted, size=SIZE):
    """The pixels of the whole frame."""
    pixels = np.zeros(size[::-1], bool)
    assert pixels[pasted.window].shape == pasted.pixels.shape
    pixels[pasted.window] = pasted.pixels
    return pixels


def interpolate_slowly(mask, u, v):
    """The mask at a place in cells, from the centre of the upper left one; bilinear."""
    left, top, value = math.floor(u), math.floor(v), 0.0
    for column in (left, left + 1):
        for row in (top, top + 1):
            weight = (1 - abs(u - column)) * (1 - abs(v - row))
            inside = np.clip([row, column], 0, len(mask) - 1)
            value += weight * float(mask[tuple(inside)])
    return value


def paste_slowly(mask, box):
    """The interpolated mask at each pixel of the frame; -1 where its centre is not in the box."""
    values = np.full((HEIGHT, WIDTH), -1.0)
    x0, y0, x1, y1 = (float(corner) for corner in box)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            if x0 <= x + 0.5 < x1 and y0 <= y + 0.5 < y1:
                u = (x + 0.5 - x0) / (x1 - x0) * len(mask) - 0.5
                v = (y + 0.5 - y0) / (y1 - y0) * len(mask) - 0.5
                values[y, x] = interpolate_slowly(mask, u, v)
    return values


corner = st.floats(-20, 60, width=32)
some_boxes = st.tuples(corner, corner, st.floats(0.25, 70, width=32), st.floats(0.25, 70, width=32))


def make(box, cells, seed):
    """A box of these left, top, width, height, and a random mask."""
    left, top, width, height = box
    mask = np.random.default_rng(seed).random((cells, cells), np.float32)
    return mask, np.array([left, top, left + width, top + height], np.float32)


@given(some_boxes, st.integers(1, 7), st.integers(0, 2**32))
def test_pixels_are_those_of_the_interpolated_mask_in_the_box(box, cells, seed):
    mask, box = make(box, cells, seed)
    values, pixels = paste_slowly(mask, box), whole(paste_mask(mask, box, SIZE))
    sure = np.abs(values - 0.5) > 1e-5
    np.testing.assert_array_equal(pixels[sure], values[sure] >= 0.5)
    assert sure.mean() > 0.9


@given(some_boxes)
def test_a_mask_of_one_half_fills_its_box(box):
    mask, box = make(box, 5, 0)
    expected = paste_slowly(mask, box) >= 0
    np.testing.assert_array_equal(whole(paste_mask(np.full_like(mask, 0.5), box, SIZE)), expected)


def test_a_cell_a_pixel_is_the_mask_itself():
    mask = np.random.default_rng(1).random((9, 9), np.float32)
    pasted = paste_mask(mask, np.float32([4, 7, 13, 16]), SIZE)
    assert (pasted.left, pasted.top) == (4, 7)
    np.testing.assert_array_equal(pasted.pixels, mask >= 0.5)


def test_of_a_box_that_reaches_beyond_the_frame_the_rest_is_pasted():
    mask = np.zeros((4, 4), np.float32)
    mask[2:, 1:] = 1
    pasted = paste_mask(mask, np.float32([-8, -8, 8, 8]), SIZE)
    assert pasted.pixels.all()
    assert pasted.window == (slice(0, 8), slice(0, 8))
    beyond = paste_mask(mask, np.float32([-1e30, -1e30, 1e30, 1e30]), SIZE)
    assert beyond.pixels.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "box",
    [
        [np.nan, 0, 9, 9],
        [0, 0, np.inf, 9],
        [5, 5, 5, 9],
        [5, 9, 9, 5],
        [5.6, 5, 6.4, 9],
        [-9, -9, -1, -1],
        [40, 0, 50, 9],
    ],
    ids=["nan", "infinite", "no width", "upside down", "between centres", "before", "behind"],
)
def test_other_boxes_have_no_pixels(box):
    pasted = paste_mask(np.ones((4, 4), np.float32), np.float32(box), SIZE)
    assert not pasted.pixels.any()
    encoded = encode_rle(pasted, SIZE)
    assert not coco.decode(encoded).any()
    assert decode_rle(encoded).shape == (HEIGHT, WIDTH)


@given(some_boxes, st.integers(1, 7), st.integers(0, 2**32))
def test_runs_are_those_of_pycocotools_and_read_back(box, cells, seed):
    mask, box = make(box, cells, seed)
    pasted = paste_mask(mask, box, SIZE)
    pixels, encoded = whole(pasted), encode_rle(pasted, SIZE)
    expected = coco.encode(np.asfortranarray(pixels, np.uint8))
    assert encoded == {"size": expected["size"], "counts": expected["counts"].decode()}
    np.testing.assert_array_equal(coco.decode(encoded), pixels)
    np.testing.assert_array_equal(decode_rle(encoded), pixels)


@pytest.mark.parametrize("corner", [(0, 0), (WIDTH - 1, HEIGHT - 1), (WIDTH - 1, 0)])
def test_runs_may_begin_and_end_in_the_corners(corner):
    pasted = PastedMask(left=corner[0], top=corner[1], pixels=np.ones((1, 1), bool))
    encoded = encode_rle(pasted, SIZE)
    assert np.argwhere(decode_rle(encoded)).tolist() == [list(corner[::-1])]
    assert encoded["counts"] == coco.encode(np.asfortranarray(whole(pasted), np.uint8))[
        "counts"
    ].decode("ascii")


def test_without_pycocotools_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycocotools.mask", None)
    pasted = paste_mask(np.ones((4, 4), np.float32), np.float32([1, 1, 5, 5]), SIZE)
    with pytest.raises(UsageError) as caught:
        encode_rle(pasted, SIZE)
    assert str(caught.value) == (
        "writing masks as JSON lines needs pycocotools: pip install 'mvot-plugin[masks]'"
    )
