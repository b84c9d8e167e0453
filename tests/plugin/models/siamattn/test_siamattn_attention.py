"""Deformable Siamese attention (3.2) against its reference, level by level."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from helpers.references import siamattn as slow
from helpers.references.networks import SHAPES, channels_first, random_case, record_inputs
from mvot_plugin.models.siamattn.attention import channel_attention

TOLERANCE = {"atol": 3e-4, "rtol": 1e-4}
COUNT = 2


@pytest.fixture(scope="module", params=SHAPES)
def case(request):
    return random_case("siamattn", request.param, count=COUNT)


def levels_of(case, crops, n):
    """The map of each level of a target's crop."""
    width, levels = case.config.width, case.network.levels
    return np.split(channels_first(crops[n])[: width * levels], levels)


def templates_of(case, n):
    """The middle of the area that a target was enrolled from, of each level."""
    begin = (case.config.search_bins - case.config.kept) // 2
    middle = slice(begin, begin + case.config.kept)
    return [level[:, middle, middle] for level in levels_of(case, case.before, n)]


def as_float(x):
    return torch.from_numpy(np.asarray(x)).float()


def test_the_template_is_the_middle_with_its_mask_and_its_self_attention(case):
    templates, attended, masks = case.templates
    for n in range(COUNT):
        for i, z in enumerate(templates_of(case, n)):
            assert_close(templates[n, i], as_float(z))
            expected = slow.self_attention(case.w, f"attention.{i}", z)
            assert_close(attended[n, i], as_float(expected), **TOLERANCE)
            assert_close(masks[n, i], as_float(slow.channel_map(z)), **TOLERANCE)
    assert_close(masks.sum(-1), torch.ones_like(masks[..., 0]))


@pytest.mark.parametrize("part", ["spatial", "channel", "neither"])
def test_each_part_of_self_attention_is_that_of_the_reference(part):
    """Eqs. 1 and 2, and the like of channels, each without the other one."""
    case = random_case("siamattn", "preset", count=1)
    module, x = case.network.attention[0], levels_of(case, case.now, 0)[0]
    for other in {"spatial", "channel"} - {part}:
        getattr(module, other).zero_()
    fast = as_float(x)[None]
    found = module.attend_self(fast, channel_attention(fast.flatten(2)))[0]
    if part == "spatial":
        expected = x + slow.spatial_features(case.w, "attention.0", x)
    elif part == "channel":
        factor = case.w["attention.0.channel"]
        expected = x + slow.channel_features(factor, slow.channel_map(x), x)
    else:
        expected = 2 * x
    assert_close(found, as_float(expected), **TOLERANCE)
    assert part == "neither" or (found - 2 * fast[0]).abs().max() > 0.05


def test_a_column_of_the_spatial_map_adds_up_to_1():
    """Where all values are the same, attention adds just them."""
    case = random_case("siamattn", "preset", count=1)
    module, x = case.network.attention[0], case.now[..., :48].permute(0, 3, 1, 2)
    module.value.weight.zero_()
    module.value.bias.fill_(2.0)
    module.channel.zero_()
    found = module.attend_self(x, channel_attention(x.flatten(2)))
    assert_close(found, 2 * x + 2 * module.spatial, **TOLERANCE)


def test_the_search_area_takes_from_the_template_what_eq_4_says(case):
    """What goes into the deformable convolution of each level, of both branches."""
    for i, module in enumerate(case.network.attention):
        calls = []
        handle = module.deform.register_forward_pre_hook(lambda _, x, c=calls: c.append(x[0]))
        case.network.attend(case.templates, case.now)
        handle.remove()
        name, factor, n = f"attention.{i}", case.w[f"attention.{i}.cross"], i % COUNT
        x, z = levels_of(case, case.now, n)[i], templates_of(case, n)[i]
        for found, own, other in ((calls[0][n], z, x), (calls[1][n], x, z)):
            crossed = slow.channel_features(factor, slow.channel_map(other), own)
            expected = slow.self_attention(case.w, name, own) + crossed
            assert_close(found, as_float(expected), **TOLERANCE)


def test_the_deformable_convolution_is_that_of_the_reference(case):
    for i, module in enumerate(case.network.attention):
        (x,) = record_inputs(module.deform, case.network.attend, case.templates, case.now)
        assert module.deform.offsets(x).abs().mean() > 0.5
        for n in range(COUNT):
            expected = slow.deformable_convolution(
                case.w, f"attention.{i}.deform", x[n].double().numpy()
            )
            assert_close(module.deform(x)[n], as_float(expected), **TOLERANCE)


def test_the_attentional_features_are_those_of_the_reference(case):
    exemplars, searches = case.network.attend(case.templates, case.now)
    assert len(exemplars) == len(searches) == case.network.levels
    n = COUNT - 1
    for i in range(case.network.levels):
        x, z = levels_of(case, case.now, n)[i], templates_of(case, n)[i]
        for found, own, other in ((exemplars[i], z, x), (searches[i], x, z)):
            expected = slow.attentional_features(case.w, f"attention.{i}", own, other)
            assert_close(found[n], as_float(expected), **TOLERANCE)


def test_a_new_module_neither_attends_nor_deforms():
    """Its factors and offsets begin at 0: it convolves three times its features."""
    module = type(random_case("siamattn", "preset").network.attention[0])(16)
    module.deform.offsets.bias.data.zero_()
    x = torch.randn(1, 16, 9, 9, generator=torch.Generator().manual_seed(0))
    mask = channel_attention(x.flatten(2))
    with torch.no_grad():
        found = module(x, module.attend_self(x, mask), mask)
        expected = torch.nn.functional.conv2d(3 * x, module.deform.weight, padding=1)
    assert_close(found, expected, atol=1e-4, rtol=1e-4)
