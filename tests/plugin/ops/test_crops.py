"""Crops from maps of features without torch, against `roi_crop` and one sample at a time."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.ops.crops import crop_maps
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop

STRIDE = 4
SIZES = [(9, 13), (1, 6), (7, 1)]
MAPS = [np.random.default_rng(i).normal(size=(*s, 3)).astype("f") for i, s in enumerate(SIZES)]


def crop_one_by_one(maps, squares, which, bins, stride):
    """Weigh the cells around each sample, which the edge repeats for up to a cell."""
    crops = np.zeros((len(squares), bins, bins, 3))
    for n, (x0, y0, x1, y1) in enumerate(squares.astype(float)):
        cells = maps[which[n]]
        height, width = cells.shape[:2]
        for row in range(bins):
            for column in range(bins):
                x = (x0 + (x1 - x0) * (column + 0.5) / bins - 0.5) / stride
                y = (y0 + (y1 - y0) * (row + 0.5) / bins - 0.5) / stride
                if not (-1 <= x <= width and -1 <= y <= height):
                    continue
                x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
                for i in range(height):
                    for j in range(width):
                        weight = max(1 - abs(x - j), 0) * max(1 - abs(y - i), 0)
                        crops[n, row, column] += weight * cells[i, j]
    return crops


coordinate = st.floats(-30, 70, width=32)
square = st.tuples(coordinate, coordinate, st.floats(0.5, 60, width=32), st.integers(0, 2))


@given(st.lists(square, min_size=1, max_size=4), st.sampled_from([1, 2, 5]))
def test_crops_equal_those_of_tensors_and_one_sample_at_a_time(given_ones, bins):
    squares = np.array([[x, y, x + s, y + s] for x, y, s, _ in given_ones], np.float32)
    which = np.array([number for *_, number in given_ones])
    found = crop_maps(MAPS, squares, which, bins, STRIDE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, crop_one_by_one(MAPS, squares, which, bins, STRIDE), atol=1e-4
    )
    tensors = [torch.from_numpy(m).permute(2, 0, 1) for m in MAPS]
    table = FeatureTable.from_maps(tensors, [STRIDE] * 3, [0.5] * 3)
    theirs = roi_crop(table, torch.from_numpy(squares), torch.from_numpy(which), bins)
    np.testing.assert_allclose(found, theirs.numpy(), atol=1e-4)


def test_squares_on_the_cells_are_the_cells():
    low = np.array([2, 1]) * STRIDE + 0.5 - STRIDE / 2
    squares = np.array([[*low, *(low + 5 * STRIDE)]], np.float32)
    found = crop_maps(MAPS, squares, np.zeros(1, np.int64), 5, STRIDE)
    np.testing.assert_array_equal(found[0], MAPS[0][1:6, 2:7])


def test_samples_over_a_cell_outside_are_0_and_others_take_the_edge():
    cells = [np.full((6, 5, 2), 3.0, np.float32)]
    # the first cell is centred at 0.5; a sample lies in the middle of a square
    middles = np.array([[-3.4, 10], [-3.6, 10], [20.4, 10], [20.6, 10], [10, 24.4], [10, 24.6]])
    squares = np.hstack([middles - 1, middles + 1]).astype(np.float32)
    found = crop_maps(cells, squares, np.zeros(6, np.int64), 1, STRIDE)
    assert found[:, 0, 0, 0].tolist() == [3, 0, 3, 0, 3, 0]


def test_views_of_maps_are_cropped_as_copies():
    large = np.random.default_rng(5).normal(size=(20, 20, 3)).astype("f")
    view = large[3:15, 4:16]
    squares, which = np.array([[3.3, 2.1, 30.2, 29]], np.float32), np.zeros(1, np.int64)
    found = crop_maps([view], squares, which, 7, STRIDE)
    np.testing.assert_array_equal(found, crop_maps([view.copy()], squares, which, 7, STRIDE))


@pytest.mark.parametrize("bins", [1, 8])
def test_no_squares_give_no_crops(bins):
    found = crop_maps(MAPS, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), bins, STRIDE)
    assert found.shape == (0, bins, bins, 3)
