import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d
from torch.testing import assert_close

from mvot_plugin.ops.tensors.xcorr import pairwise_depthwise_xcorr, pairwise_xcorr, pairwise_zncc

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
HALF = [(torch.bfloat16, 2**-8), (torch.float16, 2**-11)]
"""Half-precision types and their largest relative rounding errors."""
SHAPES = [(1, 6, 6, 3, 3, 4), (3, 9, 7, 4, 2, 5), (5, 5, 8, 5, 1, 2), (2, 29, 29, 5, 5, 4)]
"""(targets, rows and columns of a search area, rows and columns of an exemplar, channels)."""


@pytest.fixture(autouse=True)
def _all_bits(monkeypatch):
    """By default a GPU rounds float32 to ten bits for a convolution."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def random_features(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def random_pairs(n, hs, ws, he, we, c, outputs=()):
    return random_features(n, hs, ws, c), random_features(n, he, we, c, *outputs, seed=1)


def full_pair_by_pair(search, exemplars):
    scores = [
        conv2d(area.permute(2, 0, 1)[None], exemplar.permute(3, 2, 0, 1))[0].permute(1, 2, 0)
        for area, exemplar in zip(search, exemplars, strict=True)
    ]
    return torch.stack(scores)


def depthwise_pair_by_pair(search, exemplars):
    """One channel of one target at a time."""
    maps = [
        torch.stack(
            [
                conv2d(area[None, None, ..., i], exemplar[None, None, ..., i])[0, 0]
                for i in range(area.shape[-1])
            ],
            dim=-1,
        )
        for area, exemplar in zip(search, exemplars, strict=True)
    ]
    return torch.stack(maps)


def with_gradients(correlate, search, exemplars, device="cpu"):
    search = search.to(device, copy=True).requires_grad_()
    exemplars = exemplars.to(device, copy=True).requires_grad_()
    scores = correlate(search, exemplars)
    (scores * random_features(*scores.shape, seed=2).to(device)).sum().backward()
    return scores.detach().cpu(), search.grad.cpu(), exemplars.grad.cpu()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_and_gradients_equal_one_pair_at_a_time(shape, outputs, device):
    search, exemplars = random_pairs(*shape, outputs=(outputs,))
    expected = with_gradients(full_pair_by_pair, search, exemplars)
    found = with_gradients(pairwise_xcorr, search, exemplars, device)
    assert found[0].shape[3] == outputs
    for ours, oracle in zip(found, expected, strict=True):
        assert_close(ours, oracle, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
def test_depthwise_scores_and_gradients_equal_one_pair_at_a_time(shape, device):
    search, exemplars = random_pairs(*shape)
    expected = with_gradients(depthwise_pair_by_pair, search, exemplars)
    found = with_gradients(pairwise_depthwise_xcorr, search, exemplars, device)
    for ours, oracle in zip(found, expected, strict=True):
        assert_close(ours, oracle, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("without", [torch.inference_mode, torch.no_grad])
def test_depthwise_scores_without_gradients_equal_one_pair_at_a_time(without, shape, device):
    search, exemplars = random_pairs(*shape)
    with without():
        found = pairwise_depthwise_xcorr(search.to(device), exemplars.to(device))
    expected = depthwise_pair_by_pair(search, exemplars)
    assert_close(found.cpu(), expected, rtol=1e-4, atol=1e-4)


def test_a_score_is_the_sum_of_products_under_the_exemplar():
    (search, exemplars), depthwise = (
        random_pairs(2, 5, 4, 3, 2, 3, (2,)),
        random_features(2, 3, 2, 3, seed=3),
    )
    scores, each = pairwise_xcorr(search, exemplars), pairwise_depthwise_xcorr(search, depthwise)
    assert scores.shape == (2, 3, 3, 2)
    assert each.shape == (2, 3, 3, 3)
    for n in range(2):
        for y in range(3):
            for x in range(3):
                under = search[n, y : y + 3, x : x + 2]
                summed = (under[..., None] * exemplars[n]).sum((0, 1, 2))
                assert_close(scores[n, y, x], summed, rtol=1e-4, atol=1e-4)
                by_channel = (under * depthwise[n]).sum((0, 1))
                assert_close(each[n, y, x], by_channel, rtol=1e-4, atol=1e-4)


def test_the_channels_of_depthwise_scores_add_up_to_the_full_correlation():
    search, exemplars = random_pairs(3, 9, 8, 3, 4, 6)
    full = pairwise_xcorr(search, exemplars[..., None])
    summed = pairwise_depthwise_xcorr(search, exemplars).sum(-1, keepdim=True)
    assert_close(summed, full, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("dtype", "rounding"), HALF)
@pytest.mark.parametrize("grad", [True, False])
def test_half_precision_loses_no_more_than_its_rounding(grad, dtype, rounding, device):
    """Sums are in float32, so only the result is rounded."""
    search, exemplars = (v.to(dtype) for v in random_pairs(3, 9, 8, 5, 4, 6))
    with torch.set_grad_enabled(grad):
        each = pairwise_depthwise_xcorr(search.to(device), exemplars.to(device))
        full = pairwise_xcorr(search.to(device), exemplars[..., None].to(device))
    assert each.dtype == full.dtype == dtype
    oracle = depthwise_pair_by_pair(search.float(), exemplars.float())
    terms = depthwise_pair_by_pair(search.float().abs(), exemplars.float().abs())
    assert ((each.float().cpu() - oracle).abs() <= rounding * terms).all()
    off = (full.float().cpu() - oracle.sum(-1, keepdim=True)).abs()
    assert (off <= rounding * terms.sum(-1, keepdim=True)).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("grad", [True, False])
def test_features_in_another_layout_give_the_same_scores(grad, device):
    search, exemplars = (v.to(device) for v in random_pairs(3, 9, 8, 3, 4, 6))
    other = [v.permute(3, 1, 2, 0).contiguous().permute(3, 1, 2, 0) for v in (search, exemplars)]
    assert not other[0].is_contiguous()
    with torch.set_grad_enabled(grad):
        for correlate, depth in [(pairwise_depthwise_xcorr, ()), (pairwise_xcorr, (None,))]:
            ours = correlate(other[0], other[1][(..., *depth)])
            assert_close(ours, correlate(search, exemplars[(..., *depth)]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_no_targets_are_legal(dtype, grad, device):
    search = torch.zeros(0, 29, 27, 8, dtype=dtype, device=device)
    exemplars = torch.zeros(0, 5, 4, 8, dtype=dtype, device=device)
    with torch.set_grad_enabled(grad):
        each = pairwise_depthwise_xcorr(search, exemplars)
        full = pairwise_xcorr(search, exemplars[..., None].expand(0, 5, 4, 8, 3))
    assert each.shape == (0, 25, 24, 8)
    assert full.shape == (0, 25, 24, 3)
    assert each.dtype == full.dtype == dtype


@pytest.mark.parametrize("device", DEVICES)
def test_zncc_is_the_correlation_coefficient_of_each_channel_s_deviations(device):
    """The textbook formula, position by position, at any contrast and brightness."""
    search, exemplars = (v.to(device) for v in random_pairs(2, 7, 6, 3, 2, 5))
    found = pairwise_zncc(search, exemplars)
    assert found.shape == (2, 5, 5)
    for n, y, x in np.ndindex(2, 5, 5):
        a, b = search[n, y : y + 3, x : x + 2].cpu().numpy(), exemplars[n].cpu().numpy()
        a, b = (v - v.mean((0, 1)) for v in (a, b))
        expected = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
        assert float(found[n, y, x]) == pytest.approx(expected, abs=1e-4)
    other = pairwise_zncc(3 * search + 1, 0.5 * exemplars - 2)
    assert_close(other, found, atol=1e-4, rtol=1e-4)
    itself = pairwise_zncc(exemplars, exemplars)
    assert_close(itself, torch.ones_like(itself), atol=1e-4, rtol=0)


def test_zncc_of_what_has_no_structure_is_none():
    flat, exemplars = torch.full((1, 6, 6, 4), 2.0), torch.randn(1, 3, 3, 4)
    assert pairwise_zncc(flat, exemplars).abs().max() < 1e-2
    assert pairwise_zncc(torch.randn(1, 6, 6, 4), flat[:, :3, :3]).abs().max() < 1e-2
    assert pairwise_zncc(flat[:0], exemplars[:0]).shape == (0, 4, 4)
