import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from helpers import reference_siammotion as slow
from helpers.small_siammotion import run_on_one_thread
from mvot_plugin.models import fpn
from mvot_plugin.models.fpn import TILE, FeaturePyramid, upsample

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


def tiles_along(cells):
    return -(-cells // TILE)


def every_tile(features):
    return {
        level: torch.cartesian_prod(
            torch.arange(tiles_along(x.shape[2])), torch.arange(tiles_along(x.shape[3]))
        )
        for level, x in enumerate(features)
    }


def cut_tiles(maps, needed):
    """Cut tiles out of full maps (1, H, W, C); 0 where a tile reaches beyond its map."""
    cut = {}
    for level, positions in needed.items():
        x = torch.nn.functional.pad(maps[level], (0, 0, 0, TILE, 0, TILE))[0]
        places = [(row * TILE, column * TILE) for row, column in positions.tolist()]
        cut[level] = torch.stack([x[r : r + TILE, c : c + TILE] for r, c in places])
    return cut


def mask_outside_cells(tiles, level, positions, features):
    """Tiles with 0 in their cells outside the map, which are undefined."""
    height, width = features[level].shape[2:]
    rows = positions[:, :1] * TILE + torch.arange(TILE) < height
    columns = positions[:, 1:] * TILE + torch.arange(TILE) < width
    return tiles * (rows[:, :, None] & columns[:, None])[..., None]


def assert_tiles_are_those_of_the_maps(pyramid, features, needed):
    expected = cut_tiles(pyramid(features), needed)
    found = pyramid.compute_tiles(features, needed)
    assert found.keys() == needed.keys()
    for level, positions in needed.items():
        assert_close(
            mask_outside_cells(found[level], level, positions, features), expected[level], **close
        )


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


@pytest.mark.parametrize("size", SIZES)
def test_all_tiles_together_are_the_maps(size):
    features = backbone_features(*size)
    assert_tiles_are_those_of_the_maps(a_pyramid(), features, every_tile(features))


@settings(max_examples=40)
@given(st.data())
def test_any_tiles_are_those_of_the_maps(data):
    size = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    features = backbone_features(16 * size[0], 16 * size[1])
    needed = {}
    for level in data.draw(st.lists(st.sampled_from(range(4)), unique=True, min_size=1)):
        rows, columns = (tiles_along(cells) for cells in features[level].shape[2:])
        places = st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1))
        needed[level] = torch.tensor(data.draw(st.lists(places, min_size=1, max_size=6)))
    assert_tiles_are_those_of_the_maps(a_pyramid(), features, needed)


def test_no_tiles_are_no_features():
    pyramid, features = a_pyramid(), backbone_features(48, 80)
    assert pyramid.compute_tiles(features, {}) == {}
    nothing = pyramid.compute_tiles(features, {1: torch.empty(0, 2, dtype=torch.int64)})
    assert nothing[1].shape == (0, TILE, TILE, 7)


def test_tiles_in_several_batches_are_the_same(monkeypatch):
    pyramid, features = a_pyramid(), backbone_features(144, 208)
    monkeypatch.setattr(fpn, "TILE_BATCH", 5)
    assert_tiles_are_those_of_the_maps(pyramid, features, every_tile(features))


def test_levels_below_the_wanted_are_not_looked_at():
    pyramid, features = a_pyramid(), backbone_features(48, 80)
    needed = {2: torch.tensor([[0, 1]])}
    expected = pyramid.compute_tiles(features, needed)[2]
    for level in (0, 1):
        features[level] = torch.full_like(features[level], torch.nan)
    assert torch.equal(pyramid.compute_tiles(features, needed)[2], expected)


@pytest.mark.parametrize("level", range(4))
def test_gradients_flow_through_tiles_as_through_the_maps(level):
    pyramid, features = a_pyramid(), backbone_features(48, 80)
    for x in features:
        x.requires_grad_(True)
    needed = {level: every_tile(features)[level]}
    inputs = [*features[level:], pyramid.smooth[level].weight, pyramid.lateral[3].weight]
    tiles = mask_outside_cells(
        pyramid.compute_tiles(features, needed)[level], level, needed[level], features
    )
    found = torch.autograd.grad(tiles.square().sum(), inputs)
    expected = torch.autograd.grad(pyramid(features)[level].square().sum(), inputs)
    for a, b in zip(found, expected, strict=True):
        assert b.abs().max() > 0
        assert_close(a, b, atol=1e-3, rtol=1e-4)
