import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from torchvision.ops import roi_align

from mvot_plugin.ops.roi import Cells, roi_crop, take_rows
from mvot_plugin.ops.tiles import merged, needed_tiles

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
HALF = [(torch.bfloat16, 2**-8), (torch.float16, 2**-11)]
"""Half precision, and the most by which rounding to it changes a number, as a share of it."""
STRIDES = [2.0, 4.0, 8.0, 16.0]
SIZES = [(80, 60), (40, 30), (20, 15), (10, 8)]
"""(columns, rows) of the levels' maps of a frame of 160 x 120 pixels."""
EDGES = [
    [-30, -20, 50, 60],
    [120, 90, 200, 170],
    [-300, -300, -200, -200],
    [400, 30, 470, 100],
    [-500, -400, 600, 700],
    [80, 60, 80.01, 60.01],
    [50, 50, 50, 50],
    [0, 0, 160, 120],
    [-3, -3, 1, 1],
    [158, 118, 164, 124],
]


def pyramid(channels=3, sizes=SIZES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(channels, rows, columns, generator=generator) for columns, rows in sizes]


def random_areas(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(n, 2, generator=generator) * torch.tensor([200.0, 160.0]) - 20
    half = 2 ** (torch.rand(n, 1, generator=generator) * 6)
    return torch.cat([centres - half, centres + half], dim=1)


def aligned(maps, areas, index, bins):
    """Each area from its level by torchvision, one area at a time."""
    crops = [
        roi_align(maps[i][None], [area[None]], bins, 1 / STRIDES[i], 1, aligned=True)[0]
        for area, i in zip(areas, index.tolist(), strict=True)
    ]
    return torch.stack(crops).permute(0, 2, 3, 1)


def taps(at, count):
    """The cells on either side of a place along one axis, and how much of each is taken."""
    if at < -1 or at > count:
        return [(0, 0.0)]
    at = min(max(at, 0), count - 1)
    low = math.floor(at)
    return [(low, 1 - (at - low)), (min(low + 1, count - 1), at - low)]


def sampled(level, stride, origin, area, bins):
    """One bilinear sample in the middle of each bin, where cell i lies at origin + i * stride."""
    x0, y0, x1, y1 = area.tolist()
    parts = [(b + 0.5) / bins for b in range(bins)]
    across = [taps((x0 + (x1 - x0) * b - origin) / stride, level.shape[2]) for b in parts]
    down = [taps((y0 + (y1 - y0) * b - origin) / stride, level.shape[1]) for b in parts]
    crop = [
        sum(v * w * level[:, row, column] for row, v in y for column, w in x)
        for y in down
        for x in across
    ]
    return torch.stack(crop).view(bins, bins, -1)


def with_gradients(crop, maps, device="cpu"):
    maps = [m.to(device, copy=True).requires_grad_() for m in maps]
    crops = crop(maps)
    weights = torch.rand(crops.shape, generator=torch.Generator().manual_seed(5))
    (crops * weights.to(device)).sum().backward()
    grads = [torch.zeros_like(m) if m.grad is None else m.grad for m in maps]
    return [crops.detach().cpu(), *(g.cpu() for g in grads)]


def assert_crops(maps, areas, index, bins, slow, *, origins=None, device="cpu"):
    """That crops and gradients are those of ``slow``, a function of the maps."""
    expected = with_gradients(slow, maps)
    where, which = areas.to(device), index.to(device)
    found = with_gradients(
        lambda m: roi_crop(Cells.dense(m, STRIDES, origins), where, which, bins), maps, device
    )
    for ours, oracle in zip(found, expected, strict=True):
        assert_close(ours, oracle, rtol=1e-4, atol=1e-4)


def tiled(maps, index, areas, *, bins, tile, origin):
    """Cells that hold only the tiles which are said to be needed; what is past the edge is NaN."""
    computed, values = {}, [maps[0].new_zeros(0, maps[0].shape[0])]
    for i, level in enumerate(maps):
        mine = areas[index.numpy() == i]
        if len(mine):
            size, stride = (level.shape[2], level.shape[1]), int(STRIDES[i])
            computed[i] = needed_tiles(
                mine, bins=bins, tile=tile, stride=stride, origin=origin, size=size
            )
            for row, column in np.argwhere(computed[i]) * tile:
                block = torch.full((tile, tile, level.shape[0]), torch.nan)
                part = level[:, row : row + tile, column : column + tile].permute(1, 2, 0)
                block[: part.shape[0], : part.shape[1]] = part
                values.append(block.flatten(0, 1))
    sizes = [(m.shape[2], m.shape[1]) for m in maps]
    return Cells.tiled(torch.cat(values), tile, computed, sizes, STRIDES, origin)


@st.composite
def anywhere(draw, most=5):
    """Areas in, over and far outside the frame, and the level of each."""
    place = st.one_of(st.floats(-60, 220, width=32), st.floats(-4000, 4000, width=32))
    side = st.one_of(st.floats(0, 200, width=32), st.floats(0, 4000, width=32))
    rows = draw(st.lists(st.tuples(place, place, side, st.integers(0, 3)), max_size=most))
    areas = np.array([(x, y, x + a, y + a) for x, y, a, _ in rows], np.float32).reshape(-1, 4)
    return areas, torch.tensor([level for *_, level in rows], dtype=torch.int64)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bins", [1, 7, 15])
@pytest.mark.parametrize("seed", range(3))
def test_crops_of_mixed_levels_and_gradients_equal_roi_align(seed, bins, device):
    maps, areas = pyramid(), random_areas(24, seed)
    index = torch.randint(4, (24,), generator=torch.Generator().manual_seed(seed))
    assert_crops(maps, areas, index, bins, lambda m: aligned(m, areas, index, bins), device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("level", range(4))
def test_crops_over_and_outside_the_edge_and_of_any_size_equal_roi_align(level, device):
    maps, areas, index = pyramid(), torch.tensor(EDGES), torch.full((len(EDGES),), level)
    assert_crops(maps, areas, index, 9, lambda m: aligned(m, areas, index, 9), device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("origins", [[0.0] * 4, [0.5] * 4, [1.0, 2, 4, 8], [3.0, -2, 9, 40]])
def test_crops_about_any_first_cell_equal_one_sample_at_a_time(origins, device):
    origins = [float(o) for o in origins]
    areas = torch.cat([random_areas(6), torch.tensor(EDGES)])
    index = torch.arange(len(areas)) % 4

    def slow(maps):
        each = zip(index.tolist(), areas, strict=True)
        return torch.stack([sampled(maps[i], STRIDES[i], origins[i], area, 5) for i, area in each])

    assert_crops(pyramid(2), areas, index, 5, slow, origins=origins, device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "rounding"), HALF)
def test_crops_in_half_precision_round_only_weights_and_sums(dtype, rounding, device):
    maps, areas = [m.to(dtype) for m in pyramid(16)], random_areas(30)
    index = torch.arange(30) % 4
    cells = Cells.dense([m.to(device) for m in maps], STRIDES)
    found = roi_crop(cells, areas.to(device), index.to(device), 7)
    assert found.dtype == dtype
    whole = [m.float() for m in maps]
    oracle = aligned(whole, areas, index, 7)
    largest = aligned([m.abs() for m in whole], areas, index, 7)
    assert ((found.float().cpu() - oracle).abs() <= 2 * rounding * largest + 1e-3).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_areas_give_no_crops(dtype):
    none, index = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    maps = [m.to(dtype) for m in pyramid()]
    dense = roi_crop(Cells.dense(maps, STRIDES), none, index, 31)
    few = tiled(maps, index, none.numpy(), bins=31, tile=8, origin=0.5)
    assert few.values.shape == (0, 3)
    crops = roi_crop(few, none, index, 31)
    assert dense.shape == crops.shape == (0, 31, 31, 3)
    assert dense.dtype == crops.dtype == dtype


def test_areas_outside_the_frame_are_0_and_those_at_its_edge_take_the_nearest_cell():
    maps = [torch.full((2, 15, 20), 3.0)]
    # samples lie in the middle of an area: 8 px, a cell, outside the frame's first cell at 4
    areas = torch.tensor([[-5.0, 10, -3, 12], [-5.1, 10, -3.1, 12], [300, 10, 310, 20]])
    crops = roi_crop(Cells.dense(maps, [8.0]), areas, torch.zeros(3, dtype=torch.int64), 1)
    assert crops[:, 0, 0].tolist() == [[3, 3], [0, 0], [0, 0]]


@given(anywhere(), st.sampled_from([1, 3, 4, 8]), st.sampled_from([1, 6, 15]))
def test_crops_from_the_needed_tiles_equal_those_from_whole_maps(where, tile, bins):
    (areas, index), maps = where, pyramid(2)
    for origin in (0.5, 4.0):
        cells = tiled(maps, index, areas, bins=bins, tile=tile, origin=origin)
        found = roi_crop(cells, torch.from_numpy(areas), index, bins)
        whole = Cells.dense(maps, STRIDES, [origin] * 4)
        assert torch.equal(found, roi_crop(whole, torch.from_numpy(areas), index, bins))


@given(anywhere(), st.sampled_from([1, 3, 8]), st.sampled_from([1, 6, 15]))
def test_no_tile_is_needed_that_is_over_a_cell_away_from_every_area(where, tile, bins):
    areas, stride, origin, (columns, rows) = where[0], 4, 0.5, (40, 30)
    size = columns, rows
    needed = needed_tiles(areas, bins=bins, tile=tile, stride=stride, origin=origin, size=size)
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
        mask = needed_tiles(some, bins=31, tile=8, stride=8, origin=4.0, size=(64, 44))
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


def test_crops_from_patches_equal_those_from_the_whole_map():
    """Patches may overlap, in any order; cells that no area needs are not there."""
    (level,) = pyramid(sizes=[(40, 30)])
    whole = Cells.dense([level], [4.0], [0.5])
    corners = np.array([[3, 12], [0, 10], [20, 0]])
    patches = [
        level[:, y : y + h, x : x + w].permute(1, 2, 0)
        for (x, y), (w, h) in zip(corners.tolist(), [(9, 10), (6, 20), (20, 8)], strict=True)
    ]
    cells = Cells.patches(patches, corners, (40, 30), 4, 0.5)
    areas = torch.tensor([[-3.0, 50, 17, 70], [20, 56, 40, 80], [90, 2, 156, 20]])
    maps = torch.zeros(3, dtype=torch.int64)
    assert_close(roi_crop(cells, areas, maps, 7), roi_crop(whole, areas, maps, 7))
    assert len(cells.values) == 9 * 10 + 6 * 20 + 20 * 8


rectangle = st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(1, 30)] * 2)


@given(st.lists(rectangle, min_size=1, max_size=12), st.floats(0, 12))
def test_merged_rectangles_hold_all_and_cost_no_more(given_ones, margin):
    ones = np.array([(x, y, x + w, y + h) for x, y, w, h in given_ones])
    parts = merged(ones, margin)
    held = (parts[:, None, :2] <= ones[:, :2]) & (parts[:, None, 2:] >= ones[:, 2:])
    assert held.all(2).any(0).all()

    def cost(boxes):
        return ((boxes[:, 2:] - boxes[:, :2] + margin).prod(1)).sum()

    assert cost(parts) <= cost(ones)
    assert len(parts) <= len(ones)


def test_rectangles_are_merged_where_that_is_cheaper():
    near, far = [0, 0, 10, 10], [11, 0, 20, 10]
    assert merged(np.array([near, far]), 9.0).tolist() == [[0, 0, 20, 10]]
    assert merged(np.array([near, [60, 60, 70, 70]]), 9.0).tolist() == [near, [60, 60, 70, 70]]
    chain = np.array([near, [40, 0, 50, 10], [9, 0, 41, 10]])
    assert merged(chain, 9.0).tolist() == [[0, 0, 50, 10]]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rows", [0, 1, 50])
def test_taking_rows_equals_indexing(rows, dtype, device):
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(20, 8, generator=generator).to(dtype)
    index = torch.randint(20, (rows,), generator=generator)
    weights = torch.randint(-4, 5, (rows, 8), generator=generator).to(dtype)
    ours = table.to(device, copy=True).requires_grad_()
    theirs = table.clone().requires_grad_()
    found = take_rows(ours, index.to(device))
    assert found.dtype == dtype
    assert torch.equal(found.cpu(), theirs[index])
    (found * weights.to(device)).sum().backward()
    (theirs[index] * weights).sum().backward()
    assert torch.equal(ours.grad.cpu(), theirs.grad)
