"""Displacement and scale from score maps."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mvot_plugin.models.scale_search import ScaleSearch

PLAIN = ScaleSearch(window=0.0, penalty=1.0)
STIFF = ScaleSearch(penalty=0.9745)


def random_maps(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def peak(x, y, height=1.0, side=17):
    """A smooth hill over a score map."""
    cells = torch.arange(side)
    far = (cells[:, None] - y) ** 2 + (cells - x) ** 2
    return height * torch.exp(-far / 8)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("shape", [(2, 3, 17, 17), (1, 5, 5)])
def test_maps_are_upsampled_by_interpolation(mode, shape):
    maps = random_maps(*shape)
    found = ScaleSearch(interpolation=mode).upsample(maps)
    side = 16 * shape[-1]
    flat = maps.reshape(-1, 1, *shape[-2:])
    expected = F.interpolate(flat, (side, side), mode=mode, align_corners=False)
    assert found.shape == (*shape[:-2], side, side)
    assert_close(found, expected.view(found.shape), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("x", "y"), [(8, 8), (8.5, 7), (3.25, 12.5)])
def test_displacements_are_in_cells_from_the_middle(mode, x, y):
    search = ScaleSearch(window=0.0, interpolation=mode)
    maps = search.upsample(torch.stack([peak(x, y), peak(16 - x, y, 5.0)]))
    displacements = search.locate(maps)
    exact = 0.1 if mode == "bicubic" else 0.55
    assert_close(displacements.offsets[0], torch.tensor([x - 8.0, y - 8.0]), atol=exact, rtol=0)
    assert_close(displacements.offsets[1], torch.tensor([8.0 - x, y - 8.0]), atol=exact, rtol=0)
    assert_close(displacements.logits, torch.tensor([1.0, 5.0]), atol=0.3, rtol=0)


def test_the_window_prefers_what_is_near_and_leaves_the_score_alone():
    far, near = peak(2, 2, 1.02), peak(9, 8, 1.0)
    maps = PLAIN.upsample(torch.maximum(far, near)[None])
    assert PLAIN.locate(maps).offsets[0, 0] < -5
    windowed = ScaleSearch().locate(maps)
    assert abs(windowed.offsets[0, 0] - 1) < 0.3
    assert maps.min() < windowed.logits[0] <= maps.max()


def test_the_best_scale_is_the_highest_and_change_costs():
    maps = torch.stack([peak(8, 8, h) for h in (1.02, 1.0, 0.5)])[None]
    assert PLAIN.best_scale(maps).tolist() == [0]
    assert STIFF.best_scale(maps).tolist() == [1]
    assert STIFF.best_scale(maps.flip(1)).tolist() == [1]
    clear = torch.stack([peak(8, 8, h) for h in (0.5, 1.0, 1.2)])[None]
    assert STIFF.best_scale(clear).tolist() == [2]


def test_log_odds_below_zero_are_penalised_too():
    """A factor below 1 would raise a negative number instead of penalising it."""
    maps = torch.stack([peak(8, 8, h) for h in (1.01, 1.0, 0.5)])[None]
    assert ScaleSearch().best_scale(maps - 5).tolist() == STIFF.best_scale(maps).tolist()


def test_a_flat_map_stays_in_the_middle():
    displacements = ScaleSearch().locate(torch.zeros(1, 272, 272))
    assert displacements.offsets.abs().max() < 0.1
    assert displacements.logits.tolist() == [0]


def test_no_maps_are_legal():
    search = ScaleSearch()
    assert len(search.best_scale(torch.zeros(0, 3, 17, 17))) == 0
    assert search.locate(search.upsample(torch.zeros(0, 17, 17))).offsets.shape == (0, 2)
