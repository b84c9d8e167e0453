import math
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from helpers import reference_siammotion as slow
from helpers.small_siammotion import (
    BOXES,
    PREDICTED,
    canonical_sizes,
    crop_areas,
    crop_exemplar_areas,
    crop_search_areas,
    enroll_boxes,
    nearest_octaves,
    propose,
    random_image,
    random_network,
    run_on_one_thread,
)
from mvot_plugin.errors import UsageError
from mvot_plugin.models.inertia import Inertia
from mvot_plugin.models.siammotion import SiamMotionNet
from mvot_plugin.models.siammotion_config import PRESETS, SiamMotionConfig

close = {"atol": 1e-4, "rtol": 1e-4}
coordinate = st.floats(-500, 500)
side = st.floats(5, 300)


@pytest.fixture(scope="module", autouse=True)
def no_gradients_on_one_thread():
    with torch.no_grad(), run_on_one_thread():
        yield


def test_without_a_pyramid_all_areas_are_cropped_from_maps_of_stride_8():
    network = random_network(pyramid=False)
    areas, w = network.config.search_areas(BOXES), network.state_dict()
    octaves, full = nearest_octaves(network, BOXES), []
    for box, area, octave in zip(BOXES, areas, octaves, strict=True):
        assert octave == slow.octave(slow.exemplar_side(box) * 31 / 15, pixels=248)
        scaled = slow.normalize(slow.rescale(random_image(0), 2 ** (octave / 2)))
        only = slow.convolve_1x1(w, "neck", slow.backbone(w, scaled)[2])
        full.append(slow.crop(only, 8, (area * 2 ** (octave / 2)).tolist(), 31))
    crops = crop_areas(network, random_image(0), areas, octaves, 31)
    assert_close(crops.permute(0, 3, 1, 2), torch.cat(full), **close)
    assert not [key for key in w if key.startswith(("neck.lateral", "neck.smooth"))]


def test_without_attention_features_stay_as_they_are():
    network = random_network(attention=False)
    exemplars = enroll_boxes(network, random_image(0), BOXES)
    crops = crop_search_areas(network, random_image(1), PREDICTED)
    own, x = network.attend(exemplars, crops)
    assert exemplars.value is exemplars.mask is None
    assert torch.equal(x, crops)
    assert torch.equal(own.flatten(1, 2), exemplars.own)
    proposals, parts = propose(network), (part.permute(0, 3, 1, 2) for part in (own, crops))
    for i, (kernel, area) in enumerate(zip(*(part.split(1) for part in parts), strict=True)):
        classes, _ = slow.proposal_network(network.state_dict(), kernel, area)
        assert_close(proposals.logits[i], classes[1] - classes[0], **close)


@pytest.mark.parametrize("attention", [False, True])
def test_without_a_proposal_network_one_correlation_is_tried_at_three_scales(attention):
    network = random_network(rpn=False, attention=attention)
    norm = network.head.adjust
    slope = float(norm.weight / (norm.running_var + 1e-5).sqrt())
    offset = float(norm.bias) - slope * float(norm.running_mean)
    exemplars = crop_exemplar_areas(network, random_image(0), BOXES)
    areas = crop_search_areas(network, random_image(1), PREDICTED).view(-1, 3, 31, 31, 16)
    fast, last = propose(network), canonical_sizes(network, BOXES)
    assert fast.logits.shape == (len(BOXES), 3, 25, 25)
    for i in range(2):
        pairs = [(exemplars[i], area) for area in areas[i]]
        if attention:
            pairs = [enhance(network, *pair) for pair in pairs]
        kernel = pairs[1][0]
        for k, row, column in np.ndindex(3, 25, 25):
            under = pairs[k][1][row : row + 7, column : column + 7]
            logit = slope * float((under * kernel).mean()) + offset
            assert float(fast.logits[i, k, row, column]) == pytest.approx(logit, abs=1e-3)
            scale = (1 / 1.0375, 1, 1.0375)[k]
            place = [(column - 12) * 8 * scale, (row - 12) * 8 * scale]
            size = [scale * side for side in last[i].tolist()]
            box = fast.boxes[i, k, row, column].tolist()
            assert box == pytest.approx([*place, *size], rel=1e-5, abs=1e-4)


def enhance(network, *pair):
    """An exemplar and a search area, (rows, columns, C), after attention."""
    maps = (part.permute(2, 0, 1)[None] for part in pair)
    enhanced = slow.enhance_features(network.state_dict(), *maps)
    return [part[0].permute(1, 2, 0) for part in enhanced]


@pytest.mark.parametrize("switch", ["pyramid", "rpn", "attention", "inertia"])
def test_any_part_can_be_left_out(switch):
    full, without = random_network(), random_network(**{switch: False})
    prefix = {"pyramid": "neck.smooth", "rpn": "head.classify"}.get(switch, switch)
    assert any(key.startswith(prefix) for key in full.state_dict())
    assert not any(key.startswith(prefix) for key in without.state_dict())
    proposals = propose(without)
    assert proposals.logits.isfinite().all()
    assert proposals.boxes.isfinite().all()


def test_the_preset_has_the_settings_of_the_paper():
    config = PRESETS["siammotion"]
    assert config == SiamMotionConfig()
    assert (config.width, config.backbone_width, config.context, config.stride) == (256, 64, 0.5, 8)
    assert (config.exemplar_bins, config.exemplar_kept, config.search_bins) == (15, 7, 31)
    assert (config.score_cells, config.canonical_side) == (25, 248)
    assert config.ratios == (1 / 3, 1 / 2, 1, 2, 3)
    assert config.search_scales == (1,)
    assert SiamMotionConfig(rpn=False).search_scales == (1 / 1.0375, 1, 1.0375)


@pytest.mark.parametrize(("pyramid", "level", "stride"), [(True, 2, 4), (False, 3, 8)])
def test_targets_are_compared_on_one_level(pyramid, level, stride):
    config = SiamMotionConfig(pyramid=pyramid)
    geometry = config.geometry
    assert (config.tracking_level, geometry.stride, geometry.is_padded) == (level, stride, True)
    assert geometry.block * stride == 16
    assert geometry.crop_pixels(config.tracking_side) % 16 == 0


def test_a_config_comes_back_from_plain_values():
    config = SiamMotionConfig(width=32, ratios=(0.5, 1.0), attention=False)
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(config).items()}
    assert SiamMotionConfig.from_dict(plain) == config
    assert SiamMotionConfig.from_dict({}) == SiamMotionConfig()
    hash(SiamMotionConfig.from_dict(plain))


def test_an_unknown_setting_names_the_nearest():
    with pytest.raises(UsageError, match=r"SiamMOTION setting 'backbone_widht'.*'backbone_width'"):
        SiamMotionConfig.from_dict({"width": 16, "backbone_widht": 8})


@pytest.mark.parametrize("bad", [{"exemplar_bins": 14}, {"exemplar_kept": 17}])
def test_an_exemplar_has_a_middle_and_keeps_no_more_than_it_has(bad):
    with pytest.raises(UsageError, match=r"exemplar_(bins|kept) must be"):
        SiamMotionNet(SiamMotionConfig(width=4, backbone_width=4, **bad))


@cache
def some_inertia():
    return random_network().inertia


@st.composite
def histories(draw):
    boxes = st.tuples(coordinate, coordinate, side, side)
    return torch.tensor([draw(st.lists(boxes, min_size=6, max_size=6))])


@given(histories())
def test_untrained_inertia_predicts_rest(history):
    assert_close(Inertia()(history), history[:, -1])


@given(histories())
def test_inertia_is_the_formula(history):
    """Eq. 2 of five steps, two tanh layers, and their output added to the last box."""
    inertia, steps = some_inertia(), []
    for (x0, y0, w0, h0), (x1, y1, w1, h1) in zip(history[0], history[0, 1:]):  # noqa: B905
        steps += [(x1 - x0) / w0, (y1 - y0) / h0, (w1 / w0).log(), (h1 / h0).log()]
    signal = torch.stack(steps)
    for i in (0, 2):
        layer = inertia.layers[i]
        signal = torch.tanh(layer.weight @ signal + layer.bias)
    dx, dy, dw, dh = (inertia.layers[4].weight @ signal + inertia.layers[4].bias).tolist()
    x, y, w, h = history[0, -1].tolist()
    expected = [x + dx * w, y + dy * h, w * math.exp(dw), h * math.exp(dh)]
    assert inertia(history)[0].tolist() == pytest.approx(expected, rel=1e-3, abs=1e-2)


@given(histories(), st.floats(0.25, 4), coordinate, coordinate)
def test_inertia_is_invariant_to_scale_and_position(history, scale, dx, dy):
    inertia, shift = some_inertia(), torch.tensor([dx, dy, 0, 0])
    expected = inertia(history) * scale + shift
    assert_close(inertia(history * scale + shift), expected, atol=5e-2, rtol=1e-3)


def test_the_inertia_of_targets_is_independent():
    inertia, random = some_inertia(), torch.Generator().manual_seed(1)
    history = torch.rand(5, 6, 4, generator=random) * 50 + 20
    together = inertia(history)
    assert (together - history[:, -1]).abs().max() > 1
    for i in range(5):
        assert_close(together[i], inertia(history[i : i + 1])[0])
