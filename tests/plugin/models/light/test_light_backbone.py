"""The light backbone: where its cells lie, how far they see, and how they move with the image."""

import pytest
import torch
from torch import nn

from helpers.small_light import random_light_network
from mvot_plugin.models.backbones.light import InvertedResidual, LightBackbone
from mvot_plugin.ops.geometry import FIRST_CELL

REACH = {True: 143, False: 63}
"""Pixels from the middle of what a cell sees to its edge, with and without the top-down step."""


@pytest.fixture(scope="module", params=[True, False], ids=["top-down", "without"])
def backbone(request):
    return random_light_network(pyramid=request.param).backbone


def random_images(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, height, width, generator=generator)


@pytest.mark.parametrize("size", [(16, 16), (64, 96), (208, 112)])
def test_a_cell_is_eight_pixels(backbone, size):
    features = backbone(random_images(*size))
    assert features.shape == (1, 16, size[0] // 8, size[1] // 8)
    assert size == (16, 16) or float(features.std((2, 3)).min()) > 0.01


def make_transparent(backbone):
    """Let every weight be positive, so that a cell depends on all of its receptive field."""
    for part in backbone.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.constant_(part.weight, 1 / part.weight[0].numel())
    return backbone.eval()


@pytest.mark.parametrize("top_down", [True, False])
def test_cells_lie_where_the_geometry_says_and_see_what_is_around_them(top_down):
    backbone = make_transparent(LightBackbone(4, top_down=top_down))
    images = torch.ones(1, 3, 400, 400, requires_grad=True)
    for cell in (22, 23):
        features = backbone(images)
        (gradient,) = torch.autograd.grad(features[0, :, cell, cell].sum(), images)
        seen = torch.nonzero(gradient[0].sum((0, 1)) > 0)[:, 0].double() + 0.5
        reach = float(seen.max() - seen.min()) / 2
        middle = float(seen.max() + seen.min()) / 2
        # a cell of stride 16 is shared by two cells of stride 8
        shift = 8.0 * (cell % 2) if top_down else 0.0
        assert middle == FIRST_CELL + 8 * cell - shift
        assert reach == REACH[top_down]


def test_a_pixel_far_away_changes_nothing(backbone):
    images, cell = random_images(400, 400), 25
    reach, middle = REACH[backbone.top_down] + 8, 8 * cell
    far, near = images.clone(), images.clone()
    inside = slice(middle - reach, middle + reach + 1)
    far[:] = random_images(400, 400, seed=1)
    far[..., inside, inside] = images[..., inside, inside]
    near[..., middle : middle + 8, middle : middle + 8] += 1
    before, after, other = (backbone(x)[0, :, cell, cell] for x in (images, far, near))
    assert torch.allclose(before, after, atol=1e-5)
    assert float((before - other).abs().max()) > 1e-3


def test_features_move_with_the_image(backbone):
    """Away from borders, by as many cells as the image moves: by even numbers with top-down."""
    images = random_images(464, 448)
    for pixels, is_even in ((16, True), (8, False)):
        size = images.shape[2] - 16
        moved = images[..., pixels : pixels + size, pixels:][..., :432]
        whole = images[..., :size, :432]
        cells = pixels // 8
        inner = slice(20, 30)
        ours = backbone(moved)[..., inner, inner]
        theirs = backbone(whole)[..., 20 + cells : 30 + cells, 20 + cells : 30 + cells]
        is_same = torch.allclose(ours, theirs, atol=1e-4)
        assert is_same == (is_even or not backbone.top_down)
        assert float(ours.std()) > 0.05


@pytest.mark.parametrize("top_down", [True, False])
def test_without_the_top_down_step_stride_16_has_no_effect(top_down):
    backbone = random_light_network(pyramid=top_down).backbone
    images = random_images(64, 64)
    before = backbone(images)
    for part in (backbone.sixteenth, backbone.top):
        for parameter in part.parameters():
            parameter.data.add_(0.5)
    assert torch.equal(backbone(images), before) == (not top_down)


def test_images_of_a_batch_are_independent(backbone):
    images = torch.cat([random_images(64, 64, seed) for seed in range(3)])
    together = backbone(images)
    alone = torch.cat([backbone(image[None]) for image in images])
    assert torch.allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "has_shortcut"),
    [(8, 8, 1, True), (8, 12, 1, False), (8, 8, 2, False)],
)
def test_a_block_adds_its_input_where_the_shape_stays(inputs, outputs, stride, has_shortcut):
    block = InvertedResidual(inputs, 16, outputs, 3, stride=stride).eval()
    for parameter in block.layers[-1].parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, inputs, 10, 10)
    with torch.no_grad():
        out = block(x)
    assert out.shape == (1, outputs, 10 // stride, 10 // stride)
    assert torch.equal(out, x if has_shortcut else torch.zeros_like(out))
