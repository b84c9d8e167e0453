"""Displacement and scale from score maps."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mvot_plugin.engines.correlation.scale_search import DisplacementSearch, ScaleSearch
from mvot_plugin.models.siamfc.peaks import choose_scale, locate_peaks, upsample_maps

PLAIN = ScaleSearch(window=0.0, penalty=1.0)
STIFF = ScaleSearch(penalty=0.9745)


def upsample(search, maps):
    """Upsample maps by the settings of a search."""
    return upsample_maps(maps, torch.from_numpy(search.as_arrays(maps.shape[-1])[0]))


def locate(search, maps):
    """The displacements in cells, and the logits, from upsampled maps."""
    window = torch.from_numpy(search.as_arrays(maps.shape[-1] // search.upsampling)[1])
    positions, logits = locate_peaks(maps, window)
    return positions / search.upsampling, logits


def best_scale(search, maps):
    return choose_scale(maps, torch.from_numpy(search.factors)).tolist()


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
    found = upsample(ScaleSearch(interpolation=mode), maps)
    side = 16 * shape[-1]
    flat = maps.reshape(-1, 1, *shape[-2:])
    expected = F.interpolate(flat, (side, side), mode=mode, align_corners=False)
    assert found.shape == (*shape[:-2], side, side)
    assert_close(found, expected.view(found.shape), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("x", "y"), [(8, 8), (8.5, 7), (3.25, 12.5)])
def test_displacements_are_in_cells_from_the_middle(mode, x, y):
    search = ScaleSearch(window=0.0, interpolation=mode)
    maps = upsample(search, torch.stack([peak(x, y), peak(16 - x, y, 5.0)]))
    offsets, logits = locate(search, maps)
    exact = 0.1 if mode == "bicubic" else 0.55
    assert_close(offsets[0], torch.tensor([x - 8.0, y - 8.0]), atol=exact, rtol=0)
    assert_close(offsets[1], torch.tensor([8.0 - x, y - 8.0]), atol=exact, rtol=0)
    assert_close(logits, torch.tensor([1.0, 5.0]), atol=0.3, rtol=0)


def test_the_window_prefers_what_is_near_and_leaves_the_score_alone():
    far, near = peak(2, 2, 1.02), peak(9, 8, 1.0)
    maps = upsample(PLAIN, torch.maximum(far, near)[None])
    assert locate(PLAIN, maps)[0][0, 0] < -5
    offsets, logits = locate(ScaleSearch(), maps)
    assert abs(offsets[0, 0] - 1) < 0.3
    assert maps.min() < logits[0] <= maps.max()


def test_the_best_scale_is_the_highest_and_change_costs():
    maps = torch.stack([peak(8, 8, h) for h in (1.02, 1.0, 0.5)])[None]
    assert best_scale(PLAIN, maps) == [0]
    assert best_scale(STIFF, maps) == [1]
    assert best_scale(STIFF, maps.flip(1)) == [1]
    clear = torch.stack([peak(8, 8, h) for h in (0.5, 1.0, 1.2)])[None]
    assert best_scale(STIFF, clear) == [2]


def test_log_odds_below_zero_are_penalised_too():
    """A factor below 1 would raise a negative number instead of penalising it."""
    maps = torch.stack([peak(8, 8, h) for h in (1.01, 1.0, 0.5)])[None]
    assert best_scale(ScaleSearch(), maps - 5) == best_scale(STIFF, maps)


def test_a_flat_map_stays_in_the_middle():
    offsets, logits = locate(ScaleSearch(), torch.zeros(1, 272, 272))
    assert offsets.abs().max() < 0.1
    assert logits.tolist() == [0]


def test_no_maps_are_legal():
    search = ScaleSearch()
    assert best_scale(search, torch.zeros(0, 3, 17, 17)) == []
    assert locate(search, upsample(search, torch.zeros(0, 17, 17)))[0].shape == (0, 2)


def test_a_window_of_full_influence_leaves_only_itself():
    maps = upsample(PLAIN, peak(2, 2)[None])
    assert locate(ScaleSearch(window=1.0), maps)[0].abs().max() < 0.1


def test_a_search_for_a_displacement_has_one_scale():
    assert DisplacementSearch().factors.tolist() == [1.0]
    assert ScaleSearch(penalty=0.5).factors.tolist() == [0.5, 1.0, 0.5]
