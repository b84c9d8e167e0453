import pytest
import torch
from torch.nn.functional import conv2d
from torch.testing import assert_close
from torchvision.ops import deform_conv2d

from mvot_plugin.ops.tensors.deform import deformable_convolution

SHAPES = [(1, 1, 1, 3, 3), (2, 4, 5, 7, 7), (3, 6, 2, 9, 5), (1, 3, 4, 4, 11), (2, 8, 8, 17, 17)]
"""(maps, channels, channels of the result, rows, columns)."""


def random_arguments(n, c, d, h, w, spread=1.0):
    """Maps, offsets in cells of this standard deviation, kernels and bias."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return normal(n, c, h, w), spread * normal(n, 18, h, w), normal(d, c, 3, 3), normal(d)


def torchvision_convolution(maps, offsets, weight, bias):
    return deform_conv2d(maps, offsets, weight, bias, padding=1)


def with_gradients(convolve, arguments):
    """The convolved maps, and the gradients with respect to everything."""
    arguments = [part.clone().requires_grad_() for part in arguments]
    found = convolve(*arguments)
    weights = torch.randn(
        found.shape, generator=torch.Generator().manual_seed(1), dtype=found.dtype
    )
    (found * weights).sum().backward()
    return [found.detach(), *(part.grad for part in arguments)]


@pytest.mark.parametrize("spread", [0.3, 2.0, 20.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_torchvision(shape, spread):
    """Of small offsets, and of those that lead beyond the map."""
    arguments = random_arguments(*shape, spread=spread)
    expected = with_gradients(torchvision_convolution, arguments)
    found = with_gradients(deformable_convolution, arguments)
    for ours, theirs in zip(found, expected, strict=True):
        assert_close(ours, theirs, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_offsets_it_is_an_ordinary_convolution(shape):
    maps, offsets, weight, bias = random_arguments(*shape)
    found = deformable_convolution(maps, 0 * offsets, weight, bias)
    assert_close(found, conv2d(maps, weight, bias, padding=1))


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, 1), (-2, 1)])
def test_offsets_are_down_and_to_the_right(down, right):
    """Shifting all taps shifts the map that is convolved."""
    maps, offsets, weight, bias = random_arguments(2, 3, 4, 9, 10)
    shifts = torch.tensor([down, right], dtype=maps.dtype).repeat(9)[:, None, None]
    found = deformable_convolution(maps, shifts.expand_as(offsets).contiguous(), weight, bias)
    shifted = maps.roll((-down, -right), (2, 3))
    inside = slice(3, -3)
    expected = conv2d(shifted, weight, bias, padding=1)
    assert_close(found[:, :, inside, inside], expected[:, :, inside, inside])


def test_each_tap_has_its_own_offset():
    """A tap that is far outside of the map adds nothing: as if its weight were 0."""
    maps, offsets, weight, bias = random_arguments(1, 3, 4, 6, 5)
    for tap in range(9):
        alone = torch.zeros_like(offsets)
        alone[:, 2 * tap : 2 * tap + 2] = 50.0
        without = weight.clone()
        without[:, :, tap // 3, tap % 3] = 0
        found = deformable_convolution(maps, alone, weight, bias)
        assert_close(found, conv2d(maps, without, bias, padding=1))


def test_single_precision_loses_little():
    arguments = random_arguments(2, 8, 8, 17, 17)
    found = deformable_convolution(*(part.float() for part in arguments))
    assert found.dtype == torch.float32
    assert_close(found.double(), deformable_convolution(*arguments), atol=1e-3, rtol=1e-4)


def test_no_maps_are_legal():
    maps, offsets, weight, bias = random_arguments(1, 3, 4, 6, 5)
    assert deformable_convolution(maps[:0], offsets[:0], weight, bias).shape == (0, 4, 6, 5)
