"""Where the cells of a backbone without padding lie (SiamMT Eqs. 1 and 2)."""

import numpy as np
import pytest
import torch
from torch import nn

from mvot_plugin.models.alexnet import AlexNet
from mvot_plugin.ops.fields import Field

SMALL = nn.Sequential(nn.Conv2d(1, 1, 5, stride=2), nn.MaxPool2d(3, stride=2), nn.Conv2d(1, 1, 3))
FIELDS = [
    Field(receptive=87, stride=8),
    Field(receptive=17, stride=4),
    Field(receptive=3, stride=1),
]


def test_alexnets_field_is_that_of_the_paper():
    """A score map's cell is 8 pixels, 127 pixels make 6 cells and 255 make 22 (Fig. 4, Fig. 8)."""
    field = AlexNet((2, 2, 2, 2, 2)).field
    assert field == Field(receptive=87, stride=8)
    assert [field.cells(n) for n in (86, 87, 94, 95, 127, 255)] == [0, 1, 1, 2, 6, 22]


def test_a_field_is_read_off_the_layers():
    field = Field.of(SMALL)
    assert field == Field(receptive=5 + 2 * 2 + 2 * 4, stride=4)
    for size in range(field.receptive, field.receptive + 9):
        assert SMALL(torch.zeros(1, 1, size, size)).shape[-1] == field.cells(size)


@pytest.mark.parametrize(
    ("layer", "said"),
    [(nn.Conv2d(1, 1, 3, padding=1), "pads"), (nn.Conv2d(1, 1, (3, 5)), "must be square")],
)
def test_layers_that_pad_or_are_not_square_are_refused(layer, said):
    with pytest.raises(ValueError, match=said):
        Field.of([layer])


@pytest.mark.parametrize("field", FIELDS)
def test_the_effective_size_is_the_least_that_gives_as_many_cells_with_padding(field):
    for size in range(field.receptive, field.receptive + 40):
        with_padding = [-(-n // field.stride) for n in range(1, size + 1)]
        least = 1 + with_padding.index(field.cells(size))
        assert field.effective_size(size) == least


def test_the_paper_s_search_area():
    field = FIELDS[0]
    assert field.effective_size(255) == 169
    assert field.coordinate(43.0, 255) == 0
    assert field.coordinate(127.0, 255) == 10.5
    assert np.array_equal(field.coordinate(np.array([43.0, 51.0]), 255), [0, 1])


def test_whole_sizes_leave_no_pixel_unseen():
    field = Field.of(SMALL)
    for size in range(1, 60):
        whole = field.whole(size)
        assert size <= whole < max(size, field.receptive) + field.stride
        assert field.receptive + (field.cells(whole) - 1) * field.stride == whole


@pytest.mark.parametrize("spare", [0, 1, 2, 3])
def test_a_cell_sees_pixels_about_its_place_and_exactly_so_in_whole_sizes(spare):
    field = Field.of(SMALL)
    size = field.whole(40) + spare
    image = torch.zeros(1, 1, 1, size, requires_grad=True)
    ones = nn.Sequential(nn.Conv1d(1, 1, 5, 2), nn.AvgPool1d(3, 2), nn.Conv1d(1, 1, 3))
    for part in ones.parameters():
        nn.init.ones_(part)
    cells = ones(image[0])[0, 0]
    for number in range(len(cells)):
        (seen,) = torch.autograd.grad(cells[number], image, retain_graph=True)
        pixels = torch.nonzero(seen[0, 0, 0])[:, 0]
        middle = float(pixels.float().mean())
        off = abs(field.coordinate(middle, size) - number)
        assert off == spare / 2 / field.stride
