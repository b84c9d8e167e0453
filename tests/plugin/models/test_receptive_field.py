"""Where the cells of a backbone without padding lie, and how many there are."""

import pytest
import torch
from torch import nn

from mvot_plugin.models.backbones.alexnet import AlexNet
from mvot_plugin.models.backbones.receptive_field import ReceptiveField

SMALL = nn.Sequential(nn.Conv2d(1, 1, 5, stride=2), nn.MaxPool2d(3, stride=2), nn.Conv2d(1, 1, 3))


def test_alexnets_field_is_that_of_the_paper():
    """A score map's cell is 8 pixels, 127 pixels make 6 cells and 255 make 22 (Fig. 4, Fig. 8)."""
    field = AlexNet((2, 2, 2, 2, 2)).receptive_field
    assert field == ReceptiveField(size=87, stride=8)
    assert [field.count_cells(n) for n in (86, 87, 94, 95, 127, 255)] == [0, 1, 1, 2, 6, 22]


def test_a_field_follows_from_the_layers():
    field = ReceptiveField.from_layers(SMALL)
    assert field == ReceptiveField(size=5 + 2 * 2 + 2 * 4, stride=4)
    for size in range(field.size, field.size + 9):
        assert SMALL(torch.zeros(1, 1, size, size)).shape[-1] == field.count_cells(size)


@pytest.mark.parametrize(
    ("layer", "message"),
    [(nn.Conv2d(1, 1, 3, padding=1), "pads"), (nn.Conv2d(1, 1, (3, 5)), "must be square")],
)
def test_layers_that_pad_or_are_not_square_are_refused(layer, message):
    with pytest.raises(ValueError, match=message):
        ReceptiveField.from_layers([layer])


def test_rounded_sizes_leave_no_pixel_unseen():
    field = ReceptiveField.from_layers(SMALL)
    for pixels in range(1, 60):
        rounded = field.round_up(pixels)
        assert pixels <= rounded < max(pixels, field.size) + field.stride
        assert field.size + (field.count_cells(rounded) - 1) * field.stride == rounded


@pytest.mark.parametrize("spare", [0, 1, 2, 3])
def test_a_cell_lies_in_the_middle_of_the_pixels_that_it_sees(spare):
    field = ReceptiveField.from_layers(SMALL)
    image = torch.zeros(1, 1, 1, field.round_up(40) + spare, requires_grad=True)
    ones = nn.Sequential(nn.Conv1d(1, 1, 5, 2), nn.AvgPool1d(3, 2), nn.Conv1d(1, 1, 3))
    for parameter in ones.parameters():
        nn.init.ones_(parameter)
    cells = ones(image[0])[0, 0]
    for number in range(len(cells)):
        (gradient,) = torch.autograd.grad(cells[number], image, retain_graph=True)
        pixels = torch.nonzero(gradient[0, 0, 0])[:, 0]
        middle = float(pixels.float().mean()) + 0.5
        assert middle == field.size / 2 + number * field.stride
