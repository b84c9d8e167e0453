import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references.layers import bilinear, mean_over_box
from mvot_plugin.ops.tensors.prroi import precise_roi_pool

BOXES = [
    [1.3, 0.4, 4.8, 3.9],  # many cells
    [2.1, 3.2, 2.4, 3.9],  # between four cells
    [2.9, 1.9, 3.1, 2.1],  # about a cell
    [1.0, 1.0, 3.0, 4.0],  # from cells to cells
    [-3.5, -2.2, 2.5, 9.5],  # beyond three edges
    [-9.0, -9.0, 20.0, 20.0],  # all of the map, and around it
    [5.6, 0.0, 6.9, 2.0],  # partly where a map ends
    [8.5, 8.5, 9.5, 9.75],  # beyond it
]
HEIGHT, WIDTH = 6, 7


def random_maps(dtype=torch.float64):
    """A map of three channels for each of ``BOXES``."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(len(BOXES), HEIGHT, WIDTH, 3, generator=generator).to(dtype)


def channels_first(cells):
    return cells.permute(2, 0, 1).double().numpy()


def as_double(x):
    return torch.from_numpy(np.asarray(x))


@pytest.mark.parametrize("n", range(len(BOXES)))
def test_a_mean_is_that_of_many_samples(n):
    """Of the interpolated map, in the middles of 200 x 200 parts of the box."""
    cells, (x0, y0, x1, y1) = random_maps()[n], BOXES[n]
    steps = (np.arange(200) + 0.5) / 200
    along = []
    for low, high, count in ((y0, y1, HEIGHT), (x0, x1, WIDTH)):
        places = low + (high - low) * steps
        near = 1 - abs(places[:, None] - np.arange(count))  # bilinear interpolation
        along.append(np.where(near > 0, near, 0))
    samples = np.einsum("ay,bx,yxc->abc", *along, cells.numpy())
    found = precise_roi_pool(random_maps(), torch.tensor(BOXES, dtype=torch.float64))[n]
    assert_close(found, as_double(samples.mean((0, 1))), atol=2e-3, rtol=0)


def test_a_mean_is_that_of_the_parts_between_cells():
    maps = random_maps()
    found = precise_roi_pool(maps, torch.tensor(BOXES, dtype=torch.float64))
    for cells, box, mean in zip(maps, BOXES, found, strict=True):
        expected = mean_over_box(channels_first(cells), box)
        assert_close(mean, as_double(expected), atol=1e-12, rtol=1e-9)


def test_a_small_box_gives_what_the_map_is_there():
    cells = random_maps()[:1]
    for x, y in ((2.5, 3.25), (0.1, 4.9), (-0.5, 2.0), (6.75, 5.5), (-1.5, 3.0)):
        box = torch.tensor([[x - 1e-4, y - 1e-4, x + 1e-4, y + 1e-4]], dtype=torch.float64)
        expected = as_double(bilinear(channels_first(cells[0]), y, x))
        assert_close(precise_roi_pool(cells, box)[0], expected, atol=1e-3, rtol=0)


def test_a_flat_map_has_its_value_inside_and_half_of_it_across_its_border():
    """Beyond the border a map falls to 0 within a cell: from -1 to 0 its mean is a half."""
    flat = torch.full((1, 6, 7, 2), 3.0)
    for box, expected in (
        ([0.0, 0.0, 6.0, 5.0], 3.0),
        ([1.2, 2.2, 1.7, 4.9], 3.0),
        ([-1.0, 1.0, 0.0, 3.0], 1.5),
        ([6.0, 5.0, 7.0, 6.0], 0.75),
        ([7.0, 0.0, 9.0, 5.0], 0.0),
    ):
        found = precise_roi_pool(flat, torch.tensor([box]))
        assert_close(found, torch.full((1, 2), expected))


def test_gradients_are_those_of_small_changes():
    """With respect to features and boxes, whose edges lie between cells, where it is smooth."""
    maps = random_maps().requires_grad_()
    boxes = (torch.tensor(BOXES, dtype=torch.float64) + 0.013).requires_grad_()
    assert torch.autograd.gradcheck(precise_roi_pool, (maps, boxes))
    precise_roi_pool(maps, boxes).sum().backward()
    assert boxes.grad[:7].abs().min() > 1e-6


def test_each_target_has_its_own_map():
    maps, boxes = random_maps(), torch.tensor(BOXES, dtype=torch.float64)
    together = precise_roi_pool(maps, boxes)
    for n in range(len(BOXES)):
        assert_close(precise_roi_pool(maps[n : n + 1], boxes[n : n + 1])[0], together[n])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_means_have_the_precision_of_the_features(dtype):
    maps, boxes = random_maps(dtype=dtype), torch.tensor(BOXES)
    found = precise_roi_pool(maps, boxes)
    assert found.dtype == dtype
    expected = precise_roi_pool(maps.double(), boxes.double())
    assert_close(found.double(), expected, atol=8 * torch.finfo(dtype).eps, rtol=0)


def test_no_targets_are_legal():
    assert precise_roi_pool(random_maps()[:0], torch.zeros(0, 4)).shape == (0, 3)
