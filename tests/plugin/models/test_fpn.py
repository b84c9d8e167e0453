import pytest
import torch
from torch.testing import assert_close

from helpers import reference_siammotion as slow
from helpers.small_siammotion import run_on_one_thread
from mvot_plugin.models.fpn import FeaturePyramid, upsample

CHANNELS = 3, 4, 5, 6
SIZES = [(16, 16), (48, 80), (144, 208), (208, 48), (128, 128)]
close = {"atol": 1e-5, "rtol": 1e-5}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with run_on_one_thread():
        yield


def a_pyramid(seed=0):
    torch.manual_seed(seed)
    return FeaturePyramid(CHANNELS, 7)


def backbone_features(height, width, seed=0):
    """Of an image of this size: maps of strides 2, 4, 8 and 16."""
    random = torch.Generator().manual_seed(seed)
    return [
        torch.randn(1, channels, height // stride, width // stride, generator=random)
        for channels, stride in zip(CHANNELS, slow.STRIDES, strict=True)
    ]


@pytest.mark.parametrize("size", SIZES)
def test_the_maps_are_those_of_the_reference(size):
    pyramid, features = a_pyramid(), backbone_features(*size)
    weights = {f"neck.{key}": value for key, value in pyramid.state_dict().items()}
    for fast, x in zip(pyramid(features), slow.pyramid(weights, features), strict=True):
        assert_close(fast.permute(0, 3, 1, 2), x, **close)


def test_upsampling_by_hand():
    line = torch.tensor([0.0, 4.0, 6.0]).view(1, 1, 3, 1)
    assert upsample(line)[0, 0, :, 0].tolist() == [0, 2, 4, 5, 6, 6]
    assert upsample(line)[0, 1, :, 0].tolist() == [0, 2, 4, 5, 6, 6]


@pytest.mark.parametrize("level", range(4))
def test_a_level_needs_none_of_the_levels_below_it(level):
    pyramid, features = a_pyramid(), backbone_features(48, 80)
    expected = pyramid(features)[level]
    for below in range(level):
        features[below] = torch.full_like(features[below], torch.nan)
    assert torch.equal(pyramid.compute_level(features, level), expected)
