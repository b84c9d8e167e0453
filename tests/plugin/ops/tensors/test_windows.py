import math

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from mvot_plugin.ops.tensors.windows import erode, hann_window, shape_penalty

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def random_sizes(*shape, seed=0):
    return torch.rand(*shape, 2, generator=torch.Generator().manual_seed(seed)) * 90 + 10


def random_scores(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def reference_penalty(size, last, strength):
    """Equation 3 for one proposal; r is the aspect ratio, s the overall scale."""
    (w, h), (w_, h_) = size, last
    p, p_ = (w + h) / 2, (w_ + h_) / 2
    r, r_ = w / h, w_ / h_
    s, s_ = ((w + p) * (h + p)) ** 0.5, ((w_ + p_) * (h_ + p_)) ** 0.5
    return math.e ** (-strength * (max(r / r_, r_ / r) * max(s / s_, s_ / s) - 1))


def reference_erosion(maps):
    """The minimum of each cell's neighbours inside the map, cell by cell."""
    n, k, height, width = maps.shape
    cells = [
        maps[
            i,
            a,
            max(row - 1, 0) : min(row + 2, height),
            max(column - 1, 0) : min(column + 2, width),
        ].amin()
        for i in range(n)
        for a in range(k)
        for row in range(height)
        for column in range(width)
    ]
    return torch.stack(cells).view(n, k, height, width)


def with_gradients(function, values, weights):
    values = values.clone().requires_grad_()
    result = function(values)
    (result * weights).sum().backward()
    return result.detach().cpu(), values.grad.cpu()


@pytest.mark.parametrize("cells", [1, 2, 3, 24, 25])
def test_the_window_is_the_product_of_two_hann_windows(cells):
    expected = np.outer(np.hanning(cells), np.hanning(cells))
    assert hann_window(cells).shape == (cells, cells)
    assert np.allclose(hann_window(cells), expected, atol=1e-6)


def test_the_window_is_1_in_the_middle_and_0_at_the_edge():
    window = hann_window(25)
    assert window[12, 12] == pytest.approx(1)
    assert window.argmax() == 12 * 25 + 12
    edge = torch.cat([window[0], window[-1], window[:, 0], window[:, -1]])
    assert edge.abs().max() < 1e-6


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("strength", [0.05, 0.4])
def test_shape_penalty_equals_equation_3_one_proposal_at_a_time(strength, device):
    proposals, last, weights = random_sizes(3, 7), random_sizes(3, 1, seed=1), random_scores(3, 7)

    def one_at_a_time(some):
        rows = [
            [reference_penalty(s, o[0], strength) for s in p]
            for p, o in zip(some, last, strict=True)
        ]
        return torch.stack([torch.stack(row) for row in rows])

    def at_once(some):
        return shape_penalty(some, last.to(device), strength)

    expected, slope = with_gradients(one_at_a_time, proposals, weights)
    found, found_slope = with_gradients(at_once, proposals.to(device), weights.to(device))
    assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert_close(found_slope, slope, rtol=1e-3, atol=1e-6)


def test_shape_penalty_by_hand():
    # a square of 20 after one of 10: s doubles, r stays: exp(-0.5 (1 * 2 - 1))
    doubled = shape_penalty(torch.tensor([[20.0, 20.0]]), torch.tensor([[10.0, 10.0]]), 0.5)
    assert doubled.item() == pytest.approx(math.exp(-0.5))
    # turned on its side: s stays, r goes from 2 to 1/2: exp(-0.5 (4 * 1 - 1))
    turned = shape_penalty(torch.tensor([[10.0, 20.0]]), torch.tensor([[20.0, 10.0]]), 0.5)
    assert turned.item() == pytest.approx(math.exp(-1.5))


def test_an_unchanged_shape_is_not_penalised():
    some = random_sizes(40)
    assert_close(shape_penalty(some, some, 0.4), torch.ones(40))


def test_growth_and_shrinkage_are_penalised_equally():
    before, after = random_sizes(40), random_sizes(40, seed=1)
    forth, back = shape_penalty(after, before, 0.3), shape_penalty(before, after, 0.3)
    assert_close(forth, back)
    assert (forth < 1).all()
    assert (forth > 0).all()


def test_the_penalty_of_a_pair_does_not_depend_on_their_common_size():
    before, after = random_sizes(40), random_sizes(40, seed=1)
    assert_close(shape_penalty(3 * after, 3 * before, 0.3), shape_penalty(after, before, 0.3))


def test_without_strength_nothing_is_penalised():
    assert shape_penalty(random_sizes(9), random_sizes(9, seed=1), 0.0).tolist() == [1] * 9


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(2, 5, 6, 9), (1, 1, 1, 1), (1, 2, 2, 1), (3, 1, 4, 3)])
def test_erosion_and_its_gradients_equal_the_least_neighbour_cell_by_cell(shape, device):
    maps, weights = random_scores(*shape) - 0.3, random_scores(*shape, seed=1)
    expected, slope = with_gradients(reference_erosion, maps, weights)
    found, found_slope = with_gradients(erode, maps.to(device), weights.to(device))
    assert torch.equal(found, expected)
    assert_close(found_slope, slope)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_erosion_in_half_precision_is_exact(dtype, device):
    maps = random_scores(2, 3, 7, 7).to(dtype)
    assert torch.equal(erode(maps.to(device)).cpu(), reference_erosion(maps))


def test_erosion_removes_an_isolated_peak_and_keeps_the_middle_of_a_wide_one():
    maps = torch.full((1, 2, 9, 9), 0.25)
    maps[0, 0, 4, 4] = 1
    maps[0, 1, 3:6, 3:6] = 1
    alone, wide = erode(maps)[0]
    assert (alone == 0.25).all()
    assert wide[4, 4] == 1
    assert wide.sum() == pytest.approx(1 + 80 * 0.25)


def test_a_peak_in_the_corner_of_a_map_of_peaks_stays():
    assert (erode(torch.full((1, 1, 3, 3), 0.9)) == torch.tensor(0.9)).all()


def test_empty_inputs_are_legal():
    assert erode(torch.zeros(0, 5, 25, 25)).shape == (0, 5, 25, 25)
    assert shape_penalty(torch.zeros(0, 9, 2), torch.zeros(0, 1, 2), 0.1).shape == (0, 9)
