import math

import pytest
import torch
from torch.testing import assert_close
from torchvision.ops import roi_align

from helpers.plugin.feature_maps import STRIDES, random_pyramid
from mvot_plugin.ops.tensors.roi import FeatureTable, roi_crop

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
HALF = [(torch.bfloat16, 2**-8), (torch.float16, 2**-11)]
"""Half-precision types and their largest relative rounding errors."""
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


def random_areas(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(n, 2, generator=generator) * torch.tensor([200.0, 160.0]) - 20
    half = 2 ** (torch.rand(n, 1, generator=generator) * 6)
    return torch.cat([centres - half, centres + half], dim=1)


def roi_align_crops(maps, areas, index, bins):
    """Each area from its level by torchvision, one area at a time."""
    crops = [
        roi_align(maps[i][None], [area[None]], bins, 1 / STRIDES[i], 1, aligned=True)[0]
        for area, i in zip(areas, index.tolist(), strict=True)
    ]
    return torch.stack(crops).permute(0, 2, 3, 1)


def interpolation_weights(position, count):
    """The two cells next to a position along one axis, and their interpolation weights."""
    if position < -1 or position > count:
        return [(0, 0.0)]
    position = min(max(position, 0), count - 1)
    low = math.floor(position)
    return [(low, 1 - (position - low)), (min(low + 1, count - 1), position - low)]


def sample_area(level, stride, origin, area, bins):
    """One bilinear sample in the middle of each bin, where cell i lies at origin + i * stride."""
    x0, y0, x1, y1 = area.tolist()
    parts = [(b + 0.5) / bins for b in range(bins)]
    across = [
        interpolation_weights((x0 + (x1 - x0) * b - origin) / stride, level.shape[2]) for b in parts
    ]
    down = [
        interpolation_weights((y0 + (y1 - y0) * b - origin) / stride, level.shape[1]) for b in parts
    ]
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
        lambda m: roi_crop(FeatureTable.from_maps(m, STRIDES, origins), where, which, bins),
        maps,
        device,
    )
    for ours, oracle in zip(found, expected, strict=True):
        assert_close(ours, oracle, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("bins", [1, 7, 15])
@pytest.mark.parametrize("seed", range(3))
def test_crops_of_mixed_levels_and_gradients_equal_roi_align(seed, bins, device):
    maps, areas = random_pyramid(), random_areas(24, seed)
    index = torch.randint(4, (24,), generator=torch.Generator().manual_seed(seed))
    assert_crops(
        maps, areas, index, bins, lambda m: roi_align_crops(m, areas, index, bins), device=device
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("level", range(4))
def test_crops_over_and_outside_the_edge_and_of_any_size_equal_roi_align(level, device):
    maps, areas, index = random_pyramid(), torch.tensor(EDGES), torch.full((len(EDGES),), level)
    assert_crops(
        maps, areas, index, 9, lambda m: roi_align_crops(m, areas, index, 9), device=device
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("origins", [[0.0] * 4, [0.5] * 4, [1.0, 2, 4, 8], [3.0, -2, 9, 40]])
def test_crops_about_any_first_cell_equal_one_sample_at_a_time(origins, device):
    origins = [float(o) for o in origins]
    areas = torch.cat([random_areas(6), torch.tensor(EDGES)])
    index = torch.arange(len(areas)) % 4

    def slow(maps):
        each = zip(index.tolist(), areas, strict=True)
        return torch.stack(
            [sample_area(maps[i], STRIDES[i], origins[i], area, 5) for i, area in each]
        )

    assert_crops(random_pyramid(2), areas, index, 5, slow, origins=origins, device=device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "rounding"), HALF)
def test_crops_in_half_precision_round_only_weights_and_sums(dtype, rounding, device):
    maps, areas = [m.to(dtype) for m in random_pyramid(16)], random_areas(30)
    index = torch.arange(30) % 4
    cells = FeatureTable.from_maps([m.to(device) for m in maps], STRIDES)
    found = roi_crop(cells, areas.to(device), index.to(device), 7)
    assert found.dtype == dtype
    full = [m.float() for m in maps]
    oracle = roi_align_crops(full, areas, index, 7)
    largest = roi_align_crops([m.abs() for m in full], areas, index, 7)
    assert ((found.float().cpu() - oracle).abs() <= 2 * rounding * largest + 1e-3).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_areas_give_no_crops(dtype):
    none, index = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    maps = [m.to(dtype) for m in random_pyramid()]
    crops = roi_crop(FeatureTable.from_maps(maps, STRIDES), none, index, 31)
    assert crops.shape == (0, 31, 31, 3)
    assert crops.dtype == dtype


def test_areas_outside_the_frame_are_0_and_those_at_its_edge_take_the_nearest_cell():
    maps = [torch.full((2, 15, 20), 3.0)]
    # samples lie in the middle of an area: 8 px, a cell, outside the frame's first cell at 4
    areas = torch.tensor([[-5.0, 10, -3, 12], [-5.1, 10, -3.1, 12], [300, 10, 310, 20]])
    crops = roi_crop(
        FeatureTable.from_maps(maps, [8.0]), areas, torch.zeros(3, dtype=torch.int64), 1
    )
    assert crops[:, 0, 0].tolist() == [[3, 3], [0, 0], [0, 0]]
