import pytest
import torch
from torch.testing import assert_close

from helpers import reference_siammotion as slow
from mvot_plugin.models.attention import AttentionBranch, ChannelAttention
from mvot_plugin.models.exemplars import Exemplars
from mvot_plugin.rows import Rows

WIDTH = 12
close = {"atol": 1e-5, "rtol": 1e-4}


def an_attention(width=WIDTH, weights=((0.7, -1.3), (1.1, 0.6))):
    torch.manual_seed(0)
    attention = ChannelAttention(width)
    branches = attention.exemplar, attention.search
    for branch, pair in zip(branches, weights, strict=True):
        branch.weights.data = torch.tensor(pair)
    return attention


def some_features(places, targets=3, width=WIDTH, mean=1.0, seed=1):
    """Features whose channels have means of their own, as those of a pyramid do."""
    random = torch.Generator().manual_seed(seed)
    means = mean * torch.randn(width, generator=random)
    return torch.randn(targets, places, width, generator=random) + means


def as_map(x):
    """(1, C, side, side) of one target's (P, C)."""
    side = int(len(x) ** 0.5)
    return x.T.reshape(1, -1, side, side)


def as_places(x):
    return x[0].flatten(1).T


def prefixed_state(attention):
    return {f"attention.{key}": value for key, value in attention.state_dict().items()}


def test_masks_are_the_softmax_of_cosine_similarities():
    attention, x = an_attention(), some_features(25)
    for name, branch in (("exemplar", attention.exemplar), ("search", attention.search)):
        masks = branch.mask(x)
        assert_close(masks.sum(2), torch.ones(3, WIDTH))
        for i in range(3):
            assert_close(
                masks[i], slow.channel_mask(prefixed_state(attention), name, as_map(x[i])), **close
            )


def test_enhanced_features_are_those_of_the_reference():
    attention, x, y = an_attention(), some_features(9), some_features(25, seed=2)
    exemplars, searches = attention(attention.enroll(x), y)
    for i in range(3):
        expected = slow.enhance_features(prefixed_state(attention), as_map(x[i]), as_map(y[i]))
        assert_close(exemplars[i], as_places(expected[0]), **close)
        assert_close(searches[i], as_places(expected[1]), **close)
        assert (exemplars[i] - x[i]).abs().max() > 0.1
        assert (searches[i] - y[i]).abs().max() > 0.1


@pytest.mark.parametrize("term", range(4))
def test_each_term_has_a_weight_of_its_own(term):
    """All but one weight are 0: the exemplar's for self and cross, the search area's likewise."""
    pairs = [[0.0, 0.0], [0.0, 0.0]]
    pairs[term // 2][term % 2] = 1.5
    attention, x, y = an_attention(weights=pairs), some_features(9), some_features(25, seed=2)
    found = attention(attention.enroll(x), y)
    for i, (before, after) in enumerate(zip((x, y), found, strict=True)):
        expected = slow.enhance_features(prefixed_state(attention), as_map(x[0]), as_map(y[0]))[i]
        assert_close(after[0], as_places(expected), **close)
        assert torch.allclose(before, after, atol=1e-6) == (i != term // 2)


def test_untrained_attention_changes_nothing():
    attention, x, y = ChannelAttention(WIDTH), some_features(9), some_features(25, seed=2)
    exemplars, searches = attention(attention.enroll(x), y)
    assert_close(exemplars, x)
    assert_close(searches, y)


def test_a_dead_channel_attends_evenly():
    branch, x = AttentionBranch(WIDTH), some_features(9)
    assert_close(branch.mask(torch.zeros_like(x)), torch.full((3, WIDTH, WIDTH), 1 / WIDTH))


def test_exemplars_are_rows():
    exemplars = an_attention().enroll(some_features(9))
    picked = Rows.cat([exemplars[2], exemplars[:1]])
    assert len(exemplars) == 3
    for name in ("own", "value", "mask"):
        assert torch.equal(getattr(picked, name), getattr(exemplars, name)[[2, 0]])


def test_exemplars_change_their_precision_where_they_are_moved():
    exemplars = an_attention().enroll(some_features(9)).to(torch.float64)
    assert exemplars.own.dtype == exemplars.value.dtype == exemplars.mask.dtype == torch.float64
    bare = Exemplars(own=some_features(9)).to(torch.float64)
    assert bare.own.dtype == torch.float64
    assert bare.value is bare.mask is None


def test_gradients_reach_every_weight():
    attention, x, y = an_attention(), some_features(9), some_features(25, seed=2)
    x.requires_grad_(True)
    exemplars, searches = attention(attention.enroll(x), y)
    (exemplars.square().sum() + searches.square().sum()).backward()
    for name, parameter in (*attention.named_parameters(), ("x", x)):
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name


def half_precision_error(dtype, mean, places):
    """How far a mask is off in half precision, against its mean entry."""
    attention, x = an_attention(width=64), some_features(places, width=64, mean=mean)
    with torch.inference_mode():
        rough = attention.search.mask(x.to(dtype)).float()
        return float((rough - attention.search.mask(x)).abs().max() * 64)


@pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.bfloat16, 0.1), (torch.float16, 0.01)], ids=["bf16", "fp16"]
)
@pytest.mark.parametrize("places", [49, 961])
def test_masks_in_half_precision_are_nearly_the_same(dtype, limit, places):
    assert half_precision_error(dtype, 0.5, places) < limit


@pytest.mark.parametrize(
    ("dtype", "limit"),
    [
        pytest.param(torch.bfloat16, 0.2, id="bf16"),
        pytest.param(torch.float16, 0.02, id="fp16"),
    ],
)
@pytest.mark.parametrize("places", [49, 961])
def test_masks_in_half_precision_bear_channels_of_large_means(dtype, limit, places):
    """Means ten times the spread: XᵀX is nearly of rank one, and large, but cosines are not."""
    assert half_precision_error(dtype, 10.0, places) < limit
