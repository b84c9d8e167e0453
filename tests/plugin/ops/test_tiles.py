"""Which tiles of a feature map areas need, and which rectangles are worth merging."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.plugin.feature_maps import (
    STRIDES,
    areas_and_levels,
    build_table_of_needed_tiles,
    random_pyramid,
)
from mvot_plugin.ops.roi import FeatureTable, roi_crop
from mvot_plugin.ops.tiles import find_needed_tiles, merge_rectangles


@given(areas_and_levels(), st.sampled_from([1, 3, 4, 8]), st.sampled_from([1, 6, 15]))
def test_crops_from_the_needed_tiles_equal_those_from_whole_maps(where, tile, bins):
    (areas, index), maps = where, random_pyramid(2)
    for origin in (0.5, 4.0):
        cells = build_table_of_needed_tiles(maps, index, areas, bins=bins, tile=tile, origin=origin)
        found = roi_crop(cells, torch.from_numpy(areas), index, bins)
        full_table = FeatureTable.from_maps(maps, STRIDES, [origin] * 4)
        assert torch.equal(found, roi_crop(full_table, torch.from_numpy(areas), index, bins))


@given(areas_and_levels(), st.sampled_from([1, 3, 8]), st.sampled_from([1, 6, 15]))
def test_no_tile_is_needed_that_is_over_a_cell_away_from_every_area(where, tile, bins):
    areas, stride, origin, (columns, rows) = where[0], 4, 0.5, (40, 30)
    size = columns, rows
    needed = find_needed_tiles(areas, bins=bins, tile=tile, stride=stride, origin=origin, size=size)
    near = np.zeros((rows, columns), np.bool_)
    for area in areas.astype(float):
        (x0, y0, x1, y1), x, y = (area - origin) / stride, np.arange(columns), np.arange(rows)
        # what lies outside takes from the edge
        across = (x >= min(x0, columns - 1) - 1.01) & (x <= max(x1, 0) + 1.01)
        down = (y >= min(y0, rows - 1) - 1.01) & (y <= max(y1, 0) + 1.01)
        near |= down[:, None] & across
    for row, column in np.argwhere(needed) * tile:
        assert near[row : row + tile, column : column + tile].any()


def test_the_tiles_of_small_areas_by_hand():
    def needed(*areas):
        some = np.array(areas, np.float32).reshape(-1, 4)
        mask = find_needed_tiles(some, bins=31, tile=8, stride=8, origin=4.0, size=(64, 44))
        assert mask.shape == (6, 8)
        return np.argwhere(mask).tolist()

    assert needed() == []
    # samples at 100.3 .. 119.7 lie between cells 12 and 15, those up to 130.5 touch cell 16
    assert needed([100, 100, 120, 120]) == [[1, 1]]
    assert needed([100, 100, 131, 120]) == [[1, 1], [1, 2]]
    assert needed([100, 100, 120, 131]) == [[1, 1], [2, 1]]
    assert needed([100, 100, 120, 120], [400, 20, 410, 30]) == [[0, 6], [1, 1]]
    assert needed([-900, -900, -800, -800], [900, 900, 950, 950]) == [[0, 0], [5, 7]]
    assert len(needed([-900, -900, 950, 950])) == 48


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
