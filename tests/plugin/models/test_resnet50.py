"""The dilated ResNet-50 against torchvision's."""

import pytest
import torch
from torch.testing import assert_close
from torchvision.models import resnet50

from helpers.small_siammotion import randomise_batch_norm
from mvot_plugin.models.backbones.resnet50 import ResNet50

NAMES = "layer1", "layer2", "layer3", "layer4"


@pytest.fixture(scope="module")
def theirs():
    """Dilated as in SiamRPN++: layers 3 and 4 keep the stride of 8."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = resnet50(weights=None, replace_stride_with_dilation=[False, True, True]).eval()
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                randomise_batch_norm(part)
    return network.requires_grad_(False)


@pytest.fixture(scope="module")
def ours(theirs):
    network = ResNet50().eval().requires_grad_(False)
    network.load_state_dict(theirs.state_dict(), strict=False)
    return network


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 3, 96, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def expected(theirs, image):
    """What layers 1 to 4 of torchvision's give."""
    maps = [theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(image))))]
    for name in NAMES:
        maps.append(getattr(theirs, name)(maps[-1]))
    return maps[1:]


def test_the_weights_of_torchvision_fit_by_name():
    """Those of the network that ImageNet weights are published for, which is not dilated."""
    weights = resnet50(weights=None).state_dict()
    network = ResNet50()
    answer = network.load_state_dict(weights, strict=False)
    assert not answer.missing_keys
    assert set(answer.unexpected_keys) == {"fc.weight", "fc.bias"}
    loaded = network.state_dict()
    assert {name: value.shape for name, value in loaded.items()} == {
        name: value.shape for name, value in weights.items() if not name.startswith("fc.")
    }


def test_the_maps_have_strides_4_and_8(ours, image):
    early = ours.early(image)
    assert early.shape == (1, ours.early_channels, 24, 16)
    assert [level.shape for level in ours.late(early)] == [
        (1, channels, 12, 8) for channels in ours.channels
    ]
    assert ours.channels == (512, 1024, 2048)


def test_the_features_of_stride_4_are_those_of_torchvision(ours, image, expected):
    assert_close(ours.early(image), expected[0], atol=1e-4, rtol=1e-4)
    assert expected[0].std() > 0.1


@pytest.mark.parametrize("level", [0, 1, 2], ids=NAMES[1:])
def test_the_levels_are_those_of_torchvision(level, ours, expected):
    """The first block of a stage is dilated as the stage before, whose map it sees."""
    found, theirs = ours.late(expected[0])[level], expected[level + 1]
    assert theirs.std() > 0.1
    assert_close(found, theirs, atol=1e-4 * float(theirs.std()), rtol=1e-4)
