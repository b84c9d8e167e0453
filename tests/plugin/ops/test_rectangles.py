"""Which cells of a feature map areas need, and which rectangles are worth merging."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.plugin.feature_maps import STRIDES, areas_and_levels, random_pyramid
from mvot_plugin.ops.rectangles import merge_rectangles, sampled_cell_range
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop

BINS = st.sampled_from([1, 6, 15])


def needed_cells(area, level, bins, origin, size):
    """The slices of rows and columns of a map that an area needs."""
    parts = []
    for axis in (1, 0):
        interval, stride = area[None, axis::2], int(STRIDES[level])
        first, last = sampled_cell_range(interval, bins, stride, origin, size[axis])
        parts.append(slice(int(first[0]), int(last[0]) + 1))
    return tuple(parts)


@given(areas_and_levels(), BINS, st.sampled_from([0.5, 4.0]))
def test_crops_depend_on_the_sampled_cells_alone(where, bins, origin):
    (areas, index), maps = where, random_pyramid(2)
    for area, level in zip(areas, index.tolist(), strict=True):
        rows, columns = needed_cells(area, level, bins, origin, maps[level].shape[:0:-1])
        others = torch.full_like(maps[level], torch.nan)
        others[:, rows, columns] = maps[level][:, rows, columns]
        found, expected = (
            roi_crop(
                FeatureTable.from_maps([each], [STRIDES[level]], [origin]),
                torch.from_numpy(area[None]),
                torch.zeros(1, dtype=torch.int64),
                bins,
            )
            for each in (others, maps[level])
        )
        assert torch.equal(found, expected)


@given(areas_and_levels(), BINS)
def test_no_cell_is_sampled_that_is_over_a_cell_away_from_an_area(where, bins):
    for area in where[0]:
        for side, (x0, x1), cells in zip("xy", (area[0::2], area[1::2]), (40, 30), strict=True):
            interval = np.array([[x0, x1]], np.float32)
            first, last = sampled_cell_range(interval, bins, 4, 0.5, cells)
            low, high = ((float(x) - 0.5) / 4 for x in (x0, x1))
            # what lies outside takes from the edge, and two cells at least are sampled
            assert first[0] >= min(low, cells - 1) - 1.01, side
            assert last[0] <= max(high, 0) + 1.01, side


def test_the_sampled_cells_by_hand():
    def sampled(low, high):
        interval = np.array([[low, high]], np.float32)
        (first,), (last,) = sampled_cell_range(interval, 31, 8, 4.0, 64)
        return int(first), int(last)

    # samples at 100.3 .. 119.7 lie between cells 12 and 15, those up to 130.5 touch cell 16
    assert sampled(100, 120) == (12, 15)
    assert sampled(100, 131) == (12, 16)
    assert sampled(-900, -800) == (0, 1)
    assert sampled(900, 950) == (63, 63)
    assert sampled(-900, 950) == (0, 63)


rectangle = st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 30)] * 2)


@given(st.lists(rectangle, min_size=1, max_size=12), st.floats(0, 12))
def test_merged_rectangles_hold_all_and_cost_no_more(given_ones, margin):
    ones = np.array([(x, y, x + w, y + h) for x, y, w, h in given_ones])
    parts = merge_rectangles(ones, margin)
    held = (parts[:, None, :2] <= ones[:, :2]) & (parts[:, None, 2:] >= ones[:, 2:])
    assert held.all(2).any(0).all()

    def cost(boxes):
        return ((boxes[:, 2:] - boxes[:, :2] + margin).prod(1)).sum()

    assert cost(parts) <= cost(ones)
    assert len(parts) <= len(ones)


def test_rectangles_are_merged_where_that_is_cheaper():
    near, far = [0, 0, 10, 10], [11, 0, 20, 10]
    assert merge_rectangles(np.array([near, far]), 9.0).tolist() == [[0, 0, 20, 10]]
    assert merge_rectangles(np.array([near, [60, 60, 70, 70]]), 9.0).tolist() == [
        near,
        [60, 60, 70, 70],
    ]
    chain = np.array([near, [40, 0, 50, 10], [9, 0, 41, 10]])
    assert merge_rectangles(chain, 9.0).tolist() == [[0, 0, 50, 10]]
